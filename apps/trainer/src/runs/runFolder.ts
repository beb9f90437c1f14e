// The folder of a run, `runs/NAME/`, with settings, metrics, checkpoints and report.

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { codeOf, GmrError, reasonOf } from "@gmr-conv/core";
import { writeFileAtomically } from "@gmr-conv/io/node";
import { checkpointAge } from "@gmr-conv/training";
import { FileStorage } from "@gmr-conv/training/node";
import { type NetworkConfig, type RunConfig, runConfigSchema } from "../config/schema.ts";
import { checkFileName, parseJson } from "./schemas.ts";

/** The folder for the files of an overwritten run, until the new one has a checkpoint. */
const REPLACED = ".replaced";

/** Files with weights: checkpoints, the best weights, those of some epochs. */
const WEIGHTS = /\.safetensors$/;

export class RunFolder {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** The folder of an existing run. */
  static at(folder: string): RunFolder {
    return new RunFolder(folder);
  }

  /**
   * A run by name in the folder of all runs.
   * @throws GmrError `invalid-argument` for a name that is not a plain file name
   */
  static named(root: string, name: string): RunFolder {
    return new RunFolder(path.resolve(root, checkFileName("run name", name)));
  }

  file(name: string): string {
    return path.join(this.folder, name);
  }

  /** Makes the folder. @throws GmrError `io` if it cannot be written */
  async create(): Promise<void> {
    try {
      await mkdir(this.folder, { recursive: true });
      this.write(".writable", "");
      rmSync(this.file(".writable"));
    } catch (error) {
      throw ioError(`cannot write to the run folder ${this.folder}`, error);
    }
  }

  /** Replaces a file: readers see either the old or the new content. */
  write(name: string, content: string | Uint8Array): void {
    writeFileAtomically(this.file(name), content);
  }

  /** Deletes a file if it exists. */
  remove(name: string): void {
    rmSync(this.file(name), { force: true });
  }

  /** A file's bytes, or undefined if it does not exist. @throws GmrError `io` */
  async read(name: string): Promise<Uint8Array | undefined> {
    try {
      return await readFile(this.file(name));
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes(String(codeOf(error)))) {
        return undefined;
      }
      throw ioError(`cannot read ${this.file(name)}`, error);
    }
  }

  /** The commands that trained the run, one a line; empty if they are not known. */
  async trainingCommands(): Promise<string> {
    return new TextDecoder().decode((await this.read("command.txt")) ?? new Uint8Array()).trim();
  }

  /** The settings of an existing run. @throws GmrError `io` if there are none, `invalid-data` if they are invalid */
  async readConfig(): Promise<RunConfig> {
    const config = await this.readConfigIfAny();
    if (config) return config;
    throw new GmrError("io", `${this.file("config.json")} does not exist: expected the folder of a run`);
  }

  /** The settings of the run, or undefined if there is none. */
  async readConfigIfAny(): Promise<RunConfig | undefined> {
    const bytes = await this.read("config.json");
    return bytes && parseJson(bytes, this.file("config.json"), runConfigSchema);
  }

  /** Where the checkpoints of its networks are. */
  get storage(): FileStorage {
    return new FileStorage(this.folder);
  }

  /**
   * A network of the run by name, or the first.
   * @throws GmrError `invalid-argument` for an unknown name
   */
  async network(name?: string): Promise<{ config: RunConfig; network: NetworkConfig }> {
    const config = await this.readConfig();
    const network =
      name === undefined ? config.networks[0] : config.networks.find((entry) => entry.name === name);
    if (network) return { config, network };
    const known = config.networks.map((entry) => entry.name).join(", ");
    throw new GmrError(
      "invalid-argument",
      `${this.folder} has no network ${JSON.stringify(name)}, expected one of ${known}`,
    );
  }

  /** Names of the checkpoints. */
  async checkpoints(): Promise<string[]> {
    return (await this.names()).filter((name) => checkpointAge(name) !== undefined);
  }

  /** Names of the files with results of training and evaluation. */
  async results(): Promise<string[]> {
    const found = (await this.names()).filter(
      (name) =>
        WEIGHTS.test(name) || ["report.json", "report.html", "metrics.jsonl", "tensorboard"].includes(name),
    );
    return found.filter((name) => statSync(this.file(name)).size > 0);
  }

  private async names(): Promise<string[]> {
    return readdir(this.folder).catch(() => []);
  }

  /** Sets the files of a run aside; {@link settle} restores them unless there is a new checkpoint. */
  async setAside(): Promise<void> {
    mkdirSync(this.file(REPLACED), { recursive: true });
    for (const name of [...(await this.results()), "config.json"]) {
      if (existsSync(this.file(name))) renameSync(this.file(name), this.file(path.join(REPLACED, name)));
    }
  }

  /** Restores what was set aside, or deletes it if there is a checkpoint now. */
  async settle(): Promise<void> {
    const aside = this.file(REPLACED);
    if (!existsSync(aside)) return;
    if ((await this.checkpoints()).length === 0) {
      for (const name of readdirSync(aside)) {
        rmSync(this.file(name), { recursive: true, force: true });
        renameSync(path.join(aside, name), this.file(name));
      }
    }
    rmSync(aside, { recursive: true, force: true });
  }
}

/** A failure of the file system, as one line. */
export function ioError(what: string, cause: unknown): GmrError {
  const reason = reasonOf(cause);
  return new GmrError("io", `${what}: ${reason}`, { cause });
}
