// Pooling of volumes (images have a depth of one), channels last. The stock kernels are wrong for negative numbers
// (maxima) or slow (they visit every window of every pixel one channel at a time). Here each output is one window, four
// channels at a time.
import { max, min } from "./common";
import { Windows } from "./windows";

// The window of an output along one axis: from max(0, at) to min(size, at + filter), at = o · stride - pad.

/** y[N, out, C] = maxima of the windows of x[N, in, C], images [begin, end); -∞ for a window outside the image. */
export function maxPool(plan: usize, x: usize, y: usize, begin: i32, end: i32): void {
  const w = changetype<Windows>(plan);
  const inH = w.inH;
  const inW = w.inW;
  const channels = w.channels;
  const pixel = (<usize>channels) << 2;
  const image = <usize>(w.inD * inH * inW) * pixel;
  x += <usize>begin * image;
  y += <usize>(begin * w.outD * w.outH * w.outW) * pixel;
  for (let n = begin; n < end; n++) {
    for (let oz = 0; oz < w.outD; oz++) {
      const z0 = max(0, oz * w.strideD - w.padD);
      const z1 = min(w.inD, oz * w.strideD - w.padD + w.filterD);
      for (let oy = 0; oy < w.outH; oy++) {
        const y0 = max(0, oy * w.strideH - w.padH);
        const y1 = min(inH, oy * w.strideH - w.padH + w.filterH);
        for (let ox = 0; ox < w.outW; ox++) {
          const x0 = max(0, ox * w.strideW - w.padW);
          const x1 = min(inW, ox * w.strideW - w.padW + w.filterW);
          for (let c = 0; c < channels; c += 4) {
            const at = (<usize>c) << 2;
            if (c + 4 <= channels) {
              let best = f32x4.splat(-Infinity);
              for (let z = z0; z < z1; z++) {
                for (let r = y0; r < y1; r++) {
                  let from = x + <usize>((z * inH + r) * inW + x0) * pixel + at;
                  for (let q = x0; q < x1; q++) {
                    best = f32x4.max(best, v128.load(from));
                    from += pixel;
                  }
                }
              }
              v128.store(y + at, best);
            } else {
              for (let k = c; k < channels; k++) {
                const own = (<usize>k) << 2;
                let best: f32 = -Infinity;
                for (let z = z0; z < z1; z++) {
                  for (let r = y0; r < y1; r++) {
                    let from = x + <usize>((z * inH + r) * inW + x0) * pixel + own;
                    for (let q = x0; q < x1; q++) {
                      best = f32.max(best, load<f32>(from));
                      from += pixel;
                    }
                  }
                }
                store<f32>(y + own, best);
              }
            }
          }
          y += pixel;
        }
      }
    }
    x += image;
  }
}

/** y[N, out, C] = averages of the windows of x[N, in, C] over the positions inside; summed in float64. */
export function avgPool(plan: usize, x: usize, y: usize, begin: i32, end: i32): void {
  const w = changetype<Windows>(plan);
  const inH = w.inH;
  const inW = w.inW;
  const channels = w.channels;
  const pixel = (<usize>channels) << 2;
  const image = <usize>(w.inD * inH * inW) * pixel;
  x += <usize>begin * image;
  y += <usize>(begin * w.outD * w.outH * w.outW) * pixel;
  for (let n = begin; n < end; n++) {
    for (let oz = 0; oz < w.outD; oz++) {
      const z0 = max(0, oz * w.strideD - w.padD);
      const z1 = min(w.inD, oz * w.strideD - w.padD + w.filterD);
      for (let oy = 0; oy < w.outH; oy++) {
        const y0 = max(0, oy * w.strideH - w.padH);
        const y1 = min(inH, oy * w.strideH - w.padH + w.filterH);
        for (let ox = 0; ox < w.outW; ox++) {
          const x0 = max(0, ox * w.strideW - w.padW);
          const x1 = min(inW, ox * w.strideW - w.padW + w.filterW);
          const share: f64 = 1 / <f64>((z1 - z0) * (y1 - y0) * (x1 - x0));
          for (let c = 0; c < channels; c += 4) {
            const at = (<usize>c) << 2;
            if (c + 4 <= channels) {
              let low = f64x2.splat(0);
              let high = f64x2.splat(0);
              for (let z = z0; z < z1; z++) {
                for (let r = y0; r < y1; r++) {
                  let from = x + <usize>((z * inH + r) * inW + x0) * pixel + at;
                  for (let q = x0; q < x1; q++) {
                    low = f64x2.add(low, f64x2.promote_low_f32x4(v128.load64_zero(from)));
                    high = f64x2.add(high, f64x2.promote_low_f32x4(v128.load64_zero(from, 8)));
                    from += pixel;
                  }
                }
              }
              const shares = f64x2.splat(share);
              v128.store64_lane(y + at, f32x4.demote_f64x2_zero(f64x2.mul(low, shares)), 0);
              v128.store64_lane(y + at, f32x4.demote_f64x2_zero(f64x2.mul(high, shares)), 0, 8);
            } else {
              for (let k = c; k < channels; k++) {
                const own = (<usize>k) << 2;
                let sum: f64 = 0;
                for (let z = z0; z < z1; z++) {
                  for (let r = y0; r < y1; r++) {
                    let from = x + <usize>((z * inH + r) * inW + x0) * pixel + own;
                    for (let q = x0; q < x1; q++) {
                      sum += <f64>load<f32>(from);
                      from += pixel;
                    }
                  }
                }
                store<f32>(y + own, <f32>(sum * share));
              }
            }
          }
          y += pixel;
        }
      }
    }
    x += image;
  }
}

/** dx[N, in, C] from dy[N, out, C]: each goes to the first maximum of its window, with x and y as in `maxPool`. */
export function maxPoolGradient(
  plan: usize,
  dy: usize,
  x: usize,
  y: usize,
  dx: usize,
  begin: i32,
  end: i32,
): void {
  const w = changetype<Windows>(plan);
  const inH = w.inH;
  const inW = w.inW;
  const channels = w.channels;
  const pixel = (<usize>channels) << 2;
  const image = <usize>(w.inD * inH * inW) * pixel;
  const map = <usize>(w.outD * w.outH * w.outW) * pixel;
  x += <usize>begin * image;
  dx += <usize>begin * image;
  y += <usize>begin * map;
  dy += <usize>begin * map;
  memory.fill(dx, 0, <usize>(end - begin) * image);
  for (let n = begin; n < end; n++) {
    for (let oz = 0; oz < w.outD; oz++) {
      const z0 = max(0, oz * w.strideD - w.padD);
      const z1 = min(w.inD, oz * w.strideD - w.padD + w.filterD);
      for (let oy = 0; oy < w.outH; oy++) {
        const y0 = max(0, oy * w.strideH - w.padH);
        const y1 = min(inH, oy * w.strideH - w.padH + w.filterH);
        for (let ox = 0; ox < w.outW; ox++) {
          const x0 = max(0, ox * w.strideW - w.padW);
          const x1 = min(inW, ox * w.strideW - w.padW + w.filterW);
          for (let c = 0; c < channels; c += 4) {
            const at = (<usize>c) << 2;
            if (c + 4 <= channels) {
              const best = v128.load(y + at);
              const gradient = v128.load(dy + at);
              let open = i32x4.splat(-1);
              for (let z = z0; z < z1; z++) {
                for (let r = y0; r < y1; r++) {
                  let place = <usize>((z * inH + r) * inW + x0) * pixel + at;
                  for (let q = x0; q < x1; q++) {
                    const hit = v128.and(open, f32x4.eq(v128.load(x + place), best));
                    const to = dx + place;
                    v128.store(to, f32x4.add(v128.load(to), v128.and(hit, gradient)));
                    open = v128.andnot(open, hit);
                    place += pixel;
                  }
                }
              }
            } else {
              for (let k = c; k < channels; k++) addToFirst(dy, x, y, dx, k, z0, z1, y0, y1, x0, x1, inH, inW, pixel);
            }
          }
          dy += pixel;
          y += pixel;
        }
      }
    }
    x += image;
    dx += image;
  }
}

/** One channel of one window of `maxPoolGradient`. */
function addToFirst(
  dy: usize,
  x: usize,
  y: usize,
  dx: usize,
  channel: i32,
  z0: i32,
  z1: i32,
  y0: i32,
  y1: i32,
  x0: i32,
  x1: i32,
  inH: i32,
  inW: i32,
  pixel: usize,
): void {
  const at = (<usize>channel) << 2;
  const best = load<f32>(y + at);
  for (let z = z0; z < z1; z++) {
    for (let r = y0; r < y1; r++) {
      let place = <usize>((z * inH + r) * inW + x0) * pixel + at;
      for (let q = x0; q < x1; q++) {
        if (load<f32>(x + place) == best) {
          store<f32>(dx + place, load<f32>(dx + place) + load<f32>(dy + at));
          return;
        }
        place += pixel;
      }
    }
  }
}

/** dx[N, in, C] from dy[N, out, C], of which every position of a window gets `share`. */
export function avgPoolGradient(plan: usize, dy: usize, dx: usize, share: f32, begin: i32, end: i32): void {
  const w = changetype<Windows>(plan);
  const inH = w.inH;
  const inW = w.inW;
  const channels = w.channels;
  const pixel = (<usize>channels) << 2;
  const image = <usize>(w.inD * inH * inW) * pixel;
  dx += <usize>begin * image;
  dy += <usize>(begin * w.outD * w.outH * w.outW) * pixel;
  memory.fill(dx, 0, <usize>(end - begin) * image);
  for (let n = begin; n < end; n++) {
    for (let oz = 0; oz < w.outD; oz++) {
      const z0 = max(0, oz * w.strideD - w.padD);
      const z1 = min(w.inD, oz * w.strideD - w.padD + w.filterD);
      for (let oy = 0; oy < w.outH; oy++) {
        const y0 = max(0, oy * w.strideH - w.padH);
        const y1 = min(inH, oy * w.strideH - w.padH + w.filterH);
        for (let ox = 0; ox < w.outW; ox++) {
          const x0 = max(0, ox * w.strideW - w.padW);
          const x1 = min(inW, ox * w.strideW - w.padW + w.filterW);
          for (let z = z0; z < z1; z++) {
            for (let r = y0; r < y1; r++) {
              let to = dx + <usize>((z * inH + r) * inW + x0) * pixel;
              for (let q = x0; q < x1; q++) {
                addScaled(dy, to, channels, share);
                to += pixel;
              }
            }
          }
          dy += pixel;
        }
      }
    }
    dx += image;
  }
}

/** to[c] += from[c] · scale */
function addScaled(from: usize, to: usize, channels: i32, scale: f32): void {
  let c = 0;
  for (; c + 4 <= channels; c += 4) {
    const at = (<usize>c) << 2;
    v128.store(to + at, f32x4.add(v128.load(to + at), f32x4.mul(v128.load(from + at), f32x4.splat(scale))));
  }
  for (; c < channels; c++) {
    const at = (<usize>c) << 2;
    store<f32>(to + at, load<f32>(to + at) + load<f32>(from + at) * scale);
  }
}
