/** A share from 0 to 1 as a percentage. */
export function percent(share: number): string {
  const value = 100 * share;
  return `${value >= 99.95 || value < 0.05 ? value.toFixed(0) : value.toFixed(1)}\u00a0%`;
}
