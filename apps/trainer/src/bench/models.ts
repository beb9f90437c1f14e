// The cost of each network at its usual input size, alone or in turn with its peers.

import { fileURLToPath } from "node:url";
import type { ModelName } from "@gmr-conv/models/registry";
import type { BackendChoice } from "../backendNames.ts";
import { BenchProcess } from "./benchProcess.ts";
import { type Entrant, measureInTurn } from "./entrants.ts";
import type { NetworkPass, NetworkTime } from "./measurements.ts";

export interface ModelBench {
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
  pass: NetworkPass;
}

interface Settings {
  backend: BackendChoice;
  threads?: number | undefined;
  runs: number;
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

/** Measures a training step of networks one after the other, each in its own process. */
export async function benchModels(
  benches: readonly ModelBench[],
  settings: Settings,
  onResult: (step: ModelStep) => void,
): Promise<void> {
  for (const bench of benches) {
    const child = await startModel(bench, "train-step", settings);
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

/**
 * Measures each of some GMR networks in turn with its dense twin and with other implementations of it.
 * @param peers the implementations of a network outside this project
 */
export async function compareModels(
  benches: readonly ModelBench[],
  settings: Settings & { passes: readonly NetworkPass[] },
  peers: (bench: ModelBench, pass: NetworkPass, threads: number | undefined) => readonly Entrant[],
  onResult: (times: readonly NetworkTime[]) => void,
): Promise<void> {
  const { backend, threads, runs } = settings;
  for (const bench of benches) {
    const { options, batch } = bench;
    const twin = { ...bench, name: bench.name.replace("gmr-", "dense-") as ModelName };
    for (const pass of settings.passes) {
      const entrants: Entrant[] = [
        { backend, impl: "gmr", start: () => startModel(bench, pass, settings) },
        { backend, impl: "dense", start: () => startModel(twin, pass, settings) },
        ...peers(bench, pass, threads),
      ];
      const model = `${bench.name} ${options.inputShape.join("×")}`;
      onResult(await measureInTurn(entrants, { model, pass, batch, runs }));
    }
  }
}

function startModel(
  bench: ModelBench,
  pass: NetworkPass,
  { backend, threads }: Settings,
): Promise<BenchProcess> {
  const input: ModelProcessInput = { ...bench, backend, threads, pass };
  const program = fileURLToPath(new URL("modelProcess.js", import.meta.url));
  return BenchProcess.start(process.execPath, [program, JSON.stringify(input)]);
}
