// Runs golden cases on the active backend and compares every tensor with the stored one.

import { activeBackend } from "@gmr-conv/backends";
import { foldKernel, foldWithMasks, GmrError, ringPartition } from "@gmr-conv/core";
import { maxRelativeError } from "@gmr-conv/core/equivariance";
import { type StoredTensor, toFloat32 } from "@gmr-conv/io";
import { gmrConv, mixRingWeights, type Strategy } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import type { ConvCase } from "./cases.ts";
import { TOLERANCE } from "./tolerance.ts";

export interface ParityResult {
  name: string;
  backend: string;
  ok: boolean;
  strategies: Strategy[];
  /** Largest error over the strategies, relative to the tensor's largest value. */
  errors: Record<string, number>;
}

/** Runs the case of a layer with every applicable strategy. */
export async function checkCase(
  test: ConvCase,
  stored: Map<string, StoredTensor>,
  wanted: readonly Strategy[],
): Promise<ParityResult> {
  const result: ParityResult = {
    name: test.name,
    backend: activeBackend() ?? tf.getBackend(),
    ok: false,
    strategies: [],
    errors: {},
  };
  // Trained masks are no longer rings: only the dense strategy can compute them.
  const trained = stored.has("grad_ring_masks");
  result.strategies = wanted.filter((strategy) => strategy === "dense" || !trained);
  for (const strategy of result.strategies) {
    const errors = await runCase(test, stored, strategy, trained);
    for (const [name, error] of Object.entries(errors)) {
      result.errors[name] = Math.max(result.errors[name] ?? 0, error);
    }
  }
  result.ok = Object.entries(result.errors).every(
    ([name, error]) => error <= (name.startsWith("grad_") ? TOLERANCE.gradients : TOLERANCE.values),
  );
  return result;
}

async function runCase(
  test: ConvCase,
  stored: Map<string, StoredTensor>,
  strategy: Strategy,
  trainedMasks: boolean,
): Promise<Record<string, number>> {
  const load = (name: string, order: number[]): tf.Tensor => {
    const tensor = stored.get(name);
    if (!tensor) throw new GmrError("invalid-data", `case ${test.name} has no tensor ${name}`);
    return tf.tidy(() => tf.tensor(toFloat32(tensor), tensor.shape).transpose(order));
  };
  const { toLast, toFirst, matrices } = orders(test.rank);
  const inputs: Record<string, tf.Tensor> = { x: load("x", toLast), weight: load("weight", matrices) };
  if (stored.has("log_sigmas")) inputs.log_sigmas = load("log_sigmas", [0]);
  if (stored.has("bias")) inputs.bias = load("bias", [0]);
  if (trainedMasks) inputs.ring_masks = load("ring_masks", [0, 1]);
  const names = Object.keys(inputs);

  const run = (...tensors: tf.Tensor[]): tf.Tensor => {
    const named = Object.fromEntries(names.map((name, i) => [name, tensors[i]]));
    const options = {
      kernelSize: test.kernelSize,
      strides: test.stride,
      pad: test.padding,
      padMode: test.padMode,
      outputPadding: test.outputPadding,
      dilations: test.dilation,
      groups: test.groups,
      circular: test.circular,
      logSigmas: named.log_sigmas as tf.Tensor1D | undefined,
      masks: named.ring_masks as tf.Tensor2D | undefined,
      bias: named.bias as tf.Tensor1D | undefined,
      strategy,
    };
    return gmrConv(test.rank, named.x, named.weight as tf.Tensor3D, options, test.kind === "conv_transpose");
  };

  const gradY = load("grad_y", toLast);
  const y = run(...Object.values(inputs));
  const gradients = tf.grads(run)(Object.values(inputs), gradY);
  const measured: Record<string, Float32Array> = {
    kernel: await kernelOf(test, inputs),
    y: await reordered(y, toFirst),
  };
  for (const [i, name] of names.entries()) {
    if (!stored.has(`grad_${name}`)) continue;
    const order =
      name === "x" ? toFirst : name === "weight" ? matrices : inputs[name].shape.map((_, axis) => axis);
    measured[`grad_${name}`] = await reordered(gradients[i], order);
  }
  tf.dispose([inputs, gradY, y, gradients]);
  const errors: Record<string, number> = {};
  for (const [name, values] of Object.entries(measured)) {
    const expected = stored.get(name);
    if (expected) errors[name] = maxRelativeError(values, toFloat32(expected));
  }
  return errors;
}

/** Axis orders: images to ours and back, and ring weights [Cout, Cin/groups, R] (transposed: [Cin, Cout/groups, R]). */
function orders(rank: number): { toLast: number[]; toFirst: number[]; matrices: number[] } {
  const spatial = Array.from({ length: rank }, (_, i) => i + 1);
  return {
    toLast: [0, ...spatial.map((axis) => axis + 1), 1],
    toFirst: [0, rank + 1, ...spatial],
    matrices: [2, 1, 0],
  };
}

/** The folded kernel, [Cout, Cin/groups, ...k]; transposed: [Cin, Cout/groups, ...k]. */
async function kernelOf(test: ConvCase, inputs: Record<string, tf.Tensor>): Promise<Float32Array> {
  const weights = inputs.weight as tf.Tensor3D;
  const [rings, inner, outer] = weights.shape;
  const mixed = inputs.log_sigmas
    ? mixRingWeights(weights, inputs.log_sigmas as tf.Tensor1D)
    : weights.clone();
  const values = await mixed.data();
  mixed.dispose();
  const masks = inputs.ring_masks && (await inputs.ring_masks.data());
  const folded = masks
    ? foldWithMasks(values, masks, rings)
    : foldKernel(values, ringPartition(test.kernelSize, { numRings: rings, circular: test.circular }));
  const kernel = tf.tensor(Float32Array.from(folded), [...test.kernelSize, inner, outer]);
  const { rank } = test;
  const result = await reordered(kernel, [rank + 1, rank, ...test.kernelSize.map((_, axis) => axis)]);
  kernel.dispose();
  return result;
}

async function reordered(tensor: tf.Tensor, order: number[]): Promise<Float32Array> {
  const turned = tensor.transpose(order);
  const values = Float32Array.from(await turned.data());
  turned.dispose();
  return values;
}
