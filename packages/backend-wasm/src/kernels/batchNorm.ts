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

type Tensors = Partial<BatchNormGradInputs> & Pick<BatchNormGradInputs, "x">;

const round64 = (bytes: number): number => Math.ceil(bytes / 64) * 64;

/**
 * Places the plan and its scratch memory in the heap.
 * @param y or dx, @param params if not in scratch memory
 */
function planOf(
  state: WasmState,
  { x, dy, gamma, beta, mean, variance }: Tensors,
  y: tf.TensorInfo | undefined,
  attrs: BatchNormTrainingAttrs,
  params: { dGamma?: tf.TensorInfo; dBeta?: tf.TensorInfo } = {},
) {
  const { images, rows, channels, width, periods, tail, unitPeriods, units } = geometryOf(x, attrs);
  const all = images * units;
  // A pass takes about as long as one multiply-add for each float: small maps are not worth waking threads.
  const threads = Math.min(state.threadsFor(images * rows * channels), MAX_THREADS);
  // Of a thread: three floats for each lane; of the totals, two float64 for each channel, in pairs.
  const ownBytes = round64(Math.max(12 * width, 16 * (channels + 1)));
  const partials = round64(4 * NormPlan.Count);
  const constants = partials + 16 * width * all;
  const dGamma = round64(constants + 20 * width * images);
  const dBeta = round64(dGamma + 4 * channels);
  const scratch = round64(dBeta + 4 * channels);
  const plan = state.reserve(scratch + ownBytes * threads);
  const places = { dGamma: plan + dGamma, dBeta: plan + dBeta, scratch: plan + scratch };
  const at = (tensor: tf.TensorInfo | undefined, otherwise = 0): number =>
    tensor ? state.address(tensor) : otherwise;
  const fields = state.integers(plan, NormPlan.Count);
  fields.set([images, rows, channels, width, periods, tail, unitPeriods, units]);
  state.floats(plan + 4 * NormPlan.Epsilon, 2).set([attrs.epsilon, attrs.slope]);
  fields.set([at(x), at(dy), at(gamma), at(beta), at(mean), at(variance), at(y)], NormPlan.X);
  fields.set([at(params.dGamma, places.dGamma), at(params.dBeta, places.dBeta)], NormPlan.DGamma);
  fields.set([plan + partials, plan + constants], NormPlan.Partials);
  /** Runs a kernel that adds up on all units. */
  const add = (name: "normMoments" | "normGradientSums"): void =>
    state.split(name, all, threads, (begin, end, thread) => [
      plan,
      places.scratch + ownBytes * thread,
      begin,
      end,
    ]);
  /** Runs a kernel that writes a map on all units. */
  const apply = (name: "normApply" | "normInputGradient"): void =>
    state.split(name, all, threads, (begin, end) => [plan, begin, end]);
  return { plan, ...places, add, apply };
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
    const { plan, scratch, add, apply } = planOf(state, { x, gamma, beta, mean, variance }, y, attrs);
    add("normMoments");
    state.run.normStatistics(plan, scratch);
    apply("normApply");
    return [y, mean, variance];
  }),

  wasm.kernel(BatchNormTrainingGrad, (inputs, attrs, state) => {
    const [channels] = inputs.gamma.shape as [number];
    const dx = state.output(inputs.x.shape);
    const { plan, scratch, dGamma, dBeta, add, apply } = planOf(state, inputs, dx, attrs);
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
    const [channels] = inputs.gamma.shape as [number];
    const params = { dGamma: state.output([channels]), dBeta: state.output([channels]) };
    const known = state.paramGradients.find(sourcesOf(inputs, attrs));
    if (known) {
      state.floats(state.address(params.dGamma), channels).set(known.dGamma);
      state.floats(state.address(params.dBeta), channels).set(known.dBeta);
    } else {
      const { plan, scratch, add } = planOf(state, inputs, undefined, attrs, params);
      state.run.normConstants(plan);
      add("normGradientSums");
      state.run.normGradientTotals(plan, scratch);
    }
    return [params.dGamma, params.dBeta];
  }),
];
