import { PlanField } from "../src/layouts";

/** Reads a field of a plan. */
// @ts-ignore: decorator
@inline
export function field(plan: usize, f: PlanField): i32 {
  return load<i32>(plan + ((<usize>f) << 2));
}

/** Reads a field that holds an address or a byte count. */
// @ts-ignore: decorator
@inline
export function address(plan: usize, f: PlanField): usize {
  return load<u32>(plan + ((<usize>f) << 2));
}

// @ts-ignore: decorator
@inline
export function min(a: i32, b: i32): i32 {
  return a < b ? a : b;
}

// @ts-ignore: decorator
@inline
export function max(a: i32, b: i32): i32 {
  return a > b ? a : b;
}

/** Channels of the block that starts at channel c: 16, 8 or 4, so that a block's sums stay in registers. */
// @ts-ignore: decorator
@inline
export function blockChannels(c: i32, paddedC: i32): i32 {
  const left = paddedC - c;
  return left >= 16 ? 16 : left >= 8 ? 8 : 4;
}

/** sum + a · b, in the build for engines with relaxed SIMD as one instruction that rounds once, where the processor has it. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, sum: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, sum) : f32x4.add(sum, f32x4.mul(a, b));
}

/** Channel blocks of x. */
// @ts-ignore: decorator
@inline
export function blockCount(paddedC: i32): i32 {
  // Blocks of 16, then at most one of 8 and one of 4.
  const rest = paddedC & 15;
  return (paddedC >> 4) + (rest >> 3) + ((rest >> 2) & 1);
}

/** First channel of a block. */
// @ts-ignore: decorator
@inline
export function blockStart(block: i32, paddedC: i32): i32 {
  let c = 0;
  for (let i = 0; i < block; i++) c += blockChannels(c, paddedC);
  return c;
}

/** Stores the first `count` of four numbers. */
export function storePart(y: usize, value: v128, count: i32): void {
  if (count > 1) v128.store_lane<u64>(y, value, 0);
  else store<f32>(y, f32x4.extract_lane(value, 0));
  if (count > 2) store<f32>(y, f32x4.extract_lane(value, 2), 8);
  if (count > 3) store<f32>(y, f32x4.extract_lane(value, 3), 12);
}

/** The first `count` of four numbers, and zeros. */
export function loadPart(from: usize, count: i32): v128 {
  let value = v128.load32_zero(from);
  if (count > 1) value = f32x4.replace_lane(value, 1, load<f32>(from, 4));
  if (count > 2) value = f32x4.replace_lane(value, 2, load<f32>(from, 8));
  if (count > 3) value = f32x4.replace_lane(value, 3, load<f32>(from, 12));
  return value;
}

/** to += from. */
export function addTo(to: usize, from: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    v128.store(to + i, f32x4.add(v128.load(to + i), v128.load(from + i)));
  }
}

/** to += from, and from = 0. */
export function flush(from: usize, to: usize, bytes: usize): void {
  addTo(to, from, bytes);
  memory.fill(from, 0, bytes);
}

/** Bytes of the accumulators of one chunk: four channels of a slot by eight columns, for all of them. */
// @ts-ignore: decorator
@inline
export function chunkBytes(plan: usize): usize {
  const vectors = field(plan, PlanField.Slots) * (field(plan, PlanField.PaddedC) >> 2);
  return <usize>(vectors * field(plan, PlanField.Panels)) << 7;
}
