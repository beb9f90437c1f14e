// Small fused loops of a training step that would take stock kernels a dozen passes over memory.
import { madd, min } from "./common";

/** Bytes of the rows that `mixRows` mixes at a time, so that they stay in the cache. */
const PIECE: usize = 2048;

/**
 * dst[l] = sum over r of matrix[r, l] * src[r] (or, transposed, of matrix[l, r]), for `inner` floats of rows that are
 * `stride` bytes apart.
 */
export function mixRows(
  matrix: usize,
  src: usize,
  dst: usize,
  rings: i32,
  stride: usize,
  inner: i32,
  transposed: i32,
): void {
  const rowBytes = <usize>inner << 2;
  for (let start: usize = 0; start < rowBytes; start += PIECE) {
    const end = start + PIECE < rowBytes ? start + PIECE : rowBytes;
    for (let l = 0; l < rings; l++) {
      const to = dst + <usize>l * stride;
      const first = matrix + (<usize>(transposed ? l * rings : l) << 2);
      const step = <usize>(transposed ? 1 : rings) << 2;
      let i = start;
      for (; i + 32 <= end; i += 32) {
        let low = f32x4.splat(0);
        let high = f32x4.splat(0);
        let share = first;
        let from = src + i;
        for (let r = 0; r < rings; r++) {
          const shares = v128.load32_splat(share);
          low = madd(shares, v128.load(from), low);
          high = madd(shares, v128.load(from, 16), high);
          share += step;
          from += stride;
        }
        v128.store(to + i, low);
        v128.store(to + i, high, 16);
      }
      for (; i < end; i += 4) {
        let sum = f32x4.splat(0);
        for (let r = 0; r < rings; r++) {
          // As above, so that where a thread's share ends makes no difference.
          const shares = v128.load32_splat(first + <usize>r * step);
          sum = madd(shares, v128.load32_splat(src + <usize>r * stride + i), sum);
        }
        store<f32>(to + i, f32x4.extract_lane(sum, 0));
      }
    }
  }
}

/** dst[r, l] = dot product of rows a[r] and b[l] of `inner` floats. */
export function dotRows(a: usize, b: usize, dst: usize, rings: i32, inner: i32): void {
  const rowBytes = <usize>inner << 2;
  for (let r = 0; r < rings; r++) {
    for (let l = 0; l < rings; l++) {
      const p = a + <usize>r * rowBytes;
      const q = b + <usize>l * rowBytes;
      let total: f64 = 0;
      let i: usize = 0;
      while (i + 16 <= rowBytes) {
        // Chunks are added in float64: the products of a large layer cancel.
        const stop = <usize>min(<i32>(i + 4096), <i32>(rowBytes & ~15));
        let sum = f32x4.splat(0);
        for (; i < stop; i += 16) sum = madd(v128.load(p + i), v128.load(q + i), sum);
        total +=
          <f64>f32x4.extract_lane(sum, 0) +
          <f64>f32x4.extract_lane(sum, 1) +
          <f64>f32x4.extract_lane(sum, 2) +
          <f64>f32x4.extract_lane(sum, 3);
      }
      for (; i < rowBytes; i += 4) total += <f64>load<f32>(p + i) * <f64>load<f32>(q + i);
      store<f32>(dst + (<usize>(r * rings + l) << 2), <f32>total);
    }
  }
}

/** y = max(a + b, 0). */
export function addRelu(a: usize, b: usize, y: usize, count: i32): void {
  const bytes = <usize>count << 2;
  const zero = f32x4.splat(0);
  let i: usize = 0;
  for (; i + 16 <= bytes; i += 16) {
    v128.store(y + i, f32x4.max(f32x4.add(v128.load(a + i), v128.load(b + i)), zero));
  }
  for (; i < bytes; i += 4) store<f32>(y + i, max<f32>(load<f32>(a + i) + load<f32>(b + i), 0));
}

/** y[r, c] = x[r, c] * scale[r mod period] for rows of `channels` floats. */
export function scaleRows(x: usize, scale: usize, y: usize, rows: i32, period: i32, channels: i32): void {
  const rowBytes = <usize>channels << 2;
  for (let r = 0, at = 0; r < rows; r++) {
    const factor = load<f32>(scale + (<usize>at << 2));
    const factors = f32x4.splat(factor);
    let i: usize = 0;
    for (; i + 16 <= rowBytes; i += 16) v128.store(y + i, f32x4.mul(v128.load(x + i), factors));
    for (; i < rowBytes; i += 4) store<f32>(y + i, load<f32>(x + i) * factor);
    x += rowBytes;
    y += rowBytes;
    if (++at == period) at = 0;
  }
}

/** y[i * times + j] = x[i] for `count` numbers. */
export function repeatEach(x: usize, y: usize, count: i32, times: i32): void {
  const end = x + (<usize>count << 2);
  if (times == 2) {
    for (; x + 16 <= end; x += 16, y += 32) {
      const v = v128.load(x);
      v128.store(y, v128.shuffle<f32>(v, v, 0, 0, 1, 1));
      v128.store(y, v128.shuffle<f32>(v, v, 2, 2, 3, 3), 16);
    }
  }
  for (; x < end; x += 4) {
    const v = load<f32>(x);
    const vector = f32x4.splat(v);
    let j = 0;
    for (; j + 4 <= times; j += 4, y += 16) v128.store(y, vector);
    for (; j < times; j++, y += 4) store<f32>(y, v);
  }
}

/** dx = dy where y > 0, else 0. */
export function reluGradient(dy: usize, y: usize, dx: usize, count: i32): void {
  const bytes = <usize>count << 2;
  const zero = f32x4.splat(0);
  let i: usize = 0;
  for (; i + 16 <= bytes; i += 16) {
    v128.store(dx + i, v128.and(v128.load(dy + i), f32x4.gt(v128.load(y + i), zero)));
  }
  for (; i < bytes; i += 4) store<f32>(dx + i, load<f32>(y + i) > 0 ? load<f32>(dy + i) : 0);
}

/** y = v where x > 0, else slope * v: the leaky rectifier of x = v, and its gradient with respect to v. */
export function leaky(v: usize, x: usize, y: usize, count: i32, slope: f32): void {
  const bytes = <usize>count << 2;
  const zero = f32x4.splat(0);
  const slopes = f32x4.splat(slope);
  let i: usize = 0;
  for (; i + 16 <= bytes; i += 16) {
    const value = v128.load(v + i);
    const open = f32x4.gt(v128.load(x + i), zero);
    v128.store(y + i, v128.bitselect(value, f32x4.mul(value, slopes), open));
  }
  for (; i < bytes; i += 4) {
    const value = load<f32>(v + i);
    store<f32>(y + i, load<f32>(x + i) > 0 ? value : value * slope);
  }
}

/**
 * One step of AdamW: m' = β₁m + γ₁g, v' = β₂v + γ₂g², p' = keep·p - size · m' / (√(v'·scale) + ε).
 * γ = 1 - β is passed in: computed here, in float32, it would lose digits for β near 1.
 */
export function adamW(
  p: usize,
  g: usize,
  m: usize,
  v: usize,
  pOut: usize,
  mOut: usize,
  vOut: usize,
  count: i32,
  beta1: f32,
  gamma1: f32,
  beta2: f32,
  gamma2: f32,
  keep: f32,
  size: f32,
  scale: f32,
  epsilon: f32,
): void {
  const bytes = <usize>count << 2;
  const b1 = f32x4.splat(beta1);
  const c1 = f32x4.splat(gamma1);
  const b2 = f32x4.splat(beta2);
  const c2 = f32x4.splat(gamma2);
  const k = f32x4.splat(keep);
  const s = f32x4.splat(size);
  const r = f32x4.splat(scale);
  const e = f32x4.splat(epsilon);
  let i: usize = 0;
  for (; i + 16 <= bytes; i += 16) {
    const grad = v128.load(g + i);
    const first = f32x4.add(f32x4.mul(b1, v128.load(m + i)), f32x4.mul(c1, grad));
    const second = f32x4.add(f32x4.mul(b2, v128.load(v + i)), f32x4.mul(c2, f32x4.mul(grad, grad)));
    const root = f32x4.add(f32x4.sqrt(f32x4.mul(second, r)), e);
    v128.store(mOut + i, first);
    v128.store(vOut + i, second);
    v128.store(
      pOut + i,
      f32x4.sub(f32x4.mul(k, v128.load(p + i)), f32x4.div(f32x4.mul(s, first), root)),
    );
  }
  for (; i < bytes; i += 4) {
    const grad = load<f32>(g + i);
    const first = beta1 * load<f32>(m + i) + gamma1 * grad;
    const second = beta2 * load<f32>(v + i) + gamma2 * grad * grad;
    store<f32>(mOut + i, first);
    store<f32>(vOut + i, second);
    store<f32>(pOut + i, keep * load<f32>(p + i) - (size * first) / (sqrt<f32>(second * scale) + epsilon));
  }
}

/** One step of SGD with Nesterov momentum: v' = μv + g, p' = keep·p - rate · (μv' + g). */
export function sgd(
  p: usize,
  g: usize,
  v: usize,
  pOut: usize,
  vOut: usize,
  count: i32,
  momentum: f32,
  keep: f32,
  rate: f32,
): void {
  const bytes = <usize>count << 2;
  const mu = f32x4.splat(momentum);
  const k = f32x4.splat(keep);
  const s = f32x4.splat(rate);
  let i: usize = 0;
  for (; i + 16 <= bytes; i += 16) {
    const grad = v128.load(g + i);
    const velocity = f32x4.add(f32x4.mul(mu, v128.load(v + i)), grad);
    v128.store(vOut + i, velocity);
    const change = f32x4.mul(s, f32x4.add(f32x4.mul(mu, velocity), grad));
    v128.store(pOut + i, f32x4.sub(f32x4.mul(k, v128.load(p + i)), change));
  }
  for (; i < bytes; i += 4) {
    const grad = load<f32>(g + i);
    const velocity = momentum * load<f32>(v + i) + grad;
    store<f32>(vOut + i, velocity);
    store<f32>(pOut + i, keep * load<f32>(p + i) - rate * (momentum * velocity + grad));
  }
}
