import { product } from "@gmr-conv/core";
import fc from "fast-check";
import type { StoredTensor } from "../src/storedTensor.ts";

/** Small tensors of every element type. */
export const storedTensors: fc.Arbitrary<StoredTensor> = fc
  .array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 })
  .chain((shape) => {
    const length = product(shape);
    const size = { minLength: length, maxLength: length };
    const data = fc.oneof(
      fc.float32Array(size),
      fc.float64Array(size),
      fc.bigInt64Array(size),
      fc.int32Array(size),
      fc.int16Array(size),
      fc.int8Array(size),
      fc.bigUint64Array(size),
      fc.uint32Array(size),
      fc.uint16Array(size),
      fc.uint8Array(size),
    );
    const truth = fc.uint8Array({ ...size, max: 1 }).map((values) => ({ shape, data: values, bool: true }));
    return fc.oneof(
      data.map((values): StoredTensor => ({ shape, data: values })),
      truth,
    );
  });
