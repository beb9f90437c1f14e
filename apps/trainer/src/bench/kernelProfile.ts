// Where time goes, kernel by kernel. Kernels are timed where they are registered: `tf.profile` counts the time of
// composed ops twice, once for the op and once for its parts.

import { replaceKernels } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

export interface KernelShare {
  /** Name of the kernel, or `(outside kernels)`. */
  op: string;
  calls: number;
  ms: number;
  /** Of the total time. */
  percent: number;
}

export const OUTSIDE = "(outside kernels)";

/** The kernels of the active backend that `work` runs, the slowest first; the last entry is the rest. */
export async function profileKernels(work: () => Promise<void>): Promise<KernelShare[]> {
  const timer = new KernelTimer();
  const kernels = tf.getKernelsForBackend(tf.getBackend());
  replaceKernels(kernels.map((kernel) => ({ ...kernel, kernelFunc: timer.timed(kernel) })));
  let total: number;
  try {
    const start = performance.now();
    await work();
    total = performance.now() - start;
  } finally {
    replaceKernels(kernels);
  }
  return timer.shares(total);
}

class KernelTimer {
  private readonly times = new Map<string, { calls: number; ms: number }>();
  /** Time of kernels called by the running one. */
  private inner = 0;

  timed({ kernelName, kernelFunc }: tf.KernelConfig): tf.KernelFunc {
    const time = { calls: 0, ms: 0 };
    this.times.set(kernelName, time);
    return (params) => {
      const outer = this.inner;
      this.inner = 0;
      const start = performance.now();
      try {
        return kernelFunc(params);
      } finally {
        const ms = performance.now() - start;
        time.calls++;
        time.ms += ms - this.inner;
        this.inner = outer + ms;
      }
    };
  }

  shares(total: number): KernelShare[] {
    const share = (op: string, calls: number, ms: number): KernelShare => ({
      op,
      calls,
      ms: Number(ms.toFixed(3)),
      percent: Number(((100 * ms) / total).toFixed(2)),
    });
    const kernels = [...this.times].filter(([, { calls }]) => calls > 0);
    const inside = kernels.reduce((sum, [, { ms }]) => sum + ms, 0);
    const sorted = kernels.sort(([, a], [, b]) => b.ms - a.ms);
    return [...sorted.map(([op, { calls, ms }]) => share(op, calls, ms)), share(OUTSIDE, 0, total - inside)];
  }
}
