// The constant 0/1 filters of the depthwise convolutions, kept on the device.

import type { NativeBackend } from "./nativeBackend.ts";
import type { Native } from "./nativeOps.ts";

const masks = new WeakMap<NativeBackend, Map<string, Native>>();

/**
 * A filter [height, width, channels, 1] that is 1 at the given positions. It is made once for each pattern and number
 * of channels, outside the engine's count of tensors: no call owns it.
 * @param positions row-major in height × width
 */
export function ringMask(
  backend: NativeBackend,
  height: number,
  width: number,
  positions: readonly number[],
  channels: number,
): Native {
  const known = masks.get(backend) ?? new Map<string, Native>();
  masks.set(backend, known);
  const key = `${height} ${width} ${channels}:${positions}`;
  let mask = known.get(key);
  if (!mask) {
    const values = new Float32Array(height * width * channels);
    for (const position of positions) values.fill(1, position * channels, (position + 1) * channels);
    const shape = [height, width, channels, 1];
    mask = { id: backend.binding.createTensor(shape, backend.binding.TF_FLOAT, values), shape };
    known.set(key, mask);
  }
  return mask;
}
