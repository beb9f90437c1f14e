// A fresh project outside the repository, as a user makes one.

import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const programs = fileURLToPath(new URL("programs", import.meta.url));

export interface ProjectOptions {
  name: string;
  /** Tarballs of our packages, by name without the scope. */
  tarballs: Readonly<Record<string, string>>;
  /** Other packages, as `name@range`. */
  dependencies?: readonly string[] | undefined;
  /** Files of `programs/` to copy. */
  programs?: readonly string[] | undefined;
}

export class Project {
  readonly folder: string;

  constructor({ name, tarballs, dependencies = [], ...options }: ProjectOptions) {
    this.folder = mkdtempSync(join(tmpdir(), `gmr-consumer-${name}-`));
    const ours = Object.entries(tarballs).map(([of, tarball]) => [`@gmr-conv/${of}`, `file:${tarball}`]);
    const others = dependencies.map((spec) => {
      const at = spec.lastIndexOf("@");
      return [spec.slice(0, at), spec.slice(at + 1)];
    });
    const manifest = {
      name: `consumer-${name}`,
      private: true,
      type: "module",
      dependencies: Object.fromEntries([...ours, ...others]),
    };
    this.write("package.json", JSON.stringify(manifest, null, 2));
    for (const file of options.programs ?? []) copyFileSync(join(programs, file), join(this.folder, file));
  }

  /** Installs what package.json names. Install scripts would download other libraries. */
  async install(...args: readonly string[]): Promise<void> {
    await this.run("npm", [
      "install",
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
      "--prefer-offline",
      "--loglevel=error",
      ...args,
    ]);
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(join(this.folder, file)), { recursive: true });
    writeFileSync(join(this.folder, file), text);
  }

  /**
   * Runs a program in the folder; returns its standard output.
   * @throws Error with all output if it fails
   */
  run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    return runIn(this.folder, program, args, env);
  }

  /** Runs a program that prints one object as JSON in its last line. */
  async result(
    program: string,
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<Result> {
    const lines = (await this.run(program, args, env)).trim().split("\n");
    return JSON.parse(lines[lines.length - 1]) as Result;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What the programs print. */
export interface Result {
  losses: number[];
  backend?: string;
  threads?: number;
  error?: string;
}

/** What `npm run` sets would be taken for the user's settings of npm. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^npm_(package|lifecycle|command|execpath)/.test(name),
  );
  return { ...Object.fromEntries(kept), NO_COLOR: "1", FORCE_COLOR: undefined, NODE_PATH: undefined };
}

/** @throws Error with all output if the program fails or takes longer than ten minutes */
export function runIn(
  folder: string,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const options = {
    cwd: folder,
    env: { ...cleanEnvironment(), ...env },
    timeout: 600_000,
    maxBuffer: 2 ** 28,
    shell: process.platform === "win32",
  };
  return new Promise((resolve, reject) => {
    execFile(program, [...args], options, (error, stdout, stderr) => {
      if (!error) resolve(stdout);
      else
        reject(
          new Error(`${program} ${args.join(" ")}: ${error.code ?? error.signal}\n${stdout}\n${stderr}`),
        );
    });
  });
}
