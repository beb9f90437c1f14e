// The cost of a training step of each network at its usual input size.

import { fileURLToPath } from "node:url";
import type { ModelName } from "@gmr-conv/models/registry";
import type { BackendChoice } from "../backendNames.ts";
import { BenchProcess } from "./benchProcess.ts";

interface ModelBench {
  name: ModelName;
  options: { inputShape: number[]; classes: number } & Record<string, unknown>;
  batch: number;
  /** Keep only the tensors between stages. */
  checkpointStages: boolean;
}

/** The argument of `modelProcess.ts`. */
export interface ModelProcessInput extends ModelBench {
  backend: BackendChoice;
  threads?: number | undefined;
}

export interface ModelStep extends ModelBench {
  backend: string;
  threads: number;
  /** The fastest training step, milliseconds. */
  ms: number;
  /** Peak resident memory of the process, MiB. */
  peakMB: number;
}

const IMAGES = { inputShape: [224, 224, 3], classes: 1000, stemPool: true };
const VOXELS = { inputShape: [33, 33, 33, 1], classes: 10 };
const SLICES = { inputShape: [256, 256, 1], classes: 2 };
const VOLUMES = { inputShape: [32, 32, 32, 1], classes: 2 };

/** Every network at the input size of the paper's tasks, two images or volumes each. */
export const MODEL_BENCHES: readonly ModelBench[] = (
  [
    ["gmr-resnet18", IMAGES],
    ["gmr-resnet34", IMAGES],
    ["gmr-resnet50", IMAGES],
    ["dense-resnet18", IMAGES],
    ["dense-resnet50", IMAGES],
    ["gmr-r3d9", VOXELS],
    ["gmr-r3d18", VOXELS],
    ["dense-r3d18", VOXELS],
    ["gmr-unet", SLICES],
    ["dense-unet", SLICES],
    ["gmr-unet", VOLUMES],
    ["p4m-resnet18", { ...IMAGES, inputShape: [112, 112, 3] }],
  ] as const
).map(([name, { inputShape, ...options }]) => ({
  name,
  options: { ...options, inputShape: [...inputShape] },
  batch: 2,
  checkpointStages: false,
}));

/** Measures networks one after the other, each in its own process. */
export async function benchModels(
  benches: readonly ModelBench[],
  settings: { backend: BackendChoice; threads?: number | undefined; runs: number },
  onResult: (step: ModelStep) => void,
): Promise<void> {
  const program = fileURLToPath(new URL("modelProcess.js", import.meta.url));
  for (const bench of benches) {
    const input: ModelProcessInput = { ...bench, backend: settings.backend, threads: settings.threads };
    const child = await BenchProcess.start(process.execPath, [program, JSON.stringify(input)]);
    try {
      let [ms, peakMB] = [Number.POSITIVE_INFINITY, 0];
      for (let run = 0; run <= settings.runs; run++) {
        const turn = await child.turn({});
        if (run > 0) ms = Math.min(ms, turn.ms); // the first warms up
        peakMB = turn.peakMB;
      }
      onResult({ ...bench, backend: settings.backend, threads: child.threads, ms, peakMB });
    } finally {
      await child.close();
    }
  }
}
