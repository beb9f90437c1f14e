// A run's folder: `runs/NAME/` with its settings, metrics, checkpoints and report.

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { appendFile, mkdir, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { codeOf, GmrError, reasonOf } from "@gmr-conv/core";
import { writeFileAtomically } from "@gmr-conv/io/node";
import type { TrainConfig } from "../training/config.ts";
import { checkFileName, configSchema, metricSchema, parseJson } from "./schemas.ts";

/** What the names of checkpoints end in. */
export const CHECKPOINT_SUFFIX = ".checkpoint.safetensors";

/** The folder of what an overwritten run had, until the new one has a checkpoint. */
const REPLACED = ".replaced";

/** One line of `metrics.jsonl`: means over the steps since the line before. */
export interface Metric {
  network: string;
  /** Steps done, over all epochs. */
  step: number;
  /** From 0. */
  epoch: number;
  loss: number;
  accuracy: number;
  learningRate: number;
  /** Training time so far, seconds. */
  seconds: number;
}

export class RunFolder {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** The folder of an existing run. */
  static at(folder: string): RunFolder {
    return new RunFolder(folder);
  }

  /** The run of a name in the folder of all runs. @throws GmrError `invalid-argument` for a name that is no file name */
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

  /** Replaces a file as a whole: whoever reads it finds the old or the new content, never a part. */
  write(name: string, content: string | Uint8Array): void {
    writeFileAtomically(this.file(name), content);
  }

  /** Deletes a file, if there is one. */
  remove(name: string): void {
    rmSync(this.file(name), { force: true });
  }

  /** A file's bytes, or undefined if there is none. @throws GmrError `io` */
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

  /** The settings of an existing run. @throws GmrError `io` if there is none, `invalid-data` if they are none */
  async readConfig(): Promise<TrainConfig> {
    const config = await this.readConfigIfAny();
    if (config) return config;
    throw new GmrError("io", `${this.file("config.json")} does not exist: expected the folder of a run`);
  }

  /** The settings of the run, or undefined if there is none. */
  async readConfigIfAny(): Promise<TrainConfig | undefined> {
    const bytes = await this.read("config.json");
    return bytes && parseJson(bytes, this.file("config.json"), configSchema);
  }

  /** Names of the files that hold trained networks. */
  async checkpoints(): Promise<string[]> {
    return (await this.names()).filter((name) => name.endsWith(CHECKPOINT_SUFFIX));
  }

  /** Names of the files that hold what training and evaluation gave. */
  async results(): Promise<string[]> {
    const found = (await this.names()).filter(
      (name) =>
        name.endsWith(CHECKPOINT_SUFFIX) || ["report.json", "report.html", "metrics.jsonl"].includes(name),
    );
    return found.filter((name) => statSync(this.file(name)).size > 0);
  }

  private async names(): Promise<string[]> {
    return readdir(this.folder).catch(() => []);
  }

  /** Puts the files of a run aside, to be brought back by {@link settle} unless new training comes to something. */
  async setAside(): Promise<void> {
    mkdirSync(this.file(REPLACED), { recursive: true });
    for (const name of [...(await this.results()), "config.json"]) {
      if (existsSync(this.file(name))) renameSync(this.file(name), this.file(path.join(REPLACED, name)));
    }
  }

  /** Brings back what was put aside, unless there is a checkpoint now: then it is deleted. */
  async settle(): Promise<void> {
    const aside = this.file(REPLACED);
    if (!existsSync(aside)) return;
    if ((await this.checkpoints()).length === 0) {
      for (const name of readdirSync(aside)) renameSync(path.join(aside, name), this.file(name));
    }
    rmSync(aside, { recursive: true, force: true });
  }

  /** A network's metrics, step after step: where training went back to a checkpoint, only what came of it then. */
  async readMetrics(network: string): Promise<Metric[]> {
    const metrics: Metric[] = [];
    for (const metric of (await this.allMetrics()).metrics) {
      if (metric.network !== network) continue;
      while (metrics.length > 0 && metrics[metrics.length - 1].step >= metric.step) metrics.pop();
      metrics.push(metric);
    }
    return metrics;
  }

  /** All lines that are metrics, and how many are not: they tell of training, and are not worth losing a network for. */
  private async allMetrics(): Promise<{ metrics: Metric[]; spoilt: number }> {
    const bytes = await this.read("metrics.jsonl");
    if (!bytes) return { metrics: [], spoilt: 0 };
    const lines = new TextDecoder().decode(bytes).split("\n");
    // A line cut off by a crash is the last one; what it held comes again.
    const whole = lines.slice(0, -1).filter((line) => line.trim() !== "");
    const metrics = whole.flatMap((line) => {
      try {
        return [parseJson(line, this.file("metrics.jsonl"), metricSchema)];
      } catch {
        return [];
      }
    });
    return { metrics, spoilt: whole.length - metrics.length };
  }

  async appendMetric(metric: Metric): Promise<void> {
    try {
      await appendFile(this.file("metrics.jsonl"), `${JSON.stringify(metric)}\n`);
    } catch (error) {
      throw ioError(`cannot write ${this.file("metrics.jsonl")}`, error);
    }
  }

  /**
   * Drops a network's metrics beyond a step, before training goes on from there.
   * @returns how many lines were no metrics, and are gone now, too
   */
  async dropMetricsAfter(network: string, step: number): Promise<number> {
    const { metrics, spoilt } = await this.allMetrics();
    const kept = metrics.filter((m) => m.network !== network || m.step <= step);
    this.write("metrics.jsonl", kept.map((m) => `${JSON.stringify(m)}\n`).join(""));
    return spoilt;
  }
}

function ioError(what: string, cause: unknown): GmrError {
  const reason = reasonOf(cause);
  return new GmrError("io", `${what}: ${reason}`, { cause });
}
