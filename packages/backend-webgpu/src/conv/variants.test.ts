import { maxRelativeError } from "@gmr-conv/core/equivariance";
import { gmrConv2d } from "@gmr-conv/tfjs";
import { conformanceCases } from "@gmr-conv/tfjs/conformance";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { activeState, isWebGpuMissing, webGpuBackend } from "../../testing/webGpu.ts";
import { attached } from "../attach.ts";
import { Gpu } from "../gpu.ts";
import { VARIANT_NAMES, type Variant } from "./variants.ts";

const missing = await isWebGpuMissing();
const withoutSubgroups = !missing && !webGpuBackend().device.features.has("subgroups");
if (withoutSubgroups) console.warn("Tests of subgroups are skipped: the adapter has none.");

interface Layer {
  apply: (x: tf.Tensor, weights: tf.Tensor) => tf.Tensor;
  x: number[];
  weights: number[];
}

const LAYERS: Record<string, Layer> = {
  "many channels": {
    apply: (x, w) =>
      gmrConv2d(x as tf.Tensor4D, w as tf.Tensor3D, { kernelSize: 5, pad: "same", strategy: "ring" }),
    x: [1, 9, 8, 50],
    weights: [3, 50, 76],
  },
  "groups that are no multiples of four": {
    apply: (x, w) =>
      gmrConv2d(x as tf.Tensor4D, w as tf.Tensor3D, { kernelSize: 5, pad: "same", strides: 2, groups: 3 }),
    x: [3, 9, 8, 18],
    weights: [3, 6, 15],
  },
  "a dense convolution": {
    apply: (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, [2, 1], "same"),
    x: [3, 7, 6, 5],
    weights: [3, 5, 5, 9],
  },
  "a dense convolution of volumes": {
    apply: (x, w) => tf.conv3d(x as tf.Tensor5D, w as tf.Tensor5D, 2, "same"),
    x: [2, 5, 4, 6, 3],
    weights: [3, 3, 2, 3, 6],
  },
};

const force = (variant: Variant | undefined): void => {
  activeState().variants.forced = variant;
};

/** The output and the gradients of a layer. */
async function compute(backend: string, { apply, x, weights }: Layer): Promise<Float32Array[]> {
  await tf.setBackend(backend);
  const tensors = tf.tidy(() => {
    const inputs = [x, weights].map((shape, i) => tf.randomNormal(shape, 0, 1, "float32", i + 1));
    const { value, grads } = tf.valueAndGrads(apply)(inputs);
    return [value, ...grads];
  });
  const numbers = await Promise.all(tensors.map((tensor) => tensor.data<"float32">()));
  tf.dispose(tensors);
  return numbers;
}

async function expectAsOnCpu(layer: Layer): Promise<void> {
  const expected = await compute("cpu", layer);
  const actual = await compute("webgpu", layer);
  actual.forEach((numbers, i) => {
    expect(maxRelativeError(numbers, expected[i])).toBeLessThan(1e-5);
  });
}

for (const variant of VARIANT_NAMES) {
  const skipped = missing || (variant === "subgroups" && withoutSubgroups);
  describe.skipIf(skipped)(`the ring kernels by ${variant}`, () => {
    afterEach(() => force(undefined));

    for (const { name, run } of conformanceCases({ randomCases: 0 })) {
      if (!/^ring kernels/.test(name)) continue;
      it(name, async () => {
        force(variant);
        await run();
      });
    }

    it.each(Object.keys(LAYERS))("%s, as on the CPU", async (name) => {
      force(variant);
      await expectAsOnCpu(LAYERS[name]);
    });
  });
}

describe.skipIf(missing)("where little fits at a time", () => {
  for (const variant of ["direct", "tiled32"] as const) {
    it.each(Object.keys(LAYERS))(
      `%s by ${variant}, in groups of images and blocks of pixels`,
      async (name) => {
        const state = activeState();
        const tight = new Gpu(state.backend, state.adapter, { plans: 1, sumBytes: 9000, padBytes: 9000 });
        tight.variants.forced = variant;
        attached.set(state.backend, tight);
        try {
          await expectAsOnCpu(LAYERS[name]);
        } finally {
          attached.set(state.backend, state);
        }
      },
    );
  }

  it("refuses tensors that the device does not let shaders see", async () => {
    const limit = webGpuBackend().device.limits.maxStorageBufferBindingSize;
    await expectGmrError(
      () => activeState().tensor([limit / 2]),
      "out-of-memory",
      `a tensor [${limit / 2}] of ${2 * limit} bytes is larger than the ${limit} bytes that this WebGPU device allows`,
    );
  });
});
