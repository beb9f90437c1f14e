// Measuring which variant of a convolution is fastest, once for each shape.

import { checkPositiveInteger, GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { isUsable } from "./backend.ts";
import {
  abilitiesOf,
  type Call,
  candidates,
  forceVariant,
  recordCalls,
  remember,
  remembered,
  type Variant,
} from "./conv/variants.ts";

export interface TuneWebGpuOptions {
  /** Measurements of each variant, of which the fastest counts. Default 3. */
  repeats?: number | undefined;
  /** Measure shapes again that were measured before. Default false. */
  again?: boolean | undefined;
  /** Told before each shape is measured. */
  onProgress?: ((done: number, total: number, key: string) => void) | undefined;
}

/** What was measured for the forward pass or one of the gradients of a convolution. */
export interface TunedVariant {
  key: string;
  /** Milliseconds of each variant that can compute it. */
  ms: Partial<Record<Variant, number>>;
  choice: Variant;
}

/**
 * Runs `run` (for example one prediction or one training step), then times every variant of our shaders for each
 * convolution that it met, with random numbers of the same shapes. From then on the active backend takes the fastest one;
 * without this a rule decides by the shape. It runs before or after `tuneStrategies`, which compares rings with dense
 * kernels.
 *
 * @returns what was measured, one entry per new shape
 * @throws GmrError `unsupported` if the active backend is not a WebGPU backend, `invalid-argument` for `repeats` that is
 *   no positive integer
 */
export async function tuneWebGpu(
  run: () => unknown,
  options: TuneWebGpuOptions = {},
): Promise<TunedVariant[]> {
  const repeats = checkPositiveInteger("repeats", options.repeats ?? 3);
  const backend: unknown = tf.backend();
  if (!isUsable(backend)) {
    throw new GmrError("unsupported", `the active backend must be webgpu, got ${tf.getBackend()}`);
  }
  const calls = new Map<string, Call>();
  recordCalls((call) => calls.set(call.key, call));
  try {
    const result: unknown = await run();
    if (result instanceof tf.Tensor || Array.isArray(result)) tf.dispose(result);
  } finally {
    recordCalls(undefined);
  }
  const wanted = [...calls.values()].filter(({ key }) => options.again || !remembered(backend, key));
  const report: TunedVariant[] = [];
  for (const [i, call] of wanted.entries()) {
    options.onProgress?.(i, wanted.length, call.key);
    const ms = await timeVariants(backend, call, repeats);
    const [choice] = [...ms].reduce((best, other) => (other[1] < best[1] ? other : best));
    remember(backend, call.key, choice);
    report.push({ key: call.key, ms: Object.fromEntries(ms), choice });
  }
  return report;
}

/** Computed without waiting in between, so that the time is that of the GPU and not that of waiting for it. */
const CALLS = 4;

async function timeVariants(
  backend: WebGPUBackend,
  { problem, inputs, compute }: Call,
  repeats: number,
): Promise<Map<Variant, number>> {
  const tensors = inputs.map(({ shape }) => tf.randomNormal(shape));
  const times = new Map<Variant, number>();
  const once = async (variant: Variant): Promise<number> => {
    const start = performance.now();
    // Nothing else may run while a variant is forced: it is for the calls only, not while waiting.
    forceVariant(variant);
    try {
      for (let i = 0; i < CALLS; i++) backend.disposeData(compute(tensors).dataId);
    } finally {
      forceVariant(undefined);
    }
    backend.ensureCommandEncoderReady();
    backend.endComputePassEncoder();
    backend.submitQueue();
    await backend.device.queue.onSubmittedWorkDone();
    return (performance.now() - start) / CALLS;
  };
  try {
    for (const variant of candidates(problem, abilitiesOf(backend))) {
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
