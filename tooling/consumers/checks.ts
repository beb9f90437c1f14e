// What a consumer is, what there is on this machine, and the numbers that every consumer must find.

import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { findChromium } from "../testing/chromium.ts";
import { findFirefox } from "../testing/firefox.ts";
import type { InstalledBrowser, PageResult } from "./pages.ts";
import { type Project, type Result, runIn } from "./project.ts";

/** A check that cannot be made here, with the reason. */
export class Missing extends Error {}

export interface Check {
  what: string;
  /** Returns a remark for the table, if there is something to say. */
  run: (project: Project) => Promise<string | undefined>;
}

export interface Consumer {
  name: string;
  /** Our packages, without the scope. */
  packages: readonly string[];
  dependencies?: readonly string[];
  /** Files of `programs/`. */
  programs?: readonly string[];
  /** Further files. */
  files?: Readonly<Record<string, string>>;
  checks: readonly Check[];
}

export const TFJS = ["@tensorflow/tfjs@^4.22.0", "@tensorflow/tfjs-backend-wasm@^4.22.0"];
export const WASM = ["core", "tfjs", "backend-wasm"];
export const LAYER = ["problem.js", "layer.js", "wasm.js"];

export const repository = fileURLToPath(new URL("../../", import.meta.url));

const paths = (variable: string): string[] =>
  (process.env[variable] ?? "").split(path.delimiter).filter(Boolean);
export const runtime = (name: string): string | undefined =>
  paths("GMR_RUNTIMES").find((file) => path.basename(file, ".exe") === name && existsSync(file));

/** One check for each version of Node that the packages support. */
export async function inEachNode(run: (node: string) => Check["run"]): Promise<Check[]> {
  const found = new Map<number, string>();
  for (const node of [process.execPath, ...paths("GMR_NODE_BINARIES")]) {
    found.set(Number.parseInt(await runIn(repository, node, ["-p", "process.versions.node"]), 10), node);
  }
  return [20, 22, 24, 26].map((version) => {
    const node = found.get(version);
    const missing = `GMR_NODE_BINARIES does not name Node ${version}`;
    return { what: `Node ${version}`, run: node ? run(node) : skip(missing) };
  });
}

export function skip(reason: string): Check["run"] {
  return async () => {
    throw new Missing(reason);
  };
}

function installed(
  name: InstalledBrowser["name"],
  executable: string | undefined,
): InstalledBrowser | undefined {
  return executable === undefined ? undefined : { name, executable };
}

export const chromium = installed("chromium", findChromium());
export const firefox = installed("firefox", findFirefox());

export type InBrowser = (run: (browser: InstalledBrowser) => Check["run"]) => Check["run"];

export const inChromium: InBrowser = (run) =>
  chromium ? run(chromium) : skip("no Chromium (set CHROMIUM to its path)");
export const inFirefox: InBrowser = (run) =>
  firefox ? run(firefox) : skip("no Firefox (set FIREFOX to its path)");

let reference: readonly number[] = [];

/** The losses that every consumer must find, in float64. */
export function setReference(losses: readonly number[]): void {
  reference = losses;
}

/** @throws Error unless the losses are the reference's, up to float32's precision */
export function checkLosses({ losses, error }: Result, tolerance = 1e-5): void {
  if (error) throw new Error(error);
  const same =
    losses.length === reference.length &&
    losses.every((loss, i) => Math.abs(loss - reference[i]) <= tolerance * reference[i]);
  if (!same) throw new Error(`losses ${losses.join(", ")}: expected ${reference.join(", ")}`);
}

/** @throws Error unless page and worker found the losses on wasm with that number of threads */
export function checkPage({ page, worker }: PageResult, threads: number): string {
  for (const [where, result] of Object.entries({ page, worker })) {
    if (!result) throw new Error(`no result of the ${where}`);
    checkLosses(result);
    if (result.backend !== "wasm" || result.threads !== threads) {
      throw new Error(
        `the ${where} ran on ${result.backend} with ${result.threads} threads: expected ${threads}`,
      );
    }
  }
  return `${threads} ${threads === 1 ? "thread" : "threads"}`;
}

/** @throws Error unless the program finds the losses with that number of threads */
export async function onThreads(
  project: Project,
  program: string,
  args: readonly string[],
  threads: number,
): Promise<string | undefined> {
  const result = await project.result(program, args);
  checkLosses(result);
  if (result.threads !== threads) throw new Error(`${result.threads} threads: expected ${threads}`);
  return `${threads} ${threads === 1 ? "thread" : "threads"}`;
}

export function ifFound(
  file: string | undefined,
  name: string,
  run: (file: string) => Check["run"],
): Check["run"] {
  return file ? run(file) : skip(`GMR_RUNTIMES does not name ${name}`);
}
