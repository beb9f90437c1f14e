import { product } from "@gmr-conv/core";
import type { Native, NativeOps } from "../nativeOps.ts";

/** Zeros between the positions of x [N, D, H, W, C]: an axis of n becomes (n - 1) · stride + 1 long. */
export function spreadOut(ops: NativeOps, x: Native, strides: readonly number[]): Native {
  let y = x;
  for (const [i, stride] of strides.entries()) {
    const axis = i + 1;
    const { shape } = y;
    const size = shape[axis];
    if (stride === 1 || size === 1) continue;
    const outer = product(shape.slice(0, axis));
    const inner = product(shape.slice(axis + 1));
    const length = (size - 1) * stride + 1;
    const rows = ops.reshape(y, [outer * size, 1, inner]);
    const none = [0, 0] as const;
    const padded = ops.pad(rows, [none, [0, stride - 1], none]);
    const spread = ops.slice(
      ops.reshape(padded, [outer, size * stride, inner]),
      [0, 0, 0],
      [outer, length, inner],
    );
    y = ops.reshape(
      spread,
      shape.map((n, a) => (a === axis ? length : n)),
    );
  }
  return y;
}
