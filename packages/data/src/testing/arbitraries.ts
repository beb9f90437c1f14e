/** Random batches for property-based tests. */
import fc from "fast-check";
import { type ImageSet, imageSize, type SampleShape } from "../imageSet.ts";

/** A batch and its shape, square if asked for. */
export function batches(square = false): fc.Arbitrary<{ batch: Float32Array; shape: SampleShape }> {
  const extent = fc.integer({ min: 1, max: 9 });
  return fc
    .record({
      height: extent,
      width: extent,
      channels: fc.integer({ min: 1, max: 3 }),
      count: fc.integer({ min: 1, max: 3 }),
    })
    .chain(({ height, width, channels, count }) => {
      const shape: SampleShape = [height, square ? height : width, channels];
      const length = count * imageSize(shape);
      return fc
        .float32Array({ minLength: length, maxLength: length, noNaN: true, min: -4, max: 4 })
        .map((batch) => ({ batch: batch.map((value) => value + 0), shape }));
    });
}

/** A set of `count` 2×3 byte images; image n's first pixel and label tell which it is. */
export function numberedSet(count: number): ImageSet {
  const images = new Uint8Array(count * 6).fill(9);
  const labels = new Int32Array(count);
  for (let n = 0; n < count; n++) {
    images[n * 6] = n % 256;
    labels[n] = n;
  }
  return { name: "numbered", images, labels, shape: [2, 3, 1], count, classNames: [] };
}
