// A case of the suite.

import * as tf from "@tensorflow/tfjs";
import { checkCount } from "./compare.ts";

/** One test: `run` resolves if the active backend passes, and rejects with a GmrError that says what differs. */
export interface ConformanceCase {
  readonly name: string;
  /**
   * The kernels under test. If the active backend lacks one, there is nothing to test: `run` does nothing, and a test
   * runner may mark the case as skipped.
   */
  readonly kernels: readonly string[];
  readonly run: () => Promise<void>;
}

/** Whether the active backend has every kernel that a case needs. */
export function applies(testCase: ConformanceCase): boolean {
  return testCase.kernels.every((name) => tf.getKernel(name, tf.getBackend()) != null);
}

/** A case whose `test` must not leak tensors. */
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
