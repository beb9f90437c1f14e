import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { forgetMeasuredStrategies, measuredStrategies, restoreMeasuredStrategies } from "@gmr-conv/tfjs";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { defaultCacheFile, restoreStrategies, saveStrategies } from "./strategyCache.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "gmr-cache-"));
  file = path.join(folder, "deep", "strategies.json");
});
afterEach(() => forgetMeasuredStrategies());

const A = "tensorflow conv2d a";
const B = "tensorflow conv2d b";
const C = "tensorflow conv2d c";

it("keeps a table per device, for this backend only", () => {
  restoreMeasuredStrategies({ [A]: "ring", "wasm conv2d a": "dense" });
  saveStrategies(file, "first");
  forgetMeasuredStrategies();
  restoreMeasuredStrategies({ [A]: "dense", [B]: "ring" });
  saveStrategies(file, "second");
  forgetMeasuredStrategies();
  restoreMeasuredStrategies({ [C]: "dense" }); // as another process, which never read the file
  saveStrategies(file, "first");
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({
    first: { [A]: "ring", [C]: "dense" },
    second: { [A]: "dense", [B]: "ring" },
  });
  expect(readdirSync(path.dirname(file))).toEqual(["strategies.json"]);

  forgetMeasuredStrategies();
  restoreStrategies(file, "first");
  expect(measuredStrategies()).toEqual({ [A]: "ring", [C]: "dense" });
  restoreStrategies(file, "third");
  expect(measuredStrategies()).toEqual({ [A]: "ring", [C]: "dense" });
});

it.each([
  ["no file", undefined],
  ["no JSON", "{"],
  ["no object", "[1]"],
  ["no table", '{ "here": 1 }'],
  ["no strategies", '{ "here": { "a": "fast" } }'],
])("treats a cache that is %s as empty", (_, text) => {
  const cache = path.join(folder, "strategies.json");
  if (text !== undefined) writeFileSync(cache, text);
  restoreStrategies(cache, "here");
  expect(measuredStrategies()).toEqual({});
  restoreMeasuredStrategies({ [A]: "ring" });
  saveStrategies(cache, "here");
  expect(JSON.parse(readFileSync(cache, "utf8")).here).toEqual({ [A]: "ring" });
});

it("says where it cannot write", async () => {
  writeFileSync(path.join(folder, "deep"), "a file where the folder should be");
  const reason = `cannot write the measured strategies to "${file}": a file is in its place`;
  await expectGmrError(() => saveStrategies(file, "here"), "io", reason);
});

it("is in the user's cache folder", () => {
  vi.stubEnv("XDG_CACHE_HOME", folder);
  expect(defaultCacheFile()).toMatch(/gmr-conv.strategies\.json$/);
  if (process.platform === "linux") {
    expect(defaultCacheFile()).toBe(path.join(folder, "gmr-conv", "strategies.json"));
  }
  vi.unstubAllEnvs();
});
