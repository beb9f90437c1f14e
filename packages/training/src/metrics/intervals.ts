/**
 * The 95 % confidence interval of a proportion (Wilson 1927): the range of a network's accuracy, given `right` of
 * `count` images.
 */
export function wilson(right: number, count: number): [low: number, high: number] {
  if (count === 0) return [0, 1];
  const z = 1.959964;
  const share = right / count;
  const middle = share + (z * z) / (2 * count);
  const reach = z * Math.sqrt((share * (1 - share)) / count + (z * z) / (4 * count * count));
  const scale = 1 + (z * z) / count;
  return [Math.max(0, (middle - reach) / scale), Math.min(1, (middle + reach) / scale)];
}

/** The 95 % confidence interval of a mean, from the spread of the values. */
export function meanInterval(values: ArrayLike<number>): [low: number, high: number] {
  const list = Array.from(values);
  const mean = list.reduce((a, b) => a + b, 0) / list.length;
  if (list.length < 2) return [mean, mean];
  const variance = list.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (list.length - 1);
  const reach = 1.959964 * Math.sqrt(variance / list.length);
  return [mean - reach, mean + reach];
}
