// Runs golden cases on the active backend and measures how far every tensor is from the stored one.

import { foldKernel, foldWithMasks, GmrError, maxRelativeError, ringPartition } from "@gmr-conv/core";
import type { StoredTensor } from "@gmr-conv/io";
import { gmrConv2d, mixRingWeights, type Strategy } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import type { ConvCase } from "./cases.ts";

/** Largest error relative to the largest value of the tensor that counts as equal. */
export const TOLERANCE = { values: 1e-5, gradients: 1e-4 };

export interface ParityResult {
  name: string;
  backend: string;
  ok: boolean;
  /** Why the case was not run. */
  skipped?: string;
  strategies: Strategy[];
  /** Largest error over the strategies, relative to the tensor's largest value. */
  errors: Record<string, number>;
}

/** Runs one case with every strategy that applies. */
export async function checkCase(
  test: ConvCase,
  stored: Map<string, StoredTensor>,
  wanted: readonly Strategy[],
): Promise<ParityResult> {
  const result: ParityResult = {
    name: test.name,
    backend: tf.getBackend(),
    ok: false,
    strategies: [],
    errors: {},
  };
  if (test.kind !== "conv" || test.rank !== 2) {
    const what = test.kind === "conv" ? `${test.rank}-D convolutions` : `cases of kind "${test.kind}"`;
    return { ...result, ok: true, skipped: `${what} are not supported by this version` };
  }
  // Trained masks are not rings any more: only the dense strategy can compute them.
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
    return tf.tidy(() => tf.tensor(Float32Array.from(tensor.data), tensor.shape).transpose(order));
  };
  const toNhwc = [0, 2, 3, 1];
  const inputs: Record<string, tf.Tensor> = { x: load("x", toNhwc), weight: load("weight", [2, 1, 0]) };
  if (stored.has("log_sigmas")) inputs.log_sigmas = load("log_sigmas", [0]);
  if (stored.has("bias")) inputs.bias = load("bias", [0]);
  if (trainedMasks) inputs.ring_masks = load("ring_masks", [0, 1]);
  const names = Object.keys(inputs);

  const run = (...tensors: tf.Tensor[]): tf.Tensor4D => {
    const named = Object.fromEntries(names.map((name, i) => [name, tensors[i]]));
    return gmrConv2d(named.x as tf.Tensor4D, named.weight as tf.Tensor3D, {
      kernelSize: test.kernelSize,
      strides: test.stride,
      pad: test.padding,
      padMode: test.padMode,
      dilations: test.dilation,
      groups: test.groups,
      circular: test.circular,
      logSigmas: named.log_sigmas as tf.Tensor1D | undefined,
      masks: named.ring_masks as tf.Tensor2D | undefined,
      bias: named.bias as tf.Tensor1D | undefined,
      strategy,
    });
  };

  const gradY = load("grad_y", toNhwc);
  const y = run(...Object.values(inputs));
  const gradients = tf.grads(run)(Object.values(inputs), gradY);
  const measured: Record<string, Float32Array> = {
    kernel: await kernelOf(test, inputs),
    y: await channelsFirst(y, [0, 3, 1, 2]),
  };
  for (const [i, name] of names.entries()) {
    if (!stored.has(`grad_${name}`)) continue;
    const order =
      name === "x" ? [0, 3, 1, 2] : name === "weight" ? [2, 1, 0] : inputs[name].shape.map((_, a) => a);
    measured[`grad_${name}`] = await channelsFirst(gradients[i], order);
  }
  tf.dispose([inputs, gradY, y, gradients]);
  const errors: Record<string, number> = {};
  for (const [name, values] of Object.entries(measured)) {
    const expected = stored.get(name);
    if (expected) errors[name] = maxRelativeError(values, expected.data);
  }
  return errors;
}

/** The folded kernel, [Cout, Cin/groups, height, width]. */
async function kernelOf(test: ConvCase, inputs: Record<string, tf.Tensor>): Promise<Float32Array> {
  const weights = inputs.weight as tf.Tensor3D;
  const [rings, cin, cout] = weights.shape;
  const mixed = inputs.log_sigmas
    ? mixRingWeights(weights, inputs.log_sigmas as tf.Tensor1D)
    : weights.clone();
  const values = await mixed.data();
  mixed.dispose();
  const masks = inputs.ring_masks && (await inputs.ring_masks.data());
  const folded = masks
    ? foldWithMasks(values, masks, rings)
    : foldKernel(values, ringPartition(test.kernelSize, { numRings: rings, circular: test.circular }));
  const kernel = tf.tensor(Float32Array.from(folded), [...test.kernelSize, cin, cout]);
  const result = await channelsFirst(kernel, [3, 2, 0, 1]);
  kernel.dispose();
  return result;
}

async function channelsFirst(tensor: tf.Tensor, order: number[]): Promise<Float32Array> {
  const turned = tensor.transpose(order);
  const values = Float32Array.from(await turned.data());
  turned.dispose();
  return values;
}
