// What a case of the suite is.

import * as tf from "@tensorflow/tfjs";
import { checkCount } from "./compare.ts";

/** One test: `run` resolves if the active backend passes, and rejects with a GmrError that says what differed. */
export interface ConformanceCase {
  readonly name: string;
  /**
   * Kernels that the case is about. Where the active backend lacks one of them there is nothing to test: `run`
   * does nothing, and a test runner may mark the case as skipped.
   */
  readonly kernels: readonly string[];
  readonly run: () => Promise<void>;
}

/** Whether the active backend has every kernel that a case is about. */
export function applies(testCase: ConformanceCase): boolean {
  return testCase.kernels.every((name) => tf.getKernel(name, tf.getBackend()) != null);
}

/** A case whose `test` may leave no tensor behind. */
export function defineCase(
  name: string,
  test: () => Promise<void>,
  kernels: readonly string[] = [],
): ConformanceCase {
  const testCase: ConformanceCase = {
    name,
    kernels,
    run: async () => {
      await tf.ready();
      if (!applies(testCase)) return;
      const before = tf.memory().numTensors;
      await test();
      checkCount(`${name}: the number of tensors afterwards`, tf.memory().numTensors, before);
    },
  };
  return testCase;
}
