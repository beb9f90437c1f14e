import { product } from "@gmr-conv/core";
import {
  AddRelu,
  type LeakyReluAttrs,
  LeakyReluGrad,
  ReluGrad,
  RepeatChannels,
  ScaleRows,
} from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { type WasmState, wasm } from "../state.ts";

/** v where x > 0, else alpha · v. */
function leaky(state: WasmState, v: tf.TensorInfo, x: tf.TensorInfo, alpha: number): tf.TensorInfo {
  const y = state.output(x.shape);
  const [values, signs, to] = state.addresses(v, x, y);
  state.splitFloats("leaky", product(x.shape), (bytes, length) => [
    values + bytes,
    signs + bytes,
    to + bytes,
    length,
    alpha,
  ]);
  return y;
}

export const elementwiseKernels = [
  // Replaces the stock Identity, which copies: tensors are immutable, so both may share the data.
  wasm.kernel<{ x: tf.TensorInfo }, undefined>({ name: tf.Identity }, ({ x }, _attrs, state) =>
    state.share(x),
  ),

  wasm.kernel(AddRelu, ({ a, b }, _attrs, state) => {
    const y = state.output(a.shape);
    const [left, right, to] = state.addresses(a, b, y);
    state.splitFloats("addRelu", product(a.shape), (bytes, length) => [
      left + bytes,
      right + bytes,
      to + bytes,
      length,
    ]);
    return y;
  }),

  wasm.kernel(ReluGrad, ({ dy, y }, _attrs, state) => {
    const dx = state.output(y.shape);
    const [gradient, from, to] = state.addresses(dy, y, dx);
    state.splitFloats("reluGradient", product(y.shape), (bytes, length) => [
      gradient + bytes,
      from + bytes,
      to + bytes,
      length,
    ]);
    return dx;
  }),

  wasm.kernel(RepeatChannels, ({ x }, { times }, state) => {
    const y = state.output([...x.shape.slice(0, -1), x.shape[x.shape.length - 1] * times]);
    const [from, to] = state.addresses(x, y);
    state.splitFloats("repeatEach", product(x.shape), (bytes, length) => [
      from + bytes,
      to + bytes * times,
      length,
      times,
    ]);
    return y;
  }),

  wasm.override<{ x: tf.TensorInfo }, LeakyReluAttrs>(tf.LeakyRelu, ({ x }, { alpha }, state, stock) =>
    x.dtype === "float32" ? leaky(state, x, x, alpha) : stock(),
  ),

  wasm.kernel(LeakyReluGrad, ({ dy, x }, { alpha }, state) => leaky(state, dy, x, alpha)),

  wasm.kernel(ScaleRows, ({ x, scale }, _attrs, state) => {
    const y = state.output(x.shape);
    const channels = x.shape[x.shape.length - 1];
    const period = product(scale.shape);
    const groups = product(x.shape) / channels / period;
    const bytes = 4 * period * channels;
    const [from, factors, to] = state.addresses(x, scale, y);
    state.split("scaleRows", groups, state.threadsFor(product(x.shape) * 8), (begin, end) => [
      from + begin * bytes,
      factors,
      to + begin * bytes,
      (end - begin) * period,
      period,
      channels,
    ]);
    return y;
  }),
];
