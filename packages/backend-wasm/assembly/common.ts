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
