// Batch normalisation in training, channels last: x[rows, channels], statistics over the rows.
//
// Works on up to 16 channels at a time, whose sums stay in registers while the rows stream by. Rows are summed in
// chunks, the chunk sums are added in float64, and the variance is taken about the mean in a second pass.
import { NormScratch } from "../src/layouts";
import { madd, min } from "./common";

const CHUNK = 32;

/** Adds the first two of four numbers, as float64, to a total. */
// @ts-ignore: decorator
@inline
function addLow(total: v128, sum: v128): v128 {
  return f64x2.add(total, f64x2.promote_low_f32x4(sum));
}

/** Adds the last two of four numbers, as float64, to a total. */
// @ts-ignore: decorator
@inline
function addHigh(total: v128, sum: v128): v128 {
  return f64x2.add(total, f64x2.promote_low_f32x4(i64x2.shuffle(sum, sum, 1, 1)));
}

/** Four totals times `scale` as float32. */
// @ts-ignore: decorator
@inline
function rounded(low: v128, high: v128, scale: v128): v128 {
  return i64x2.shuffle(
    f32x4.demote_f64x2_zero(f64x2.mul(low, scale)),
    f32x4.demote_f64x2_zero(f64x2.mul(high, scale)),
    0,
    2,
  );
}

/** Loads `count` (1…4) floats, padded with zeros. */
// @ts-ignore: decorator
@inline
function loadPart(p: usize, count: i32): v128 {
  if (count >= 4) return v128.load(p);
  let value = f32x4.splat(0);
  value = f32x4.replace_lane(value, 0, load<f32>(p));
  if (count > 1) value = f32x4.replace_lane(value, 1, load<f32>(p, 4));
  if (count > 2) value = f32x4.replace_lane(value, 2, load<f32>(p, 8));
  return value;
}

// @ts-ignore: decorator
@inline
function storePart(p: usize, value: v128, count: i32): void {
  if (count >= 4) {
    v128.store(p, value);
    return;
  }
  store<f32>(p, f32x4.extract_lane(value, 0));
  if (count > 1) store<f32>(p, f32x4.extract_lane(value, 1), 4);
  if (count > 2) store<f32>(p, f32x4.extract_lane(value, 2), 8);
}

/** Mean over the rows of 4 channels at x, or of the squared distance from `centre` if `squared`. */
// @ts-ignore: decorator
@inline
function reduce1(x: usize, rows: i32, rowBytes: usize, count: i32, centre: v128, squared: bool): v128 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (let r = 0; r < rows; ) {
    const stop = min(r + CHUNK, rows);
    let sum = f32x4.splat(0);
    for (; r < stop; r++) {
      let v = loadPart(x, count);
      if (squared) {
        v = f32x4.sub(v, centre);
        v = f32x4.mul(v, v);
      }
      sum = f32x4.add(sum, v);
      x += rowBytes;
    }
    low = addLow(low, sum);
    high = addHigh(high, sum);
  }
  return rounded(low, high, f64x2.splat(1 / <f64>rows));
}

/** The same for 16 channels; the four results go to `out`. */
// @ts-ignore: decorator
@inline
function reduce4(x: usize, rows: i32, rowBytes: usize, centre: usize, out: usize, squared: bool): void {
  let low0 = f64x2.splat(0);
  let high0 = f64x2.splat(0);
  let low1 = f64x2.splat(0);
  let high1 = f64x2.splat(0);
  let low2 = f64x2.splat(0);
  let high2 = f64x2.splat(0);
  let low3 = f64x2.splat(0);
  let high3 = f64x2.splat(0);
  const m0 = v128.load(centre);
  const m1 = v128.load(centre, 16);
  const m2 = v128.load(centre, 32);
  const m3 = v128.load(centre, 48);
  for (let r = 0; r < rows; ) {
    const stop = min(r + CHUNK, rows);
    let s0 = f32x4.splat(0);
    let s1 = f32x4.splat(0);
    let s2 = f32x4.splat(0);
    let s3 = f32x4.splat(0);
    for (; r < stop; r++) {
      let v0 = v128.load(x);
      let v1 = v128.load(x, 16);
      let v2 = v128.load(x, 32);
      let v3 = v128.load(x, 48);
      if (squared) {
        v0 = f32x4.sub(v0, m0);
        v1 = f32x4.sub(v1, m1);
        v2 = f32x4.sub(v2, m2);
        v3 = f32x4.sub(v3, m3);
        v0 = f32x4.mul(v0, v0);
        v1 = f32x4.mul(v1, v1);
        v2 = f32x4.mul(v2, v2);
        v3 = f32x4.mul(v3, v3);
      }
      s0 = f32x4.add(s0, v0);
      s1 = f32x4.add(s1, v1);
      s2 = f32x4.add(s2, v2);
      s3 = f32x4.add(s3, v3);
      x += rowBytes;
    }
    low0 = addLow(low0, s0);
    high0 = addHigh(high0, s0);
    low1 = addLow(low1, s1);
    high1 = addHigh(high1, s1);
    low2 = addLow(low2, s2);
    high2 = addHigh(high2, s2);
    low3 = addLow(low3, s3);
    high3 = addHigh(high3, s3);
  }
  const scale = f64x2.splat(1 / <f64>rows);
  v128.store(out, rounded(low0, high0, scale));
  v128.store(out, rounded(low1, high1, scale), 16);
  v128.store(out, rounded(low2, high2, scale), 32);
  v128.store(out, rounded(low3, high3, scale), 48);
}

/**
 * y = (x - mean) / sqrt(variance + epsilon) * gamma + beta for channels [begin, end), negative values set to zero
 * if `relu`; also writes mean and (biased) variance. `begin` is a multiple of 16.
 */
export function batchNormForward(
  x: usize,
  gamma: usize,
  beta: usize,
  y: usize,
  mean: usize,
  variance: usize,
  rows: i32,
  channels: i32,
  epsilon: f32,
  relu: i32,
  begin: i32,
  end: i32,
): void {
  const rowBytes = <usize>channels << 2;
  const eps = f32x4.splat(epsilon);
  const floor = f32x4.splat(relu ? 0 : -Infinity);
  for (let c = begin; c < end; ) {
    const at = <usize>c << 2;
    let from = x + at;
    let to = y + at;
    if (end - c >= 16) {
      reduce4(from, rows, rowBytes, mean + at, mean + at, false);
      reduce4(from, rows, rowBytes, mean + at, variance + at, true);
      const one = f32x4.splat(1);
      const m = mean + at;
      const v = variance + at;
      const g = gamma + at;
      const b = beta + at;
      const k0 = f32x4.mul(v128.load(g), f32x4.div(one, f32x4.sqrt(f32x4.add(v128.load(v), eps))));
      const k1 = f32x4.mul(v128.load(g, 16), f32x4.div(one, f32x4.sqrt(f32x4.add(v128.load(v, 16), eps))));
      const k2 = f32x4.mul(v128.load(g, 32), f32x4.div(one, f32x4.sqrt(f32x4.add(v128.load(v, 32), eps))));
      const k3 = f32x4.mul(v128.load(g, 48), f32x4.div(one, f32x4.sqrt(f32x4.add(v128.load(v, 48), eps))));
      const m0 = v128.load(m);
      const m1 = v128.load(m, 16);
      const m2 = v128.load(m, 32);
      const m3 = v128.load(m, 48);
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      const b2 = v128.load(b, 32);
      const b3 = v128.load(b, 48);
      for (let r = 0; r < rows; r++) {
        v128.store(to, f32x4.max(f32x4.add(f32x4.mul(f32x4.sub(v128.load(from), m0), k0), b0), floor));
        v128.store(to, f32x4.max(f32x4.add(f32x4.mul(f32x4.sub(v128.load(from, 16), m1), k1), b1), floor), 16);
        v128.store(to, f32x4.max(f32x4.add(f32x4.mul(f32x4.sub(v128.load(from, 32), m2), k2), b2), floor), 32);
        v128.store(to, f32x4.max(f32x4.add(f32x4.mul(f32x4.sub(v128.load(from, 48), m3), k3), b3), floor), 48);
        from += rowBytes;
        to += rowBytes;
      }
      c += 16;
    } else {
      const count = min(4, end - c);
      const m = reduce1(from, rows, rowBytes, count, f32x4.splat(0), false);
      const v = reduce1(from, rows, rowBytes, count, m, true);
      storePart(mean + at, m, count);
      storePart(variance + at, v, count);
      const k = f32x4.div(loadPart(gamma + at, count), f32x4.sqrt(f32x4.add(v, eps)));
      const b = loadPart(beta + at, count);
      for (let r = 0; r < rows; r++) {
        const value = f32x4.add(f32x4.mul(f32x4.sub(loadPart(from, count), m), k), b);
        storePart(to, f32x4.max(value, floor), count);
        from += rowBytes;
        to += rowBytes;
      }
      c += count;
    }
  }
}

// The gradients take 8 channels at a time, to use most of a cache line while the constants still fit into registers; up
// to 7 remaining channels are taken 4 at a time.

/**
 * dy of 4 channels, zero where the rectifier was closed: where (x - mean) * scale + beta <= floor. Without a
 * rectifier the floor is -Infinity.
 */
// @ts-ignore: decorator
@inline
function passed(dy: v128, centred: v128, scale: v128, beta: v128, floor: v128): v128 {
  return v128.and(dy, f32x4.gt(f32x4.add(f32x4.mul(centred, scale), beta), floor));
}

// @ts-ignore: decorator
@inline
function inverseDeviation(variance: v128, epsilon: f32): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.sqrt(f32x4.add(variance, f32x4.splat(epsilon))));
}

/**
 * Sums over the rows, for 8 channels (`wide`) or for `count` (1…4): sum(dy) goes to `sum`, sum(dy * (x - mean)) to
 * `product`. `constants` holds mean, scale and beta of 8 channels each.
 */
// @ts-ignore: decorator
@inline
function gradientSums(
  dy: usize,
  x: usize,
  constants: usize,
  floor: v128,
  rows: i32,
  rowBytes: usize,
  wide: bool,
  count: i32,
  sum: usize,
  product: usize,
): void {
  const m0 = v128.load(constants);
  const m1 = v128.load(constants, 16);
  const k0 = v128.load(constants, 32);
  const k1 = v128.load(constants, 48);
  const b0 = v128.load(constants, 64);
  const b1 = v128.load(constants, 80);
  let sums0Low = f64x2.splat(0);
  let sums0High = f64x2.splat(0);
  let sums1Low = f64x2.splat(0);
  let sums1High = f64x2.splat(0);
  let products0Low = f64x2.splat(0);
  let products0High = f64x2.splat(0);
  let products1Low = f64x2.splat(0);
  let products1High = f64x2.splat(0);
  for (let r = 0; r < rows; ) {
    const stop = min(r + CHUNK, rows);
    let s0 = f32x4.splat(0);
    let s1 = f32x4.splat(0);
    let p0 = f32x4.splat(0);
    let p1 = f32x4.splat(0);
    for (; r < stop; r++) {
      let centred = f32x4.sub(loadPart(x, count), m0);
      let g = passed(loadPart(dy, count), centred, k0, b0, floor);
      s0 = f32x4.add(s0, g);
      p0 = madd(g, centred, p0);
      if (wide) {
        centred = f32x4.sub(v128.load(x, 16), m1);
        g = passed(v128.load(dy, 16), centred, k1, b1, floor);
        s1 = f32x4.add(s1, g);
        p1 = madd(g, centred, p1);
      }
      dy += rowBytes;
      x += rowBytes;
    }
    sums0Low = addLow(sums0Low, s0);
    sums0High = addHigh(sums0High, s0);
    products0Low = addLow(products0Low, p0);
    products0High = addHigh(products0High, p0);
    if (wide) {
      sums1Low = addLow(sums1Low, s1);
      sums1High = addHigh(sums1High, s1);
      products1Low = addLow(products1Low, p1);
      products1High = addHigh(products1High, p1);
    }
  }
  const one = f64x2.splat(1);
  storePart(sum, rounded(sums0Low, sums0High, one), count);
  storePart(product, rounded(products0Low, products0High, one), count);
  if (wide) {
    v128.store(sum, rounded(sums1Low, sums1High, one), 16);
    v128.store(product, rounded(products1Low, products1High, one), 16);
  }
}

/** Writes mean, scale = gamma / sd and beta of up to 8 channels to `constants`, 8 each. */
function placeConstants(
  constants: usize,
  gamma: usize,
  beta: usize,
  mean: usize,
  variance: usize,
  count: i32,
  epsilon: f32,
): void {
  for (let c = 0; c < count; c += 4) {
    const at = <usize>c << 2;
    const part = min(4, count - c);
    v128.store(constants + at, loadPart(mean + at, part));
    const scale = f32x4.mul(
      loadPart(gamma + at, part),
      inverseDeviation(loadPart(variance + at, part), epsilon),
    );
    v128.store(constants + at, scale, 32);
    v128.store(constants + at, loadPart(beta + at, part), 64);
  }
}

/**
 * dGamma = sum(dy * xhat), dBeta = sum(dy), with xhat = (x - mean) / sqrt(variance + epsilon). `scratch` has
 * `NormScratch.Bytes`.
 */
export function batchNormParamGradient(
  dy: usize,
  x: usize,
  gamma: usize,
  beta: usize,
  mean: usize,
  variance: usize,
  dGamma: usize,
  dBeta: usize,
  scratch: usize,
  rows: i32,
  channels: i32,
  epsilon: f32,
  relu: i32,
  begin: i32,
  end: i32,
): void {
  const rowBytes = <usize>channels << 2;
  const floor = f32x4.splat(relu ? 0 : -Infinity);
  for (let c = begin; c < end; ) {
    const at = <usize>c << 2;
    const wide = end - c >= 8;
    const count = wide ? 8 : min(4, end - c);
    placeConstants(scratch, gamma + at, beta + at, mean + at, variance + at, count, epsilon);
    // A separate loop for each case, to avoid branches where the vectors are full.
    const sum = dBeta + at;
    const product = dGamma + at;
    if (wide) gradientSums(dy + at, x + at, scratch, floor, rows, rowBytes, true, 4, sum, product);
    else if (count == 4) gradientSums(dy + at, x + at, scratch, floor, rows, rowBytes, false, 4, sum, product);
    else gradientSums(dy + at, x + at, scratch, floor, rows, rowBytes, false, count, sum, product);
    for (let i = 0; i < count; i += 4) {
      const to = product + (<usize>i << 2);
      const part = min(4, count - i);
      const inverse = inverseDeviation(loadPart(variance + at + (<usize>i << 2), part), epsilon);
      storePart(to, f32x4.mul(loadPart(to, part), inverse), part);
    }
    c += count;
  }
}

/** dx = scale * (dy - shift - (x - mean) * slope) for 4 channels of all rows. */
// @ts-ignore: decorator
@inline
function applyGradient(
  dy: usize,
  x: usize,
  dx: usize,
  mean: v128,
  scale: v128,
  beta: v128,
  floor: v128,
  shift: v128,
  slope: v128,
  count: i32,
): void {
  const centred = f32x4.sub(loadPart(x, count), mean);
  const g = f32x4.sub(passed(loadPart(dy, count), centred, scale, beta, floor), shift);
  storePart(dx, f32x4.mul(scale, f32x4.sub(g, f32x4.mul(centred, slope))), count);
}

/**
 * dx = gamma / sd * (dy - mean(dy) - xhat * mean(dy * xhat)) for channels [begin, end), with xhat = (x - mean) / sd, sd
 * = sqrt(variance + epsilon); also dGamma = sum(dy * xhat) and dBeta = sum(dy), which it needs anyway. `scratch` has
 * `NormScratch.Bytes`.
 */
export function batchNormInputGradient(
  dy: usize,
  x: usize,
  gamma: usize,
  beta: usize,
  mean: usize,
  variance: usize,
  dx: usize,
  dGamma: usize,
  dBeta: usize,
  scratch: usize,
  rows: i32,
  channels: i32,
  epsilon: f32,
  relu: i32,
  begin: i32,
  end: i32,
): void {
  const rowBytes = <usize>channels << 2;
  const n = f32x4.splat(<f32>rows);
  const floor = f32x4.splat(relu ? 0 : -Infinity);
  const sum = scratch + <usize>NormScratch.Sum;
  const product = scratch + <usize>NormScratch.Product;
  for (let c = begin; c < end; ) {
    const at = <usize>c << 2;
    const wide = end - c >= 8;
    const count = wide ? 8 : min(4, end - c);
    placeConstants(scratch, gamma + at, beta + at, mean + at, variance + at, count, epsilon);
    let p = dy + at;
    let q = x + at;
    let to = dx + at;
    if (wide) gradientSums(p, q, scratch, floor, rows, rowBytes, true, 4, sum, product);
    else if (count == 4) gradientSums(p, q, scratch, floor, rows, rowBytes, false, 4, sum, product);
    else gradientSums(p, q, scratch, floor, rows, rowBytes, false, count, sum, product);

    const part = min(4, count);
    const i0 = inverseDeviation(loadPart(variance + at, part), epsilon);
    storePart(dBeta + at, v128.load(sum), part);
    storePart(dGamma + at, f32x4.mul(v128.load(product), i0), part);
    const shift0 = f32x4.div(v128.load(sum), n);
    const slope0 = f32x4.mul(f32x4.div(v128.load(product), n), f32x4.mul(i0, i0));
    const m0 = v128.load(scratch);
    const k0 = v128.load(scratch, 32);
    const b0 = v128.load(scratch, 64);
    if (wide) {
      const i1 = inverseDeviation(v128.load(variance + at, 16), epsilon);
      v128.store(dBeta + at, v128.load(sum, 16), 16);
      v128.store(dGamma + at, f32x4.mul(v128.load(product, 16), i1), 16);
      const shift1 = f32x4.div(v128.load(sum, 16), n);
      const slope1 = f32x4.mul(f32x4.div(v128.load(product, 16), n), f32x4.mul(i1, i1));
      const m1 = v128.load(scratch, 16);
      const k1 = v128.load(scratch, 48);
      const b1 = v128.load(scratch, 80);
      for (let r = 0; r < rows; r++) {
        applyGradient(p, q, to, m0, k0, b0, floor, shift0, slope0, 4);
        applyGradient(p + 16, q + 16, to + 16, m1, k1, b1, floor, shift1, slope1, 4);
        p += rowBytes;
        q += rowBytes;
        to += rowBytes;
      }
    } else if (count == 4) {
      for (let r = 0; r < rows; r++) {
        applyGradient(p, q, to, m0, k0, b0, floor, shift0, slope0, 4);
        p += rowBytes;
        q += rowBytes;
        to += rowBytes;
      }
    } else {
      for (let r = 0; r < rows; r++) {
        applyGradient(p, q, to, m0, k0, b0, floor, shift0, slope0, count);
        p += rowBytes;
        q += rowBytes;
        to += rowBytes;
      }
    }
    c += count;
  }
}
