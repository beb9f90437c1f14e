// The three convolutions of training, as the kernels see them; for rings and for dense kernels alike.

import type { ConvShape } from "@gmr-conv/tfjs";
import type { WasmKernels } from "./module.ts";
import { type Gather, makePlan, type Plan, type PlanKind } from "./plan.ts";

const ONES: ConvShape["strides"] = [1, 1, 1];

function forwardGather(shape: ConvShape): Gather {
  const { ringIndex } = shape;
  return {
    ...shape,
    slots: ringIndex ?? Array.from({ length: shape.matrices }, (_, i) => i),
    symmetric: ringIndex !== undefined && isMirrored(ringIndex, shape.kernelSize),
    offset: shape.padBefore,
    step: ONES,
  };
}

/** Whether positions mirrored about the centre share their matrix, in every axis. */
function isMirrored(index: readonly number[], [, height, width]: ConvShape["kernelSize"]): boolean {
  const depth = index.length / height / width;
  return index.every((matrix, position) => {
    const x = position % width;
    const y = Math.floor(position / width) % height;
    const z = Math.floor(position / width / height);
    const at = (a: number, b: number, c: number): number => index[(a * height + b) * width + c];
    return (
      matrix === at(depth - 1 - z, y, x) &&
      matrix === at(z, height - 1 - y, x) &&
      matrix === at(z, y, width - 1 - x)
    );
  });
}

/** The gradient of the input is a convolution of dy, spread out by the strides, with the reflected kernel. */
function inputGradientGather(shape: ConvShape): Gather {
  const { inSize, inChannels, outSize, outChannels, kernelSize, dilations, padBefore } = shape;
  const forward = forwardGather(shape);
  return {
    ...forward,
    inSize: outSize,
    inChannels: outChannels,
    outSize: inSize,
    outChannels: inChannels,
    slots: Array.from(forward.slots).reverse(),
    strides: ONES,
    offset: [0, 1, 2].map((a) => (kernelSize[a] - 1) * dilations[a] - padBefore[a]) as [
      number,
      number,
      number,
    ],
    step: shape.strides,
  };
}

/** Plans are small and networks use few shapes; this many are remembered. */
const MAX_PLANS = 512;
const plans = new Map<string, Plan>();

function planFor(shape: ConvShape, use: "forward" | "input" | "filter"): Plan {
  const key = `${use}/${Object.values(shape).join("/")}`;
  let plan = plans.get(key);
  if (!plan) {
    const kind: PlanKind = use === "filter" ? "filter" : "forward";
    plan = makePlan(use === "input" ? inputGradientGather(shape) : forwardGather(shape), kind);
    if (plans.size >= MAX_PLANS) plans.clear();
    plans.set(key, plan);
  }
  return plan;
}

/** y = conv(x, weights); all arguments are addresses of float32 tensors. */
export function forward(kernels: WasmKernels, shape: ConvShape, x: number, weights: number, y: number): void {
  multiply(kernels, planFor(shape, "forward"), x, weights, y, 0);
}

/** dx from dy and the weights. */
export function inputGradient(
  kernels: WasmKernels,
  shape: ConvShape,
  dy: number,
  weights: number,
  dx: number,
): void {
  multiply(kernels, planFor(shape, "input"), dy, weights, dx, 1);
}

function multiply(
  kernels: WasmKernels,
  plan: Plan,
  source: number,
  weights: number,
  result: number,
  transposed: 0 | 1,
): void {
  const threads = kernels.threadsFor(plan.multiplyAdds);
  const headers = kernels.place(plan, threads);
  kernels.split("packWeights", plan.panels, threads, (begin, end, t) => [
    headers[t],
    weights,
    transposed,
    begin,
    end,
  ]);
  kernels.split("convolve", plan.units, threads, (begin, end, t) => [headers[t], source, result, begin, end]);
}

/** dW from x and dy. Matrices without a live tap keep what they hold: see `filterHasDeadMatrices`. */
export function filterGradient(
  kernels: WasmKernels,
  shape: ConvShape,
  x: number,
  dy: number,
  dw: number,
): void {
  const plan = planFor(shape, "filter");
  const threads = kernels.threadsFor(plan.multiplyAdds);
  const headers = kernels.place(plan, threads);
  kernels.split("filterGradient", plan.units, threads, (begin, end, t) => [headers[t], x, dy, begin, end]);
  kernels.split("filterFinish", plan.blocks, threads, (begin, end, t) => [headers[t], dw, begin, end]);
}

/** Whether `filterGradient` leaves some matrices alone, so that dW must be cleared first. */
export function filterHasDeadMatrices(shape: ConvShape): boolean {
  return planFor(shape, "filter").hasDeadMatrices;
}
