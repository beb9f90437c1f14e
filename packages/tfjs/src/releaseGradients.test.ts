import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, it } from "vitest";
import { AddRelu, addRelu, ReluGrad } from "./addRelu.ts";
import { mendGradients } from "./gradients.ts";
import { kernelConfig } from "./kernels/register.ts";

// A backend that has our kernels: only their gradients are affected.
beforeAll(async () => {
  await tf.setBackend("cpu");
  mendGradients();
  const values = (backend: object, tensor: tf.TensorInfo): Float32Array =>
    (backend as tf.KernelBackend).readSync(tensor.dataId) as Float32Array;
  const make = (backend: object, shape: number[], data: Float32Array): tf.TensorInfo => ({
    dataId: (backend as tf.KernelBackend).write(data, shape, "float32"),
    shape,
    dtype: "float32",
  });
  tf.registerKernel(
    kernelConfig(AddRelu, "cpu", ({ a, b }, _attrs, backend) => {
      const other = values(backend, b);
      return make(
        backend,
        a.shape,
        values(backend, a).map((v, i) => Math.max(0, v + other[i])),
      );
    }),
  );
  tf.registerKernel(
    kernelConfig(ReluGrad, "cpu", ({ dy, y }, _attrs, backend) => {
      const out = values(backend, y);
      return make(
        backend,
        y.shape,
        values(backend, dy).map((v, i) => (out[i] > 0 ? v : 0)),
      );
    }),
  );
  return () => {
    tf.unregisterKernel(AddRelu.name, "cpu");
    tf.unregisterKernel(ReluGrad.name, "cpu");
  };
});

/** A chain of residual sums whose branches meet again. */
function chain(x: tf.Tensor, depth: number): tf.Tensor {
  let y = x;
  for (let i = 0; i < depth; i++) y = addRelu(y, addRelu(y, x));
  return y;
}

it("keeps a gradient that the user passed, and computes correct gradients", () => {
  const x = tf.tensor1d([1, -2, 3]);
  const dy = tf.tensor1d([1, 1, 2]);
  const dx = tf.grad((v) => chain(v, 3))(x, dy);
  // Each link doubles y and adds x: 1 → 3 → 7 → 15.
  expect(Array.from(dx.dataSync())).toEqual([15, 0, 30]);
  expect(dy.isDisposed).toBe(false);
  expect(Array.from(dy.dataSync())).toEqual([1, 1, 2]);
  tf.dispose([x, dy, dx]);
});

it("releases gradients and activations that are no longer needed", () => {
  const x = tf.ones([1000]);
  const peak = (depth: number): number => {
    let most = 0;
    const engine = tf.engine();
    const track = engine.trackTensor.bind(engine);
    engine.trackTensor = (...args: Parameters<typeof track>) => {
      track(...args);
      most = Math.max(most, engine.state.numDataBuffers);
    };
    tf.dispose(tf.valueAndGrad((v: tf.Tensor) => chain(v, depth).sum())(x));
    engine.trackTensor = track;
    return most - engine.state.numDataBuffers;
  };
  const [short, long] = [peak(10), peak(30)];
  // Each link leaves two tensors forward. Backward, it frees them and leaves one: its part of the gradient of x, which
  // TensorFlow.js adds to the others and keeps. Without releasing there would be three besides the two.
  expect((long - short) / 20).toBe(2);
  x.dispose();
});

it("keeps what gradients of gradients read again", () => {
  const x = tf.tensor1d([1, -2, 3]);
  const cube = (v: tf.Tensor): tf.Tensor => addRelu(v.square(), v).mul(v);
  const second = tf.grad((v: tf.Tensor) => tf.grad(cube)(v).sum())(x);
  // x³ + x² where x² + x > 0.
  expect(Array.from(second.dataSync())).toEqual([8, -10, 20]);
  tf.dispose([x, second]);
});

it("leaves the number of tensors unchanged", () => {
  const x = tf.ones([10]);
  const before = tf.memory().numTensors;
  for (let i = 0; i < 3; i++) tf.dispose(tf.valueAndGrad((v: tf.Tensor) => chain(v, 5).sum())(x));
  expect(tf.memory().numTensors).toBe(before);
  x.dispose();
});
