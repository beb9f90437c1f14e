// Gradient of average pooling in two dimensions, channels last. The stock kernel visits every window of every
// pixel one channel at a time; here each output gradient is spread over its window a row of channels at a time.
import { max, min } from "./common";

/** dx[N, inH, inW, C] from dy[N, outH, outW, C]; windows are divided by the pixels that lie inside the image. */
export function avgPoolGradient(
  dy: usize,
  dx: usize,
  images: i32,
  inH: i32,
  inW: i32,
  outH: i32,
  outW: i32,
  channels: i32,
  filterH: i32,
  filterW: i32,
  strideH: i32,
  strideW: i32,
  padTop: i32,
  padLeft: i32,
): void {
  const pixel = (<usize>channels) << 2;
  memory.fill(dx, 0, <usize>images * inH * inW * pixel);
  for (let n = 0; n < images; n++) {
    for (let oy = 0; oy < outH; oy++) {
      const y0 = max(0, oy * strideH - padTop);
      const y1 = min(inH, oy * strideH - padTop + filterH);
      for (let ox = 0; ox < outW; ox++) {
        const x0 = max(0, ox * strideW - padLeft);
        const x1 = min(inW, ox * strideW - padLeft + filterW);
        const share = <f32>1 / <f32>((y1 - y0) * (x1 - x0));
        for (let y = y0; y < y1; y++) {
          let to = dx + (<usize>y * inW + x0) * pixel;
          for (let x = x0; x < x1; x++) {
            let c = 0;
            for (; c + 4 <= channels; c += 4) {
              const at = (<usize>c) << 2;
              v128.store(
                to + at,
                f32x4.add(v128.load(to + at), f32x4.mul(v128.load(dy + at), f32x4.splat(share))),
              );
            }
            for (; c < channels; c++) {
              const at = (<usize>c) << 2;
              store<f32>(to + at, load<f32>(to + at) + load<f32>(dy + at) * share);
            }
            to += pixel;
          }
        }
        dy += pixel;
      }
    }
    dx += <usize>inH * inW * pixel;
  }
}
