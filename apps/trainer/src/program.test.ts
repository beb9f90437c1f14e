// What a start of the command loads, and what it needs that is not installed with it.

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { ONNX_RUNTIME } from "./parity/runOnnx.ts";
import { ECHARTS } from "./report/charts.ts";

/** The packages that a built module imports when it is imported, itself or through others. */
function packagesOf(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return new Set();
  seen.add(file);
  const imports = readFileSync(file, "utf8").matchAll(/^(?:import|export) (?:[^"';=]* from )?"([^"]+)";$/gm);
  const found = new Set<string>();
  for (const [, name] of imports) {
    if (!name.startsWith(".")) {
      if (!name.startsWith("node:")) found.add(name);
      continue;
    }
    const next = createRequire(file).resolve(name);
    for (const inner of packagesOf(next, seen)) found.add(inner);
  }
  return found;
}

it("starts without TensorFlow.js and all else that only some commands need", () => {
  const cli = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
  expect(existsSync(cli)).toBe(true);
  expect([...packagesOf(cli)].sort()).toEqual(["@gmr-conv/core", "commander"]);
});

it("asks for the versions of optional packages that it is tested with", () => {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  for (const { name, version } of [ECHARTS, ONNX_RUNTIME]) {
    expect([name, manifest.devDependencies[name], manifest.peerDependencies[name]]).toEqual([
      name,
      version,
      `^${version}`,
    ]);
  }
});
