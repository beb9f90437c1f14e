// The stock kernels that this package adds or replaces, compared with the stock CPU backend.

import { maxRelativeError } from "@gmr-conv/core/equivariance";
import { TOLERANCES } from "@gmr-conv/tfjs/conformance";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { useWasm } from "../index.ts";

beforeAll(() => useWasm());

// Numeric padding is left out: if the kernel is not square, the stock ops compute a wrong width from it.
type Pad = "same" | "valid" | tf.backend_util.ExplicitPadding;
type Pair = [number, number];

const size = fc.integer({ min: 1, max: 12 });
const channels = fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 21 }));
const pair = (max: number) => fc.tuple(fc.integer({ min: 1, max }), fc.integer({ min: 1, max }));
const border = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 }));
const pad = fc.oneof(
  fc.constant<Pad>("same"),
  fc.constant<Pad>("valid"),
  fc.tuple(border, border).map<Pad>(([height, width]) => [[0, 0], height, width, [0, 0]]),
);
const window = fc
  .record({
    images: fc.integer({ min: 1, max: 3 }),
    image: fc.tuple(size, size),
    kernel: pair(6),
    strides: pair(3),
    pad,
  })
  .filter(({ image, kernel, pad }) => {
    const added = (axis: number) => (typeof pad === "string" ? 0 : pad[axis + 1][0] + pad[axis + 1][1]);
    return pad === "same" || image.every((length, axis) => length + added(axis) >= kernel[axis]);
  });

const noise = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, "float32", seed);

/** The values of some tensors, computed on a backend. */
async function on(backend: "cpu" | "wasm", compute: () => tf.Tensor[]): Promise<Float32Array[]> {
  await tf.setBackend(backend);
  const tensors = tf.tidy(compute);
  const numbers = await Promise.all(tensors.map((tensor) => tensor.data<"float32">()));
  tf.dispose(tensors);
  return numbers;
}

/** Computes tensors on both backends from the same seeds and compares them. */
async function expectAgreement(compute: () => tf.Tensor[], tolerance: number): Promise<void> {
  const expected = await on("cpu", compute);
  const actual = await on("wasm", compute);
  actual.forEach((numbers, i) => {
    // Some values may nearly cancel: compare with 1, the size of the inputs, too.
    const scale = Math.min(1, Math.max(...expected[i].map(Math.abs)));
    expect(maxRelativeError(numbers, expected[i]) * scale).toBeLessThanOrEqual(tolerance);
  });
}

it("Conv2DBackpropFilter and Conv2DBackpropInput agree with the CPU backend", async () => {
  await fc.assert(
    fc.asyncProperty(
      window,
      channels,
      channels,
      async ({ images, image, kernel, strides, pad }, cin, cout) => {
        await expectAgreement(() => {
          const x = noise([images, ...image, cin], 1) as tf.Tensor4D;
          const filter = noise([...kernel, cin, cout], 2) as tf.Tensor4D;
          const convolve = (a: tf.Tensor, b: tf.Tensor) =>
            tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, strides, pad);
          return tf.grads(convolve)([x, filter], noise(convolve(x, filter).shape, 3));
        }, TOLERANCES.gradient);
      },
    ),
    { numRuns: 120, seed: 1 },
  );
});

// Strides larger than the kernel are left out: with "same" padding, the stock wasm conv2d, which the gradient of x
// uses, then returns zeros.
const transposedKernel = pair(3).chain((strides) =>
  fc.record({
    strides: fc.constant(strides),
    kernel: fc.tuple(fc.integer({ min: strides[0], max: 5 }), fc.integer({ min: strides[1], max: 5 })),
  }),
);

it("conv2dTranspose and its gradients, which run on them, agree with the CPU backend", async () => {
  await fc.assert(
    fc.asyncProperty(
      pair(7),
      transposedKernel,
      channels,
      channels,
      async (image, { kernel, strides }, cin, cout) => {
        const outShape = image.map((length, axis) => length * strides[axis]) as Pair;
        await expectAgreement(() => {
          const transpose = (x: tf.Tensor, filter: tf.Tensor) =>
            tf.conv2dTranspose(
              x as tf.Tensor4D,
              filter as tf.Tensor4D,
              [2, ...outShape, cout],
              strides,
              "same",
            );
          const [x, filter] = [noise([2, ...image, cin], 1), noise([...kernel, cout, cin], 2)];
          const y = transpose(x, filter);
          return [y, ...tf.grads(transpose)([x, filter], noise(y.shape, 3))];
        }, TOLERANCES.gradient);
      },
    ),
    { numRuns: 40, seed: 1 },
  );
});

it("AvgPoolGrad agrees with the CPU backend without padding", async () => {
  await fc.assert(
    fc.asyncProperty(
      window.filter(({ image, kernel }) => image.every((length, axis) => length >= kernel[axis])),
      channels,
      async ({ images, image, kernel, strides }, cin) => {
        await expectAgreement(() => {
          const pool = (x: tf.Tensor) => tf.avgPool(x as tf.Tensor4D, kernel, strides, "valid");
          const x = noise([images, ...image, cin], 1);
          return [tf.grad(pool)(x, noise(pool(x).shape, 2))];
        }, TOLERANCES.output);
      },
    ),
    { numRuns: 60, seed: 1 },
  );
});

it("AvgPoolGrad is the adjoint of the forward pass with padding", async () => {
  await tf.setBackend("wasm");
  fc.assert(
    fc.property(window, channels, ({ images, image, kernel, strides }, cin) => {
      const [left, right] = tf.tidy(() => {
        const pool = (x: tf.Tensor) => tf.avgPool(x as tf.Tensor4D, kernel, strides, "same");
        const x = noise([images, ...image, cin], 1);
        const dy = noise(pool(x).shape, 2);
        const dx = tf.grad(pool)(x, dy);
        return [pool(x).mul(dy).sum(), dx.mul(x).sum()];
      });
      expect(left.dataSync()[0]).toBeCloseTo(right.dataSync()[0], 3);
      tf.dispose([left, right]);
    }),
    { numRuns: 60, seed: 1 },
  );
});

type Pool = (x: tf.Tensor) => tf.Tensor;

/** y and the gradient of pooling negative numbers, which the stock backend gets wrong. */
function pooled(pool: Pool, shape: number[]): tf.Tensor[] {
  const x = noise(shape, 1).sub(3);
  const y = pool(x);
  return [y, tf.grad(pool)(x, noise(y.shape, 2))];
}

it("MaxPoolGrad agrees with the CPU backend", async () => {
  await fc.assert(
    fc.asyncProperty(window, channels, async ({ images, image, kernel, strides }, cin) => {
      const pool: Pool = (x) => tf.maxPool(x as tf.Tensor4D, kernel, strides, "same");
      await expectAgreement(() => pooled(pool, [images, ...image, cin]), TOLERANCES.output);
    }),
    { numRuns: 60, seed: 1 },
  );
});

it("ResizeBilinearGrad agrees with the CPU backend, also from and to one pixel", async () => {
  await fc.assert(
    fc.asyncProperty(pair(9), pair(19), channels, fc.boolean(), async (from, to, count, alignCorners) => {
      await expectAgreement(() => {
        const inputs = { images: noise([2, ...from, count], 1), dy: noise([2, ...to, count], 2) };
        return [tf.engine().runKernel<tf.Tensor>(tf.ResizeBilinearGrad, inputs, { alignCorners })];
      }, TOLERANCES.output);
    }),
    { numRuns: 100, seed: 1 },
  );
});

const few = fc.integer({ min: 1, max: 3 });
const side = fc.integer({ min: 1, max: 7 });
const volume = fc.tuple(side, side, side);
const volumeWindow = fc.tuple(few, few, few);

it("pooling of volumes agrees with the CPU backend, averages without padding also in their gradients", async () => {
  await fc.assert(
    fc.asyncProperty(volume, volumeWindow, few, channels, async (sizes, filter, stride, cin) => {
      const strides: [number, number, number] = [stride, 1, stride];
      const shape = [2, ...sizes, cin];
      for (const op of [tf.maxPool3d, tf.avgPool3d]) {
        const padded = () => [op(noise(shape, 1).sub(3) as tf.Tensor5D, filter, strides, "same")];
        await expectAgreement(padded, TOLERANCES.output);
        if (op === tf.maxPool3d || sizes.some((n, axis) => n < filter[axis])) continue;
        const pool: Pool = (x) => op(x as tf.Tensor5D, filter, strides, "valid");
        await expectAgreement(() => pooled(pool, shape), TOLERANCES.output);
      }
    }),
    { numRuns: 60, seed: 1 },
  );
});

// The stock CPU gradient is wrong with padding, and for non-cubic filters.
it("the gradient of a volume's maxima goes to each window's maximum, also with padding", async () => {
  await tf.setBackend("wasm");
  fc.assert(
    fc.property(volume, volumeWindow, few, channels, (sizes, filter, stride, cin) => {
      const [moved, predicted] = tf.tidy(() => {
        const pool: Pool = (x) => tf.maxPool3d(x as tf.Tensor5D, filter, [stride, stride, 1], "same");
        const x = noise([2, ...sizes, cin], 1).sub(3);
        const dy = noise(pool(x).shape, 2);
        // Raising every number by a distinct small amount raises each maximum by that of its position.
        const step = tf.randomUniform(x.shape, 0, 1, "float32", 3);
        const rise = (amount: number) =>
          pool(x.add(step.mul(amount)))
            .mul(dy)
            .sum();
        return [rise(1e-4).sub(rise(-1e-4)).div(2e-4), tf.grad(pool)(x, dy).mul(step).sum()];
      });
      // A few float32 sums of as many terms; a lost window would contribute as much as one of them.
      const [a, b] = [moved, predicted].map((tensor) => tensor.dataSync()[0]);
      expect(Math.abs(a - b)).toBeLessThan(0.1 * Math.sqrt(2 * cin * sizes.reduce((m, n) => m * n)));
      tf.dispose([moved, predicted]);
    }),
    { numRuns: 60, seed: 1 },
  );
});

it("conv3d and its gradients agree with the CPU backend", async () => {
  await fc.assert(
    fc.asyncProperty(
      volume,
      volumeWindow,
      few,
      channels,
      channels,
      async (sizes, kernel, stride, cin, cout) => {
        await expectAgreement(() => {
          const convolve = (x: tf.Tensor, filter: tf.Tensor) =>
            tf.conv3d(x as tf.Tensor5D, filter as tf.Tensor5D, [stride, 1, stride], "same");
          const [x, filter] = [noise([2, ...sizes, cin], 1), noise([...kernel, cin, cout], 2)];
          const y = convolve(x, filter);
          return [y, ...tf.grads(convolve)([x, filter], noise(y.shape, 3))];
        }, TOLERANCES.gradient);
      },
    ),
    { numRuns: 60, seed: 1 },
  );
});

describe("channels first", () => {
  const common = { strides: 1, pad: "same", dataFormat: "NCHW" };

  it("are left to the stock kernel", () => {
    const dy = tf.randomNormal([2, 3, 4, 5], 0, 1, undefined, 1);
    const filter = tf.randomNormal([3, 3, 2, 3], 0, 1, undefined, 2);
    const first = tf
      .engine()
      .runKernel<tf.Tensor>(tf.Conv2DBackpropInput, { dy, filter }, { ...common, inputShape: [2, 2, 4, 5] });
    const last = tf
      .engine()
      .runKernel<tf.Tensor>(
        tf.Conv2DBackpropInput,
        { dy: dy.transpose([0, 2, 3, 1]), filter },
        { ...common, dataFormat: "NHWC", inputShape: [2, 4, 5, 2] },
      );
    expect(maxRelativeError(first.dataSync(), last.transpose([0, 3, 1, 2]).dataSync())).toBeLessThan(1e-5);
  });

  it("are refused where there is no stock kernel", () =>
    expectGmrError(
      () =>
        tf
          .engine()
          .runKernel(
            tf.Conv2DBackpropFilter,
            { x: tf.ones([1, 2, 5, 5]), dy: tf.ones([1, 3, 5, 5]) },
            { ...common, filterShape: [3, 3, 2, 3] },
          ),
      "unsupported",
      "the wasm backend has no Conv2DBackpropFilter of float32, float32 with " +
        '{"strides":1,"pad":"same","dataFormat":"NCHW","filterShape":[3,3,2,3]}',
    ));
});
