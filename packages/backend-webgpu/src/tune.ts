// Measuring which variant of a convolution is fastest, once for each shape.

import { checkKeys, checkPositiveInteger, type KeysOf } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { activeGpu } from "./backend.ts";
import type { Call } from "./conv/choose.ts";
import { candidates, type Variant } from "./conv/variants.ts";
import type { Gpu } from "./gpu.ts";

export interface TuneWebGpuOptions {
  /** Measurements per variant, of which the fastest counts. Default 3. */
  repeats?: number | undefined;
  /** Also measure shapes that were measured before. Default false. */
  again?: boolean | undefined;
  /** Called before each shape is measured. */
  onProgress?: ((done: number, total: number, key: string) => void) | undefined;
}

const KEYS: KeysOf<TuneWebGpuOptions> = { repeats: true, again: true, onProgress: true };

/** What was measured for the forward pass or one of the gradients of a convolution. */
export interface TunedVariant {
  key: string;
  /** Milliseconds that each variant takes, of those that can compute it. */
  ms: Partial<Record<Variant, number>>;
  choice: Variant;
}

/**
 * Calls `run` (for example one prediction or one training step), then times every variant of our shaders for each
 * convolution that was computed, on random numbers of the same shapes. From then on the active backend uses the fastest
 * variant; otherwise a rule chooses by shape. Call it before or after `tuneStrategies`, which compares rings with dense
 * kernels.
 *
 * @returns what was measured, one entry per new shape
 * @throws GmrError `unsupported` if the active backend is not a WebGPU backend, `invalid-argument` if `repeats` is
 *   not a positive integer
 */
export async function tuneWebGpu(
  run: () => unknown,
  options: TuneWebGpuOptions = {},
): Promise<TunedVariant[]> {
  checkKeys("the options of tuneWebGpu", options, KEYS);
  const repeats = checkPositiveInteger("repeats", options.repeats ?? 3);
  const gpu = activeGpu();
  const { variants } = gpu;
  const calls = new Map<string, Call>();
  variants.recorder = (call) => calls.set(call.key, call);
  try {
    const result: unknown = await run();
    if (result instanceof tf.Tensor || Array.isArray(result)) tf.dispose(result);
  } finally {
    variants.recorder = undefined;
  }
  const wanted = [...calls.values()].filter(({ key }) => options.again || !variants.measured.has(key));
  const report: TunedVariant[] = [];
  for (const [i, call] of wanted.entries()) {
    options.onProgress?.(i, wanted.length, call.key);
    const ms = await timeVariants(gpu, call, repeats);
    const [choice] = [...ms].reduce((best, other) => (other[1] < best[1] ? other : best));
    variants.measured.set(call.key, choice);
    report.push({ key: call.key, ms: Object.fromEntries(ms), choice });
  }
  return report;
}

/** Computed without waiting in between, so that the time is that of the GPU, not that of waiting for it. */
const CALLS = 4;

async function timeVariants(
  gpu: Gpu,
  { problem, inputs, compute }: Call,
  repeats: number,
): Promise<Map<Variant, number>> {
  const tensors = inputs.map(({ shape }) => tf.randomNormal(shape));
  const times = new Map<Variant, number>();
  const once = async (variant: Variant): Promise<number> => {
    const start = performance.now();
    // Forced for these calls only: while waiting, others may compute.
    gpu.variants.forced = variant;
    try {
      for (let i = 0; i < CALLS; i++) gpu.dispose(compute(tensors));
    } finally {
      gpu.variants.forced = undefined;
    }
    await gpu.finish();
    return (performance.now() - start) / CALLS;
  };
  try {
    for (const variant of candidates(problem, gpu.variants.abilities)) {
      await once(variant);
      let best = Number.POSITIVE_INFINITY;
      for (let i = 0; i < repeats; i++) best = Math.min(best, await once(variant));
      times.set(variant, best);
    }
  } finally {
    tf.dispose(tensors);
  }
  return times;
}
