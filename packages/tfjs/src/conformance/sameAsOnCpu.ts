import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { checkClose, type Expected } from "./compare.ts";
import { type ConformanceCase, defineCase } from "./conformanceCase.ts";

export type Compute = () => tf.Tensor | tf.Tensor[];

/**
 * A case that the active backend passes if values, shapes and dtypes match the stock CPU backend.
 * @param kernels that the backend needs
 */
export function sameAsOnCpu(name: string, compute: Compute, kernels?: readonly string[]): ConformanceCase {
  return defineCase(
    name,
    async () => {
      const backend = tf.getBackend();
      await tf.setBackend("cpu");
      const expected = await results(compute);
      await tf.setBackend(backend);
      const actual = tf.tidy(() => [compute()].flat());
      if (actual.length !== expected.length)
        throw new GmrError("internal", `${name} gives ${actual.length} results`);
      for (const [i, y] of actual.entries()) {
        await checkClose(`result ${i} of ${name}`, "output", y, expected[i]);
        if (y.dtype !== expected[i].dtype) {
          throw new GmrError(
            "invalid-data",
            `result ${i} of ${name} should be ${expected[i].dtype}, got ${y.dtype}`,
          );
        }
      }
      tf.dispose(actual);
    },
    kernels,
  );
}

async function results(compute: Compute): Promise<(Expected & { dtype: string })[]> {
  const tensors = tf.tidy(() => [compute()].flat());
  const read = tensors.map((y) => ({ data: Array.from(y.dataSync()), shape: y.shape, dtype: y.dtype }));
  tf.dispose(tensors);
  return read;
}
