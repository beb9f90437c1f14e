// Measures which strategy is faster, once per shape.

import {
  checkKeys,
  checkPositiveInteger,
  describeValue,
  GmrError,
  type KeysOf,
  product,
  reasonOf,
} from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { convolveGroup } from "./conv.ts";
import { mendGradients } from "./gradients.ts";
import { type AutoCall, measuredStrategies, recordAutoCalls, remember } from "./strategy.ts";

export interface TuneOptions {
  /** Measurements of each strategy; the fastest counts. Default 3. */
  repeats?: number | undefined;
  /** Measure known shapes again. Default false. */
  again?: boolean | undefined;
  /** Called before each shape is measured. */
  onProgress?: ((done: number, total: number, key: string) => void) | undefined;
}

/** The keys of {@link TuneOptions}. */
export const TUNE_KEYS: KeysOf<TuneOptions> = { repeats: true, again: true, onProgress: true };

/** The measurement of one shape, in milliseconds. */
export interface TunedStrategy {
  key: string;
  ring: number;
  dense: number;
  choice: "ring" | "dense";
}

/**
 * Runs `run` (for example one prediction or one training step), then times both strategies for every convolution of
 * strategy `auto` in it, with random numbers of the same shapes on the active backend: with gradients if `run` computed
 * them, else the forward pass alone. From then on `auto` uses the faster one. If the backend cannot run one strategy,
 * the other is used.
 *
 * @returns the measurements, one per new shape
 */
export async function tuneStrategies(
  run: () => unknown,
  options: TuneOptions = {},
): Promise<TunedStrategy[]> {
  if (typeof run !== "function") {
    throw new GmrError("invalid-argument", `run must be a function, got ${describeValue(run)}`);
  }
  checkKeys("the options of tuneStrategies", options, TUNE_KEYS);
  const repeats = checkPositiveInteger("repeats", options.repeats ?? 3);
  const calls = new Map<string, AutoCall>();
  recordAutoCalls((call) => calls.set(call.key, call));
  try {
    const result: unknown = await run();
    if (result instanceof tf.Tensor || Array.isArray(result)) tf.dispose(result);
  } finally {
    recordAutoCalls(undefined);
  }
  const known = measuredStrategies();
  const wanted = [...calls.values()].filter(({ key }) => options.again || !Object.hasOwn(known, key));
  mendGradients();
  const report: TunedStrategy[] = [];
  for (const [i, call] of wanted.entries()) {
    options.onProgress?.(i, wanted.length, call.key);
    const ring = await time(call, "ring", repeats);
    const dense = await time(call, "dense", repeats);
    const choice = ring <= dense ? "ring" : "dense";
    remember(call.key, choice);
    report.push({ key: call.key, ring, dense, choice });
  }
  return report;
}

/** The fastest of several runs in milliseconds, after one warm-up; infinite if the backend cannot run it. */
async function time({ size, plan }: AutoCall, strategy: "ring" | "dense", repeats: number): Promise<number> {
  const { training, batch, inputSize, inChannels, outputSize, outChannels } = size;
  const [a, b] = size.transposed ? [outChannels, inChannels] : [inChannels, outChannels];
  const x = tf.randomNormal([batch, ...inputSize, inChannels]);
  const weights = tf.randomNormal<tf.Rank.R3>([plan.partition.numRings, a, b]);
  const dy = tf.randomNormal([batch, ...outputSize, outChannels]);
  const compute = (image: tf.Tensor, matrices: tf.Tensor) =>
    convolveGroup(image, matrices as tf.Tensor3D, { ...plan, strategy });
  const once = async (): Promise<void> => {
    const results = tf.tidy(() => {
      const made = training ? tf.grads(compute)([x, weights], dy) : [compute(x, weights)];
      // Reading one number of each result is enough to wait for it.
      return made.map((tensor) => (product(tensor.shape) > 0 ? tensor.flatten().slice(0, 1) : tf.scalar(0)));
    });
    await Promise.all(results.map((tensor) => tensor.data()));
    tf.dispose(results);
  };
  let best = Number.POSITIVE_INFINITY;
  try {
    await once();
    for (let i = 0; i < repeats; i++) {
      const start = performance.now();
      await once();
      best = Math.min(best, performance.now() - start);
    }
  } catch (error) {
    if (!isMissingKernel(error)) throw error;
  } finally {
    tf.dispose([x, weights, dy]);
  }
  return best;
}

/** Whether an error says that the backend lacks a stock kernel, such as the gradient of a depthwise convolution. */
function isMissingKernel(error: unknown): boolean {
  return /Kernel '\w+' not registered/.test(reasonOf(error));
}
