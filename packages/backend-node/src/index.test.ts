import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { describeNative } from "../testing/describeNative.ts";

const folder = fileURLToPath(new URL("../", import.meta.url));

/**
 * The JSON output of a program that starts with `useNode(options)`: most options take effect only in a process's first
 * call.
 */
function run<T>(options: object, body: string): T {
  const program = `
    import { nodeDevice, nodeThreads, tuneNode, useNode } from "@gmr-conv/backend-node";
    import { gmrConv2d, measuredStrategies } from "@gmr-conv/tfjs";
    import * as tf from "@tensorflow/tfjs";
    const convolve = (x, w) => gmrConv2d(x, w, { kernelSize: 5, pad: "same" });
    const noise = (shape, seed) => tf.randomNormal(shape, 0, 1, "float32", seed);
    const inputs = () => [noise([2, 9, 9, 4], 1), noise([3, 4, 6], 2)];
    const failure = (promise) => promise.then(() => "none", ({ code, message }) => code + ": " + message);
    const options = ${JSON.stringify(options)};
    ${body}`;
  const printed = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  return JSON.parse(printed.trim().split("\n").at(-1) ?? "") as T;
}

describeNative("useNode", () => {
  it("computes with the given number of threads, and starts once", () => {
    const program = `
      await useNode(options);
      await useNode();
      const y = convolve(...inputs());
      console.log(JSON.stringify([tf.getBackend(), y.shape, nodeThreads()]));`;
    expect(run({ threads: 1, cache: false }, program)).toEqual(["tensorflow", [2, 9, 9, 6], 1]);
  });

  it("refuses an invalid number of threads", () => {
    const program = "console.log(JSON.stringify(await failure(useNode(options))));";
    const reason = "invalid-argument: threads must be a positive integer, got 0";
    expect(run({ threads: 0 }, program)).toBe(reason);
  });

  it("measures each shape once per device, in training or not, and remembers it in the cache file", () => {
    const cache = path.join(mkdtempSync(path.join(os.tmpdir(), "gmr-node-")), "strategies.json");
    const tune = `
      await useNode(options);
      const seen = [];
      const onProgress = (done, total, key) => seen.push(key);
      const forward = await tuneNode(() => convolve(...inputs()), { onProgress });
      const training = await tuneNode(() => tf.grads(convolve)(inputs()), { onProgress });
      console.log(JSON.stringify({ seen, choices: [...forward, ...training].map(({ choice }) => choice) }));`;
    const first = run<{ seen: string[]; choices: string[] }>({ cache, threads: 2 }, tune);
    const key = "tensorflow conv2d x[2,9,9,4] y[2,9,9,6] k[5,5] r3/21 p[2,2]";
    expect(first.seen).toEqual([key, `${key} training`]);
    const [device] = Object.entries(JSON.parse(readFileSync(cache, "utf8")));
    expect(device[0]).toMatch(/^TensorFlow 2\.\d+\.\d+, (cpu|gpu), ./);
    expect(device[1]).toEqual({ [key]: first.choices[0], [`${key} training`]: first.choices[1] });
    expect(run({ cache, threads: 2 }, tune)).toEqual({ seen: [], choices: [] });
    // A different number of threads counts as another device.
    expect(run<{ seen: string[] }>({ cache, threads: 1 }, tune).seen).toHaveLength(2);
  });

  it("gives identical bits in every run in deterministic mode, and refuses to measure", () => {
    const program = `
      await useNode({ ...options, deterministic: true });
      const { value, grads } = tf.valueAndGrads(convolve)(inputs());
      const bits = [value, ...grads].map((y) => Array.from(new Int32Array(y.dataSync().slice().buffer)));
      const tuned = await failure(tuneNode(() => convolve(...inputs())));
      console.log(JSON.stringify({ bits, tuned, known: measuredStrategies() }));`;
    const [first, second] = [1, 2].map(() =>
      run<{ bits: number[][]; tuned: string; known: object }>({}, program),
    );
    expect(first.bits[0]).toHaveLength(2 * 9 * 9 * 6);
    expect(second).toEqual(first);
    expect(first.known).toEqual({});
    expect(first.tuned).toMatch(/^unsupported: deterministic mode excludes measuring/);
  });
});
