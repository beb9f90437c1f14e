import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { BatchNormTraining, BatchNormTrainingGrad, BatchNormTrainingParamGrad } from "@gmr-conv/tfjs";
import { conformanceCases } from "@gmr-conv/tfjs/conformance";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { hasNative } from "../../testing/describeNative.ts";
import { nodeDevice, useNode } from "../index.ts";
import { nativeKernels } from "./module.ts";

if (hasNative) await useNode({ cache: false });
const found = hasNative ? nativeKernels() : { missing: "no libtensorflow" };
if ("missing" in found) console.warn(`skipped: no native kernels here: ${found.missing}`);
const describeKernels = describe.skipIf("missing" in found);

const program = fileURLToPath(new URL("../../testing/kernelsProgram.mjs", import.meta.url));

async function check(randomCases: number, environment: Record<string, string>) {
  const { stdout } = await promisify(execFile)(process.execPath, [program, `${randomCases}`], {
    env: { ...process.env, ...environment },
  });
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as {
    instructions: string;
    failures: string[];
    bits: number[];
  };
}

describeKernels("kernels for other processors", () => {
  const others = process.arch === "x64" ? ["avx2", "generic"] : ["generic"];
  it.each(others)("pass the conformance suite: %s", async (GMR_INSTRUCTIONS) => {
    const { instructions, failures } = await check(60, { GMR_INSTRUCTIONS });
    expect(failures).toEqual([]);
    // A processor without AVX2 runs the generic ones.
    expect([GMR_INSTRUCTIONS, "generic"]).toContain(instructions);
  });
});

describeKernels("threads", () => {
  it("do not change a bit", async () => {
    const runs = await Promise.all(
      ["1", "2", "5"].map((threads) => check(0, { TF_NUM_INTRAOP_THREADS: threads })),
    );
    expect(runs[0].bits.length).toBeGreaterThan(4);
    expect(runs[1].bits).toEqual(runs[0].bits);
    expect(runs[2].bits).toEqual(runs[0].bits);
  });
});

describeKernels("without kernels", () => {
  beforeAll(() => useNode({ kernels: false }));

  it("the device says so", async () => {
    expect(nodeDevice().kernels).toBeUndefined();
    await useNode({ kernels: true });
    expect(nodeDevice().kernels).toMatch(/^(avx512|avx2|generic)$/);
    await useNode({ kernels: false });
  });

  for (const testCase of conformanceCases({ randomCases: 60 })) it(testCase.name, testCase.run);
});

const size = (max: number) => fc.integer({ min: 1, max });

function noise(shape: number[], seed: number, mean = 0): tf.Tensor {
  return tf.randomNormal(shape, mean, 1, "float32", seed);
}

/**
 * The same by kernels and by TensorFlow's own ops: differences are at most the tolerance times the largest number of
 * the tensor, or times the size that is expected of it, where numbers may cancel.
 */
async function expectSame(compute: () => tf.Tensor[], tolerance: number, sizes?: number[]): Promise<void> {
  await useNode({ kernels: true });
  const ours = tf.tidy(compute);
  await useNode({ kernels: false });
  const theirs = tf.tidy(compute);
  for (const [i, tensor] of ours.entries()) {
    expect(tensor.shape).toEqual(theirs[i].shape);
    const [a, b] = [tensor.dataSync<"float32">(), theirs[i].dataSync<"float32">()];
    const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), sizes?.[i] ?? 1e-3);
    const error = a.reduce((most, value, at) => Math.max(most, Math.abs(value - b[at])), 0);
    expect(error / largest).toBeLessThan(tolerance);
  }
  tf.dispose([ours, theirs]);
}

describeKernels("kernels agree with TensorFlow's own ops", () => {
  it("in normalisation, of the batch or each image", () =>
    fc.assert(
      fc.asyncProperty(
        fc.record({
          images: size(3),
          rows: fc.oneof(size(40), size(2500)),
          channels: fc.oneof(size(9), size(70)),
          slope: fc.constantFrom(0, 0.1, 1),
          perImage: fc.boolean(),
        }),
        async ({ images, rows, channels, slope, perImage }) => {
          // Of one or two rows, the gradient is a difference of equals.
          const numbers = perImage ? rows : images * rows;
          fc.pre(numbers > 2);
          const attrs = { epsilon: 1e-3, slope, perImage };
          const engine = tf.engine();
          const inputs = {
            x: noise([images, rows, channels], 1, 3),
            gamma: noise([channels], 3, 1),
            beta: noise([channels], 4),
          };
          // Rounding decides about numbers at the rectifier's edge: they get no gradient.
          const dy = tf.tidy(() => {
            const linear = { ...attrs, slope: 1 };
            const [v] = engine.runKernel(BatchNormTraining.name, inputs, linear) as unknown as tf.Tensor[];
            return noise(inputs.x.shape, 2).mul(v.abs().greater(1e-4).toFloat());
          });
          await expectSame(
            () => {
              const [y, mean, variance] = engine.runKernel(
                BatchNormTraining.name,
                inputs,
                attrs,
              ) as unknown as tf.Tensor[];
              const all = { dy, ...inputs, mean, variance };
              const dx = engine.runKernel(BatchNormTrainingGrad.name, all, attrs) as tf.Tensor;
              const params = engine.runKernel(
                BatchNormTrainingParamGrad.name,
                all,
                attrs,
              ) as unknown as tf.Tensor[];
              return [y, mean, variance, dx, ...params];
              // The gradients of gamma and beta are sums of random numbers of about 1.
            },
            1e-5,
            [1, 1, 1, 1, Math.sqrt(numbers), Math.sqrt(numbers)],
          );
          tf.dispose([dy, inputs]);
        },
      ),
      { numRuns: 60 },
    ));

  it("in the gradients of pooling, with ties and windows beyond the edge", () =>
    fc.assert(
      fc.asyncProperty(
        fc.record({
          shape: fc.tuple(size(2), size(9), size(9), size(70)),
          window: fc.tuple(size(3), size(3)),
          extra: fc.tuple(fc.nat(1), fc.nat(1)),
          pad: fc.constantFrom("valid" as const, "same" as const),
        }),
        async ({ shape, window, extra, pad }) => {
          fc.pre(pad === "same" || window.every((side, axis) => side <= shape[axis + 1]));
          const strides = window.map((side, axis) => side + extra[axis]) as [number, number];
          await expectSame(() => {
            // Few different numbers, so that some windows have several largest ones.
            const x = noise(shape, 1).mul(2).round() as tf.Tensor4D;
            const pooled = (image: tf.Tensor) => tf.maxPool(image as tf.Tensor4D, window, strides, pad);
            return [tf.grad(pooled)(x, noise(pooled(x).shape, 2))];
          }, 1e-6);
        },
      ),
      { numRuns: 60 },
    ));
});

describeKernels("sums and means over any axes", () => {
  beforeAll(() => useNode({ kernels: true }));

  // Not against TensorFlow's: neither is exact, and what cancels leaves no size to measure the difference by.
  it("are those of float64, within 1e-6 of the sum of absolute values", () =>
    fc.assert(
      fc.property(
        fc.array(fc.oneof(size(5), size(40)), { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(3)),
        (shape, wanted) => {
          const axes = [...new Set(wanted.filter((axis) => axis < shape.length))];
          const kept = shape.map((length, axis) => (axes.length === 0 || axes.includes(axis) ? 1 : length));
          const strides = kept.map((length, axis) =>
            length === 1 ? 0 : tf.util.sizeFromShape(kept.slice(axis + 1)),
          );
          const [x, sums, means] = tf.tidy(() => {
            const x = noise(shape, 1);
            const over = axes.length === 0 ? undefined : axes;
            return [x, x.sum(over, true), x.mean(over, true)].map((tensor) => {
              if (tensor !== x) expect(tensor.shape).toEqual(kept);
              return tensor.dataSync<"float32">();
            });
          });
          const exact = new Float64Array(sums.length);
          const sizes = new Float64Array(sums.length);
          const place = shape.map(() => 0);
          for (const value of x) {
            const at = place.reduce((total, index, axis) => total + index * strides[axis], 0);
            exact[at] += value;
            sizes[at] += Math.abs(value);
            for (let axis = shape.length - 1; axis >= 0 && ++place[axis] === shape[axis]; axis--)
              place[axis] = 0;
          }
          const count = x.length / sums.length;
          for (const [at, sum] of exact.entries()) {
            expect(Math.abs(sums[at] - sum)).toBeLessThanOrEqual(1e-6 * sizes[at]);
            expect(Math.abs(means[at] * count - sum)).toBeLessThanOrEqual(1e-6 * sizes[at]);
          }
        },
      ),
      { numRuns: 100 },
    ));
});
