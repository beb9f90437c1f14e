// Normalisation by statistics of x itself, shared between threads by units of rows.

import { product } from "@gmr-conv/core";
import {
  type BatchNormGradInputs,
  BatchNormTraining,
  type BatchNormTrainingAttrs,
  BatchNormTrainingGrad,
  BatchNormTrainingParamGrad,
} from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { NormPlan } from "../layouts.ts";
import { MAX_THREADS, type WasmState, wasm } from "../state.ts";

/** Periods whose sums are added in float32; as in the assembly. */
const CHUNK = 32;
/** The least floats of a period. */
const MIN_WIDTH = 32;
/** Floats of a unit, about, if it has more than one chunk. */
const UNIT_FLOATS = 1 << 14;

/** How x is cut, which depends on its shape alone. */
function geometryOf({ shape }: tf.TensorInfo, { perImage }: BatchNormTrainingAttrs) {
  const channels = shape[shape.length - 1] || 1;
  const images = perImage ? shape[0] : 1;
  const rows = product(shape) / (images * channels) || 0;
  let width = channels;
  while (width % 4 > 0 || width < MIN_WIDTH) width *= 2;
  const periods = Math.floor((rows * channels) / width);
  const tail = rows * channels - periods * width;
  const unitPeriods = CHUNK * Math.max(1, Math.round(UNIT_FLOATS / (CHUNK * width)));
  const units = Math.max(1, Math.ceil(periods / unitPeriods));
  return { images, rows, channels, width, periods, tail, unitPeriods, units };
}

type Tensors = Partial<Record<"dy" | "x" | "gamma" | "beta" | "mean" | "variance" | "y", tf.TensorInfo>>;

const round64 = (bytes: number): number => Math.ceil(bytes / 64) * 64;

/** Places the plan and its scratch memory in the heap. */
function planOf(
  state: WasmState,
  x: tf.TensorInfo,
  tensors: Tensors,
  attrs: BatchNormTrainingAttrs,
  params: { dGamma?: tf.TensorInfo; dBeta?: tf.TensorInfo } = {},
) {
  const geometry = geometryOf(x, attrs);
  const { images, rows, channels, width, periods, tail, unitPeriods, units } = geometry;
  const all = images * units;
  const threads = Math.min(state.threadsFor(product(x.shape) * 16), MAX_THREADS);
  const vector = round64(4 * channels);
  // Of a thread: three floats for each lane; of the totals, two float64 for each channel.
  const ownBytes = round64(Math.max(12 * width, 16 * channels));
  const sizes = [4 * NormPlan.Count, 16 * width * all, 20 * width * images, vector, vector, ownBytes * threads];
  let next = state.reserve(sizes.reduce((sum, bytes) => sum + round64(bytes), 0));
  const [plan, partials, constants, dGamma, dBeta, scratch] = sizes.map((bytes) => {
    const at = next;
    next += round64(bytes);
    return at;
  });
  const addressOf = (tensor: tf.TensorInfo | undefined, otherwise = 0): number =>
    tensor ? state.address(tensor) : otherwise;
  const { dy, gamma, beta, mean, variance, y } = tensors;
  state.integers(plan, NormPlan.Count).set([
    ...[images, rows, channels, width, periods, tail, unitPeriods, units, 0, 0],
    ...[x, dy, gamma, beta, mean, variance, y].map((tensor) => addressOf(tensor)),
    ...[addressOf(params.dGamma, dGamma), addressOf(params.dBeta, dBeta), partials, constants],
  ]);
  state.floats(plan + 4 * NormPlan.Epsilon, 2).set([attrs.epsilon, attrs.slope]);
  /** Runs a kernel that adds up on all units. */
  const add = (name: "normMoments" | "normGradientSums"): void =>
    state.split(name, all, threads, (begin, end, thread) => [plan, scratch + ownBytes * thread, begin, end]);
  /** Runs a kernel that writes a map on all units. */
  const apply = (name: "normApply" | "normInputGradient"): void =>
    state.split(name, all, threads, (begin, end) => [plan, begin, end]);
  return { plan, scratch, dGamma, dBeta, add, apply };
}

/** The inputs of the gradients. */
function sourcesOf(inputs: BatchNormGradInputs, attrs: BatchNormTrainingAttrs): unknown[] {
  const { dy, x, gamma, beta, mean, variance } = inputs;
  const { epsilon, slope, perImage } = attrs;
  return [...[dy, x, gamma, beta, mean, variance].map(({ dataId }) => dataId), epsilon, slope, perImage];
}

export const batchNormKernels = [
  wasm.kernel(BatchNormTraining, ({ x, gamma, beta }, attrs, state) => {
    const y = state.output(x.shape);
    const statistics = attrs.perImage ? [x.shape[0], ...gamma.shape] : gamma.shape;
    const [mean, variance] = [state.output(statistics), state.output(statistics)];
    const { plan, scratch, add, apply } = planOf(state, x, { gamma, beta, mean, variance, y }, attrs);
    add("normMoments");
    state.run.normStatistics(plan, scratch);
    apply("normApply");
    return [y, mean, variance];
  }),

  wasm.kernel(BatchNormTrainingGrad, (inputs, attrs, state) => {
    const { x, ...tensors } = inputs;
    const [channels] = inputs.gamma.shape as [number];
    const dx = state.output(x.shape);
    const { plan, scratch, dGamma, dBeta, add, apply } = planOf(state, x, { ...tensors, y: dx }, attrs);
    state.run.normConstants(plan);
    add("normGradientSums");
    state.run.normGradientTotals(plan, scratch);
    apply("normInputGradient");
    state.paramGradients.keep(sourcesOf(inputs, attrs), {
      dGamma: state.floats(dGamma, channels).slice(),
      dBeta: state.floats(dBeta, channels).slice(),
    });
    return dx;
  }),

  wasm.kernel(BatchNormTrainingParamGrad, (inputs, attrs, state) => {
    const { x, ...tensors } = inputs;
    const [channels] = inputs.gamma.shape as [number];
    const params = { dGamma: state.output([channels]), dBeta: state.output([channels]) };
    const known = state.paramGradients.find(sourcesOf(inputs, attrs));
    if (known) {
      state.floats(state.address(params.dGamma), channels).set(known.dGamma);
      state.floats(state.address(params.dBeta), channels).set(known.dBeta);
    } else {
      const { plan, scratch, add } = planOf(state, x, tensors, attrs, params);
      state.run.normConstants(plan);
      add("normGradientSums");
      state.run.normGradientTotals(plan, scratch);
    }
    return [params.dGamma, params.dBeta];
  }),
];
