// What tiles of images and boxes of volumes have in common.

/** The place inside that an image, continued by mirror images without repeating its outermost pixels, has at an index. */
export function mirrored(index: number, size: number): number {
  if (size === 1) return 0;
  const period = 2 * (size - 1);
  const within = ((index % period) + period) % period;
  return within < size ? within : period - within;
}

/** The most probable of so many classes, whose probabilities begin at `at`. */
export function mostProbable(probabilities: Float32Array, at: number, classes: number): number {
  let best = 0;
  for (let k = 1; k < classes; k++) if (probabilities[at + k] > probabilities[at + best]) best = k;
  return best;
}
