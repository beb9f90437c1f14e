import { useWebGpu } from "@gmr-conv/backend-webgpu";
import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { temporaryFolder } from "../testing/cli.ts";
import { readPreset } from "./config/read.ts";
import { resolveConfig } from "./config/resolve.ts";
import type { ConfigInput } from "./config/schema.ts";
import { runWithFallback } from "./parallel.ts";
import { readMetrics } from "./runs/metrics.ts";
import { RunFolder } from "./runs/runFolder.ts";
import type { Monitor, Task } from "./tasks.ts";

// The built one: it starts threads.
const built = new URL("../dist/runTask.js", import.meta.url).href;
const { runTask } = (await import(built)) as typeof import("./runTask.ts");

const model = { name: "gmr-resnet18" as const, depths: [1], strides: [1], widths: [4], kernelSizes: [3] };
const { config } = await resolveConfig({
  ...(readPreset("mnist") as unknown as ConfigInput),
  limit: 8 * 30,
  train: { batchSize: 8, epochs: 1, validationLimit: 20 },
  networks: [{ name: "gmr", label: "GMR-ResNet", model }],
});

function tinyTask(folder: string): Task {
  return { folder, config, network: config.networks[0], backends: ["wasm"], threads: 1, train: true };
}

/** Calls `onStep` after each step; a checkpoint is written and the task ends where it returns true. */
function monitor(onStep: (step: number) => boolean): Monitor & { starts: number[]; notes: string[] } {
  const [starts, notes]: [number[], string[]] = [[], []];
  let step = 0;
  return {
    starts,
    notes,
    start(_label, _total, done) {
      starts.push(done);
      step = done;
    },
    update() {},
    note: (text) => notes.push(text),
    get stopRequested() {
      return onStep(++step);
    },
  };
}

it("says which backend it took if the first ones do not work", async () => {
  const notes = monitor((step) => step === 1);
  const task: Task = { ...tinyTask(temporaryFolder()), backends: ["webgpu", "cpu"] };
  await expectGmrError(() => runTask(task, notes), "interrupted", /stopped at step/);
  expect(notes.notes[0]).toMatch(/^took cpu; webgpu: /); // no adapter, or a software adapter
});

const missing = await useWebGpu().then(
  () => undefined,
  (error: Error) => error.message,
);
if (missing !== undefined) console.warn(`A test on WebGPU is skipped: ${missing}`);

it.skipIf(missing !== undefined)("continues from its checkpoint after the device was lost", async () => {
  const folder = temporaryFolder();
  await RunFolder.at(folder).create();
  const task: Task = { ...tinyTask(folder), backends: ["webgpu"] };

  const stopped = runTask(
    task,
    monitor((step) => step === 3),
  );
  await expectGmrError(() => stopped, "interrupted", /stopped at step 3/);

  const losing = monitor((step) => {
    if (step === 5) (tf.backend() as WebGPUBackend).device.destroy();
    return false;
  });
  await expectGmrError(() => runTask(task, losing), "device-lost", /the WebGPU device was lost \(destroyed/);
  expect(losing.starts).toEqual([3]);

  const going = monitor(() => false);
  await runTask({ ...task, backends: ["wasm"] }, going);
  expect(going.starts).toEqual([3]);
  const metrics = await readMetrics(RunFolder.at(folder), "gmr");
  expect(metrics.at(-1)?.step).toBe(30);
});

it("tries only the next backends after a device was lost", async () => {
  const tried: (readonly string[])[] = [];
  const lines: string[] = [];
  const run = async (task: Task) => {
    tried.push(task.backends);
    if (tried.length === 1) throw new GmrError("device-lost", "the WebGPU device was lost (unknown)");
    throw new GmrError("interrupted", "stopped");
  };
  const task: Task = { ...tinyTask("folder"), backends: ["node", "webgpu"] };
  const outcome = runWithFallback(task, run, (line) => lines.push(line));
  await expectGmrError(() => outcome, "interrupted", "stopped");
  expect(tried).toEqual([task.backends, ["wasm", "cpu"]]);
  expect(lines).toEqual([
    "GMR-ResNet: the WebGPU device was lost (unknown); continuing from the last checkpoint",
  ]);
});
