/** The most probable class, given the probabilities of all classes from `at` on. */
export function mostProbable(probabilities: Float32Array, at: number, classes: number): number {
  let best = 0;
  for (let k = 1; k < classes; k++) if (probabilities[at + k] > probabilities[at + best]) best = k;
  return best;
}
