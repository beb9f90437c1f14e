/** Grey as RGB, or RGB as grey, by ITU-R 601 luma. */
export function convertChannels<T extends Uint8Array | Uint16Array>(values: T, from: 1 | 3, to: 1 | 3): T {
  if (from === to) return values;
  const pixels = values.length / from;
  const result = new (values.constructor as Uint8ArrayConstructor)(pixels * to) as T;
  for (let i = 0; i < pixels; i++) {
    if (from === 1) result.fill(values[i], 3 * i, 3 * i + 3);
    else
      result[i] = Math.round(0.299 * values[3 * i] + 0.587 * values[3 * i + 1] + 0.114 * values[3 * i + 2]);
  }
  return result;
}
