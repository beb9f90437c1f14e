// What a run should say about the machine and the packages it ran on.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import type { ReportEnvironment } from "./report/types.ts";

const require = createRequire(import.meta.url);

/** The version of an installed package. */
export function packageVersion(name: string): string {
  const text = readFileSync(require.resolve(`${name}/package.json`), "utf8");
  const parsed: unknown = JSON.parse(text);
  return typeof parsed === "object" && parsed !== null && "version" in parsed ? String(parsed.version) : "?";
}

/** This program's own version. */
export function ownVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return typeof parsed === "object" && parsed !== null && "version" in parsed ? String(parsed.version) : "?";
}

export function describeEnvironment(backend: string, threads: number): ReportEnvironment {
  return {
    backend,
    threads,
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cpu: os.cpus()[0]?.model.trim() ?? "unknown",
    versions: {
      "gmr-conv": ownVersion(),
      "@tensorflow/tfjs": packageVersion("@tensorflow/tfjs"),
      "@tensorflow/tfjs-backend-wasm": packageVersion("@tensorflow/tfjs-backend-wasm"),
    },
  };
}
