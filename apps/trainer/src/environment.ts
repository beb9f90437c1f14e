// The machine and the packages that a run ran on.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import { isRecord } from "./isRecord.ts";
import type { ReportEnvironment } from "./report/types.ts";

const require = createRequire(import.meta.url);

/** The version of an installed package. */
export function packageVersion(name: string): string {
  return versionIn(require.resolve(`${name}/package.json`));
}

/** The version of this program. */
export function ownVersion(): string {
  return versionIn(new URL("../package.json", import.meta.url));
}

function versionIn(file: string | URL): string {
  const parsed: unknown = JSON.parse(readFileSync(file, "utf8"));
  return isRecord(parsed) && "version" in parsed ? String(parsed.version) : "?";
}

/** @param processes that shared the work, if there were several */
export function describeEnvironment(backend: string, threads: number, processes?: number): ReportEnvironment {
  return {
    backend,
    threads,
    ...(processes && { processes }),
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
