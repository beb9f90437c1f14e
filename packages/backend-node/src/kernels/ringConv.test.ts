import { gmrConv2d, gmrConv2dTranspose } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, it } from "vitest";
import { describeNative } from "../../testing/describeNative.ts";
import { useNode } from "../index.ts";

const nativeTensors = (): number =>
  (tf.backend() as unknown as { binding: { getNumOfTensors(): number } }).binding.getNumOfTensors();

/** Native tensors left after a computation is done, disposed and awaited; caches are full by then. */
async function left(compute: () => tf.Tensor[]): Promise<number> {
  for (let i = 0; i < 2; i++) {
    tf.dispose(compute());
    await Promise.resolve();
  }
  const before = nativeTensors();
  tf.dispose(compute());
  await Promise.resolve();
  return nativeTensors() - before;
}

describeNative("ring convolutions leave no native tensors", () => {
  beforeAll(() => useNode({ cache: false }));
  const options = { kernelSize: 5, strategy: "ring" } as const;
  const inputs = (): [tf.Tensor4D, tf.Tensor3D] => [tf.ones([2, 7, 6, 3]), tf.ones([3, 3, 3])];

  it("in inference", async () => {
    const [x, w] = inputs();
    expect(await left(() => [gmrConv2d(x, w, options), gmrConv2dTranspose(x, w, options)])).toBe(0);
    tf.dispose([x, w]);
  });

  it.each([
    ["of both", [0, 1]],
    ["of the image alone", [0]],
    ["of the weights alone", [1]],
  ])("after gradients %s", async (_, wanted) => {
    const all = inputs();
    const layer = (...tensors: tf.Tensor[]): tf.Tensor => {
      const [x, w] = all.map((tensor, i) => tensors[wanted.indexOf(i)] ?? tensor);
      return gmrConv2d(x as tf.Tensor4D, w as tf.Tensor3D, options);
    };
    expect(await left(() => tf.grads(layer)(wanted.map((i) => all[i])))).toBe(0);
    tf.dispose(all);
  });

  it("computes images in parts as all at once", async () => {
    const [x, w] = [tf.randomNormal<tf.Rank.R4>([7, 64, 64, 100]), tf.randomNormal<tf.Rank.R3>([3, 100, 2])];
    const [ring, dense] = (["ring", "dense"] as const).map((strategy) => {
      const { value, grads } = tf.valueAndGrads((image: tf.Tensor, weights: tf.Tensor) =>
        gmrConv2d(image as tf.Tensor4D, weights as tf.Tensor3D, { kernelSize: 5, pad: "same", strategy })
          .square()
          .sum(),
      )([x, w]);
      return [value, ...grads];
    });
    for (const [i, expected] of dense.entries()) {
      const error = ring[i].sub(expected).abs().max().div(expected.abs().max());
      expect((await error.data())[0]).toBeLessThan(1e-5);
      error.dispose();
    }
    tf.dispose([x, w, ring, dense]);
  });
});
