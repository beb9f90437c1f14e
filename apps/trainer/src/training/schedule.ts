/**
 * Learning rate of a step: a linear rise over the first `warmup` share of the steps, then half a cosine down to
 * zero.
 */
export function learningRateAt(step: number, steps: number, peak: number, warmup: number): number {
  const rise = Math.max(1, Math.round(steps * warmup));
  if (step < rise) return (peak * (step + 1)) / rise;
  return (peak / 2) * (1 + Math.cos((Math.PI * (step - rise)) / Math.max(1, steps - rise)));
}
