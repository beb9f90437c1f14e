import { maxRelativeError } from "@gmr-conv/core";
import { gmrConv2d } from "@gmr-conv/tfjs";
import { conformanceCases } from "@gmr-conv/tfjs/conformance";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, it } from "vitest";
import { isWebGpuMissing, webGpuBackend } from "../../testing/webGpu.ts";
import { forceVariant, VARIANTS } from "./variants.ts";

const missing = await isWebGpuMissing();
const withoutSubgroups = !missing && !webGpuBackend().device.features.has("subgroups");
if (withoutSubgroups) console.warn("Tests of subgroups are skipped: the adapter has none.");

/** The output and the gradients of a layer whose channels fill more than one tile of every variant. */
async function manyChannels(backend: string): Promise<Float32Array[]> {
  await tf.setBackend(backend);
  const tensors = tf.tidy(() => {
    const x = tf.randomNormal([1, 9, 8, 50], 0, 1, "float32", 1);
    const weights = tf.randomNormal([3, 50, 76], 0, 1, "float32", 2);
    const layer = (image: tf.Tensor, w: tf.Tensor) =>
      gmrConv2d(image as tf.Tensor4D, w as tf.Tensor3D, { kernelSize: 5, pad: "same", strategy: "ring" });
    const { value, grads } = tf.valueAndGrads(layer)([x, weights]);
    return [value, ...grads];
  });
  const numbers = await Promise.all(tensors.map((tensor) => tensor.data<"float32">()));
  tf.dispose(tensors);
  return numbers;
}

for (const variant of VARIANTS) {
  const skipped = missing || (variant === "subgroups" && withoutSubgroups);
  describe.skipIf(skipped)(`the ring kernels by ${variant}`, () => {
    afterEach(() => forceVariant(undefined));

    for (const { name, run } of conformanceCases({ randomCases: 0 })) {
      if (!/^ring kernels/.test(name)) continue;
      it(name, async () => {
        forceVariant(variant);
        await run();
      });
    }

    it("many channels, as on the CPU", async () => {
      const expected = await manyChannels("cpu");
      forceVariant(variant);
      const actual = await manyChannels("webgpu");
      actual.forEach((numbers, i) => {
        expect(maxRelativeError(numbers, expected[i])).toBeLessThan(1e-5);
      });
    });
  });
}
