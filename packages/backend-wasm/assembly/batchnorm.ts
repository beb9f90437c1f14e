// Normalisation by statistics of x itself: x[images, rows, channels], statistics over the rows of each image.
//
// An image is a stream of floats whose channels repeat. It is seen as periods of `Width` floats, one or more rows each,
// so that narrow rows fill vectors, too; at its end may be a part of a period. Periods stream by in order, and each lane
// of a period has sums of its own: chunks of few periods in float32, units of some chunks in float64. What a unit is
// depends on the shape alone, so that any number of threads computes the same.
import { NormPlan } from "../src/layouts";
import { madd, min } from "./common";

const CHUNK = 32;

// @ts-ignore: decorator
@inline
function value(plan: usize, f: NormPlan): i32 {
  return load<i32>(plan + ((<usize>f) << 2));
}

// @ts-ignore: decorator
@inline
function pointer(plan: usize, f: NormPlan): usize {
  return load<u32>(plan + ((<usize>f) << 2));
}

// @ts-ignore: decorator
@inline
function real(plan: usize, f: NormPlan): f32 {
  return load<f32>(plan + ((<usize>f) << 2));
}

/** Bytes of an image. */
function imageBytes(plan: usize): usize {
  return <usize>value(plan, NormPlan.Periods) * (<usize>value(plan, NormPlan.Width) << 2) + tailBytes(plan);
}

/** Bytes of the part of a period at the end of an image. */
function tailBytes(plan: usize): usize {
  return <usize>value(plan, NormPlan.Tail) << 2;
}

/** The first period of a unit of an image; that of the unit after the last one is the number of periods. */
function periodAt(plan: usize, unit: i32): i32 {
  return min(unit * value(plan, NormPlan.UnitPeriods), value(plan, NormPlan.Periods));
}

/** The partial sums of a unit: two float64 for each lane, one after the other. */
function partialsOf(plan: usize, unit: i32): usize {
  return pointer(plan, NormPlan.Partials) + <usize>unit * (<usize>value(plan, NormPlan.Width) << 4);
}

/** A constant of the first lane of an image, `which` of five. */
function constantsOf(plan: usize, image: i32, which: i32): usize {
  const rowBytes = <usize>value(plan, NormPlan.Width) << 2;
  return pointer(plan, NormPlan.Constants) + <usize>(image * 5 + which) * rowBytes;
}

/** Loads a vector, or `count` (1…3) floats padded with zeros. */
function loadPart(p: usize, count: i32): v128 {
  if (count >= 4) return v128.load(p);
  let loaded = v128.load32_zero(p);
  if (count > 1) loaded = f32x4.replace_lane(loaded, 1, load<f32>(p, 4));
  if (count > 2) loaded = f32x4.replace_lane(loaded, 2, load<f32>(p, 8));
  return loaded;
}

function storePart(p: usize, stored: v128, count: i32): void {
  if (count >= 4) {
    v128.store(p, stored);
    return;
  }
  store<f32>(p, f32x4.extract_lane(stored, 0));
  if (count > 1) store<f32>(p, f32x4.extract_lane(stored, 1), 4);
  if (count > 2) store<f32>(p, f32x4.extract_lane(stored, 2), 8);
}

/** total[i] += sum[i], in float64, and sum[i] = 0, for `bytes` of float32 sums. */
function flushSums(sum: usize, total: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const added = v128.load(sum + i);
    const to = total + 2 * i;
    v128.store(to, f64x2.add(v128.load(to), f64x2.promote_low_f32x4(added)));
    const high = f64x2.promote_low_f32x4(i64x2.shuffle(added, added, 1, 1));
    v128.store(to, f64x2.add(v128.load(to, 16), high), 16);
    v128.store(sum + i, f32x4.splat(0));
  }
}

// @ts-ignore: decorator
@inline
function addMoments(x: v128, centre: v128, sum: usize, square: usize): void {
  const c = f32x4.sub(x, centre);
  v128.store(sum, f32x4.add(v128.load(sum), c));
  v128.store(square, madd(c, c, v128.load(square)));
}

/** Adds x - centre and its square, of `periods` periods, to the float32 sums of each lane. */
function momentsOfChunk(x: usize, periods: i32, bytes: usize, centre: usize, sum: usize, square: usize): void {
  let r = 0;
  for (; r + 4 <= periods; r += 4) {
    const x1 = x + bytes;
    const x2 = x1 + bytes;
    const x3 = x2 + bytes;
    for (let i: usize = 0; i < bytes; i += 16) {
      const m = v128.load(centre + i);
      const a = f32x4.sub(v128.load(x + i), m);
      const b = f32x4.sub(v128.load(x1 + i), m);
      const c = f32x4.sub(v128.load(x2 + i), m);
      const d = f32x4.sub(v128.load(x3 + i), m);
      v128.store(sum + i, f32x4.add(v128.load(sum + i), f32x4.add(f32x4.add(a, b), f32x4.add(c, d))));
      const squares = madd(d, d, madd(c, c, madd(b, b, f32x4.mul(a, a))));
      v128.store(square + i, f32x4.add(v128.load(square + i), squares));
    }
    x = x3 + bytes;
  }
  for (; r < periods; r++) {
    for (let i: usize = 0; i < bytes; i += 16) {
      addMoments(v128.load(x + i), v128.load(centre + i), sum + i, square + i);
    }
    x += bytes;
  }
}

/** A typical value of each lane: the mean of `periods`, or the first row if there is no whole period. */
function placeCentres(x: usize, periods: i32, width: i32, channels: i32, centre: usize): void {
  const bytes = <usize>width << 2;
  if (periods == 0) {
    const rowBytes = <usize>channels << 2;
    for (let i: usize = 0, at: usize = 0; i < bytes; i += 4) {
      store<f32>(centre + i, load<f32>(x + at));
      at += 4;
      if (at == rowBytes) at = 0;
    }
    return;
  }
  const share = f32x4.splat(1 / <f32>periods);
  for (let i: usize = 0; i < bytes; i += 16) {
    let sum = f32x4.splat(0);
    let p = x + i;
    for (let r = 0; r < periods; r++) {
      sum = f32x4.add(sum, v128.load(p));
      p += bytes;
    }
    v128.store(centre + i, f32x4.mul(sum, share));
  }
}

/** Σ(x - centre) and Σ(x - centre)² of lanes with `count` values become Σx and Σ(x - mean of the lane)². */
function centreLanes(sums: usize, squares: usize, centre: usize, lane: usize, end: usize, count: i32): void {
  const n = <f64>count;
  const share = count ? 1 / n : 0;
  for (; lane < end; lane++) {
    const at = lane << 3;
    const s = load<f64>(sums + at);
    store<f64>(squares + at, load<f64>(squares + at) - s * s * share);
    store<f64>(sums + at, s + n * <f64>load<f32>(centre + (lane << 2)));
  }
}

/**
 * For units [begin, end) of all images: Σx of each lane, and Σ(x - mean of the lane)². `scratch` has three floats for
 * each lane.
 */
export function normMoments(plan: usize, scratch: usize, begin: i32, end: i32): void {
  const width = value(plan, NormPlan.Width);
  const units = value(plan, NormPlan.Units);
  const bytes = <usize>width << 2;
  const sum = scratch + bytes;
  const square = sum + bytes;
  memory.fill(sum, 0, 2 * bytes);
  for (let u = begin; u < end; u++) {
    const unit = u % units;
    const first = periodAt(plan, unit);
    const periods = periodAt(plan, unit + 1) - first;
    let x = pointer(plan, NormPlan.X) + <usize>(u / units) * imageBytes(plan) + <usize>first * bytes;
    placeCentres(x, min(periods, 8), width, value(plan, NormPlan.Channels), scratch);
    const sums = partialsOf(plan, u);
    const squares = sums + 2 * bytes;
    memory.fill(sums, 0, 4 * bytes);
    for (let r = 0; r < periods; r += CHUNK) {
      const count = min(CHUNK, periods - r);
      momentsOfChunk(x, count, bytes, scratch, sum, square);
      x += <usize>count * bytes;
      flushSums(sum, sums, bytes);
      flushSums(square, squares, bytes);
    }
    const tail = unit + 1 == units ? tailBytes(plan) : 0;
    for (let i: usize = 0; i < tail; i += 16) {
      const part = min(4, <i32>((tail - i) >> 2));
      // Lanes beyond the end are at their centre, and add nothing.
      addMoments(loadPart(x + i, part), loadPart(scratch + i, part), sum + i, square + i);
    }
    if (tail) {
      flushSums(sum, sums, bytes);
      flushSums(square, squares, bytes);
    }
    centreLanes(sums, squares, scratch, 0, tail >> 2, periods + 1);
    centreLanes(sums, squares, scratch, tail >> 2, width, periods);
  }
}

/**
 * Adds the sums of all units and lanes of an image to `total`, a float64 for each channel, in pairs. With `means`, the
 * second sums are taken about them instead of about the means of the lanes.
 */
function addLanes(plan: usize, image: i32, second: bool, means: usize, total: usize): void {
  const channels = value(plan, NormPlan.Channels);
  const width = value(plan, NormPlan.Width);
  const units = value(plan, NormPlan.Units);
  const tail = value(plan, NormPlan.Tail);
  for (let unit = 0; unit < units; unit++) {
    const periods = periodAt(plan, unit + 1) - periodAt(plan, unit);
    const sums = partialsOf(plan, image * units + unit);
    for (let lane = 0; lane < width; lane += channels) {
      const n = <f64>(periods + (unit + 1 == units && lane < tail ? 1 : 0));
      if (n == 0) continue;
      const share = 1 / n;
      const row = sums + (<usize>lane << 3);
      const squares = row + (<usize>width << 3);
      for (let c: usize = 0; c < <usize>channels << 3; c += 16) {
        let more = v128.load((second ? squares : row) + c);
        if (means) {
          const d = f64x2.sub(f64x2.mul(v128.load(row + c), f64x2.splat(share)), v128.load(means + c));
          more = f64x2.add(more, f64x2.mul(f64x2.mul(d, d), f64x2.splat(n)));
        }
        v128.store(total + c, f64x2.add(v128.load(total + c), more));
      }
    }
  }
}

/** Writes mean, scale = gamma / sd and beta of each lane of the images. */
function placeConstants(plan: usize): void {
  const channels = value(plan, NormPlan.Channels);
  const width = value(plan, NormPlan.Width);
  const gamma = pointer(plan, NormPlan.Gamma);
  const beta = pointer(plan, NormPlan.Beta);
  const epsilon = real(plan, NormPlan.Epsilon);
  for (let image = 0; image < value(plan, NormPlan.Images); image++) {
    const statistics = <usize>(image * channels) << 2;
    const mean = pointer(plan, NormPlan.Mean) + statistics;
    const variance = pointer(plan, NormPlan.Variance) + statistics;
    for (let lane = 0, c: usize = 0; lane < width; lane++) {
      const at = <usize>lane << 2;
      store<f32>(constantsOf(plan, image, 0) + at, load<f32>(mean + c));
      const scale = load<f32>(gamma + c) * inverseDeviation(load<f32>(variance + c), epsilon);
      store<f32>(constantsOf(plan, image, 1) + at, scale);
      store<f32>(constantsOf(plan, image, 2) + at, load<f32>(beta + c));
      c += 4;
      if (c == <usize>channels << 2) c = 0;
    }
  }
}

// @ts-ignore: decorator
@inline
function inverseDeviation(variance: f32, epsilon: f32): f32 {
  return 1 / sqrt<f32>(variance + epsilon);
}

/** After `normMoments`: mean and variance, and the constants. `scratch` has two float64 for each channel, in pairs. */
export function normStatistics(plan: usize, scratch: usize): void {
  const channels = value(plan, NormPlan.Channels);
  const bytes = totalBytes(channels);
  const squares = scratch + bytes;
  const share = 1 / <f64>value(plan, NormPlan.Rows);
  for (let image = 0; image < value(plan, NormPlan.Images); image++) {
    memory.fill(scratch, 0, 2 * bytes);
    addLanes(plan, image, false, 0, scratch);
    for (let c: usize = 0; c < bytes; c += 8) store<f64>(scratch + c, load<f64>(scratch + c) * share);
    addLanes(plan, image, true, scratch, squares);
    for (let c = 0; c < channels; c++) {
      const from = scratch + (<usize>c << 3);
      const to = <usize>(image * channels + c) << 2;
      store<f32>(pointer(plan, NormPlan.Mean) + to, <f32>load<f64>(from));
      store<f32>(pointer(plan, NormPlan.Variance) + to, <f32>max<f64>(load<f64>(from + bytes) * share, 0));
    }
  }
  placeConstants(plan);
}

/** v where it is positive, else slope · v; NaN stays. `floor` is 0 for slope 0, else -Infinity. */
// @ts-ignore: decorator
@inline
function rectified(v: v128, slope: v128, floor: v128): v128 {
  return f32x4.pmax(v, f32x4.pmax(floor, f32x4.mul(slope, v)));
}

/** y for units [begin, end) of all images. */
export function normApply(plan: usize, begin: i32, end: i32): void {
  const bytes = <usize>value(plan, NormPlan.Width) << 2;
  const units = value(plan, NormPlan.Units);
  const factor = real(plan, NormPlan.Slope);
  const slope = f32x4.splat(factor);
  const floor = f32x4.splat(factor == 0 ? 0 : -Infinity);
  for (let u = begin; u < end; u++) {
    const image = u / units;
    const unit = u % units;
    const mean = constantsOf(plan, image, 0);
    const scale = mean + bytes;
    const beta = scale + bytes;
    const first = periodAt(plan, unit);
    let left = periodAt(plan, unit + 1) - first;
    const at = <usize>image * imageBytes(plan) + <usize>first * bytes;
    let x = pointer(plan, NormPlan.X) + at;
    let y = pointer(plan, NormPlan.Y) + at;
    for (; left >= 2; left -= 2) {
      const x1 = x + bytes;
      const y1 = y + bytes;
      for (let i: usize = 0; i < bytes; i += 16) {
        const m = v128.load(mean + i);
        const k = v128.load(scale + i);
        const b = v128.load(beta + i);
        const v0 = f32x4.add(f32x4.mul(f32x4.sub(v128.load(x + i), m), k), b);
        const v1 = f32x4.add(f32x4.mul(f32x4.sub(v128.load(x1 + i), m), k), b);
        v128.store(y + i, rectified(v0, slope, floor));
        v128.store(y1 + i, rectified(v1, slope, floor));
      }
      x = x1 + bytes;
      y = y1 + bytes;
    }
    const rest = <usize>left * bytes;
    const stop = unit + 1 == units ? rest + tailBytes(plan) : rest;
    for (let i: usize = 0, lane: usize = 0; i < stop; i += 16) {
      const part = min(4, <i32>((stop - i) >> 2));
      const v = f32x4.mul(f32x4.sub(loadPart(x + i, part), v128.load(mean + lane)), v128.load(scale + lane));
      storePart(y + i, rectified(f32x4.add(v, v128.load(beta + lane)), slope, floor), part);
      lane += 16;
      if (lane == bytes) lane = 0;
    }
  }
}

/** Before `normGradientSums`: the constants. */
export function normConstants(plan: usize): void {
  placeConstants(plan);
}

/** Bytes of a float64 for each channel, in pairs. */
function totalBytes(channels: i32): usize {
  return <usize>((channels + 1) & ~1) << 3;
}

/** dy times the slope where the rectifier was closed: where v = (x - mean) * scale + beta is not positive. */
// @ts-ignore: decorator
@inline
function passed(dy: v128, centred: v128, scale: v128, beta: v128, slope: v128): v128 {
  const v = f32x4.add(f32x4.mul(centred, scale), beta);
  const open = v128.and(f32x4.gt(v, f32x4.splat(0)), f32x4.splat(1));
  return f32x4.mul(dy, f32x4.pmax(slope, open));
}

/**
 * For units [begin, end) of all images: Σdy and Σdy(x - mean) of each lane, with dy after the rectifier. `scratch` has
 * two floats for each lane.
 */
export function normGradientSums(plan: usize, scratch: usize, begin: i32, end: i32): void {
  const bytes = <usize>value(plan, NormPlan.Width) << 2;
  const units = value(plan, NormPlan.Units);
  const slope = f32x4.splat(real(plan, NormPlan.Slope));
  const product = scratch + bytes;
  memory.fill(scratch, 0, 2 * bytes);
  for (let u = begin; u < end; u++) {
    const image = u / units;
    const unit = u % units;
    const mean = constantsOf(plan, image, 0);
    const scale = mean + bytes;
    const beta = scale + bytes;
    const first = periodAt(plan, unit);
    const periods = periodAt(plan, unit + 1) - first;
    const at = <usize>image * imageBytes(plan) + <usize>first * bytes;
    let x = pointer(plan, NormPlan.X) + at;
    let dy = pointer(plan, NormPlan.Dy) + at;
    const sums = partialsOf(plan, u);
    memory.fill(sums, 0, 4 * bytes);
    for (let r = 0; r < periods; ) {
      const stop = min(r + CHUNK, periods);
      for (; r + 4 <= stop; r += 4) {
        const x1 = x + bytes;
        const x2 = x1 + bytes;
        const x3 = x2 + bytes;
        const dy1 = dy + bytes;
        const dy2 = dy1 + bytes;
        const dy3 = dy2 + bytes;
        for (let i: usize = 0; i < bytes; i += 16) {
          const m = v128.load(mean + i);
          const k = v128.load(scale + i);
          const b = v128.load(beta + i);
          let c = f32x4.sub(v128.load(x + i), m);
          let g = passed(v128.load(dy + i), c, k, b, slope);
          let s = g;
          let p = f32x4.mul(g, c);
          c = f32x4.sub(v128.load(x1 + i), m);
          g = passed(v128.load(dy1 + i), c, k, b, slope);
          s = f32x4.add(s, g);
          p = madd(g, c, p);
          c = f32x4.sub(v128.load(x2 + i), m);
          g = passed(v128.load(dy2 + i), c, k, b, slope);
          s = f32x4.add(s, g);
          p = madd(g, c, p);
          c = f32x4.sub(v128.load(x3 + i), m);
          g = passed(v128.load(dy3 + i), c, k, b, slope);
          v128.store(scratch + i, f32x4.add(v128.load(scratch + i), f32x4.add(s, g)));
          v128.store(product + i, f32x4.add(v128.load(product + i), madd(g, c, p)));
        }
        x = x3 + bytes;
        dy = dy3 + bytes;
      }
      for (; r < stop; r++) {
        sumsOfPeriod(x, dy, mean, bytes, bytes, slope, scratch);
        x += bytes;
        dy += bytes;
      }
      flushSums(scratch, sums, bytes);
      flushSums(product, sums + 2 * bytes, bytes);
    }
    const tail = tailBytes(plan);
    if (unit + 1 == units && tail) {
      sumsOfPeriod(x, dy, mean, bytes, tail, slope, scratch);
      flushSums(scratch, sums, bytes);
      flushSums(product, sums + 2 * bytes, bytes);
    }
  }
}

/** Adds the gradients of the first `stop` bytes of a period to the float32 sums of each lane. */
function sumsOfPeriod(
  x: usize,
  dy: usize,
  mean: usize,
  bytes: usize,
  stop: usize,
  slope: v128,
  sum: usize,
): void {
  for (let i: usize = 0; i < stop; i += 16) {
    const part = min(4, <i32>((stop - i) >> 2));
    const at = mean + i;
    const c = f32x4.sub(loadPart(x + i, part), v128.load(at));
    const g = passed(loadPart(dy + i, part), c, v128.load(at + bytes), v128.load(at + 2 * bytes), slope);
    const to = sum + i;
    v128.store(to, f32x4.add(v128.load(to), g));
    v128.store(to + bytes, madd(g, c, v128.load(to + bytes)));
  }
}

/**
 * After `normGradientSums`: dGamma and dBeta, and the constants of dx. `scratch` has two float64 for each channel, in pairs.
 */
export function normGradientTotals(plan: usize, scratch: usize): void {
  const channels = value(plan, NormPlan.Channels);
  const width = value(plan, NormPlan.Width);
  const bytes = totalBytes(channels);
  const products = scratch + bytes;
  const dGamma = pointer(plan, NormPlan.DGamma);
  const dBeta = pointer(plan, NormPlan.DBeta);
  const epsilon = real(plan, NormPlan.Epsilon);
  const n = <f32>value(plan, NormPlan.Rows);
  memory.fill(dGamma, 0, <usize>channels << 2);
  memory.fill(dBeta, 0, <usize>channels << 2);
  for (let image = 0; image < value(plan, NormPlan.Images); image++) {
    memory.fill(scratch, 0, 2 * bytes);
    addLanes(plan, image, false, 0, scratch);
    addLanes(plan, image, true, 0, products);
    const variance = pointer(plan, NormPlan.Variance) + (<usize>(image * channels) << 2);
    const shifts = constantsOf(plan, image, 3);
    const tilts = constantsOf(plan, image, 4);
    for (let c = 0; c < channels; c++) {
      const at = <usize>c << 2;
      const inverse = inverseDeviation(load<f32>(variance + at), epsilon);
      const sum = <f32>load<f64>(scratch + 2 * at);
      const product = <f32>load<f64>(products + 2 * at);
      store<f32>(dBeta + at, load<f32>(dBeta + at) + sum);
      store<f32>(dGamma + at, load<f32>(dGamma + at) + product * inverse);
      const shift = sum / n;
      const tilt = (product / n) * (inverse * inverse);
      for (let lane = c; lane < width; lane += channels) {
        store<f32>(shifts + (<usize>lane << 2), shift);
        store<f32>(tilts + (<usize>lane << 2), tilt);
      }
    }
  }
}

/** dx = gamma / sd * (dy - mean(dy) - xhat * mean(dy * xhat)), with xhat = (x - mean) / sd, for 4 lanes. */
// @ts-ignore: decorator
@inline
function gradientAt(
  x: v128,
  dy: v128,
  mean: v128,
  scale: v128,
  beta: v128,
  shift: v128,
  tilt: v128,
  slope: v128,
): v128 {
  const c = f32x4.sub(x, mean);
  const g = f32x4.sub(passed(dy, c, scale, beta, slope), shift);
  return f32x4.mul(scale, f32x4.sub(g, f32x4.mul(c, tilt)));
}

/** dx for units [begin, end) of all images. */
export function normInputGradient(plan: usize, begin: i32, end: i32): void {
  const bytes = <usize>value(plan, NormPlan.Width) << 2;
  const units = value(plan, NormPlan.Units);
  const slope = f32x4.splat(real(plan, NormPlan.Slope));
  for (let u = begin; u < end; u++) {
    const image = u / units;
    const unit = u % units;
    const mean = constantsOf(plan, image, 0);
    const first = periodAt(plan, unit);
    const periods = periodAt(plan, unit + 1) - first;
    const at = <usize>image * imageBytes(plan) + <usize>first * bytes;
    let x = pointer(plan, NormPlan.X) + at;
    let dy = pointer(plan, NormPlan.Dy) + at;
    let dx = pointer(plan, NormPlan.Y) + at;
    const scale = mean + bytes;
    const beta = scale + bytes;
    const shift = beta + bytes;
    const tilt = shift + bytes;
    let left = periods;
    for (; left >= 2; left -= 2) {
      const x1 = x + bytes;
      const dy1 = dy + bytes;
      const dx1 = dx + bytes;
      for (let i: usize = 0; i < bytes; i += 16) {
        const m = v128.load(mean + i);
        const k = v128.load(scale + i);
        const b = v128.load(beta + i);
        const s = v128.load(shift + i);
        const t = v128.load(tilt + i);
        v128.store(dx + i, gradientAt(v128.load(x + i), v128.load(dy + i), m, k, b, s, t, slope));
        v128.store(dx1 + i, gradientAt(v128.load(x1 + i), v128.load(dy1 + i), m, k, b, s, t, slope));
      }
      x = x1 + bytes;
      dy = dy1 + bytes;
      dx = dx1 + bytes;
    }
    const rest = <usize>left * bytes;
    const stop = unit + 1 == units ? rest + tailBytes(plan) : rest;
    for (let i: usize = 0, lane: usize = 0; i < stop; i += 16) {
      const part = min(4, <i32>((stop - i) >> 2));
      const m = v128.load(mean + lane);
      const k = v128.load(scale + lane);
      const b = v128.load(beta + lane);
      const s = v128.load(shift + lane);
      const t = v128.load(tilt + lane);
      const g = gradientAt(loadPart(x + i, part), loadPart(dy + i, part), m, k, b, s, t, slope);
      storePart(dx + i, g, part);
      lane += 16;
      if (lane == bytes) lane = 0;
    }
  }
}
