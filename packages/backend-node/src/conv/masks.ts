// The constant 0/1 filters of the depthwise convolutions, kept on the device.

import type { Native } from "../nativeOps.ts";
import type { NativeState } from "../state.ts";

/**
 * A filter [height, width, channels, 1] that is 1 at the given positions. It is made once for each pattern and number
 * of channels.
 * @param positions row-major in height × width
 */
export function ringMask(
  { backend: { binding }, masks }: NativeState,
  height: number,
  width: number,
  positions: readonly number[],
  channels: number,
): Native {
  return masks.get(`${height} ${width} ${channels}:${positions}`, () => {
    const values = new Float32Array(height * width * channels);
    for (const position of positions) values.fill(1, position * channels, (position + 1) * channels);
    const shape = [height, width, channels, 1];
    return { id: binding.createTensor(shape, binding.TF_FLOAT, values), shape };
  });
}
