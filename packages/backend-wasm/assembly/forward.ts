// y[pixel, co] = sum over (slot, channel) of S[pixel, slot, channel] * W[slot, channel, co]; see `tiles.ts`.
import { PlanField } from "../src/layouts";
import { address, field, min } from "./common";
import { packAcross, packAlong } from "./pack";
import { convolveRows, groupPackedBytes } from "./tiles";

/**
 * Packs weights [matrix, C / groups, OutC] (or, transposed, [matrix, OutC / groups, C]) of groups [begin, end) into
 * panels [group][columns / 8][channel, slot][8], the last with four columns if they suffice.
 */
function packGroups(plan: usize, weights: usize, transposed: i32, begin: i32, end: i32): void {
  const slots = field(plan, PlanField.Slots);
  const groups = field(plan, PlanField.Groups);
  const inC = field(plan, PlanField.InC);
  const outC = field(plan, PlanField.OutC);
  const channels = inC / groups;
  const columns = outC / groups;
  const slotWeights = address(plan, PlanField.SlotWeights);
  // From one channel and from one column to the next, in floats.
  const across = transposed ? 1 : outC;
  const along = transposed ? inC : 1;
  const groupBytes = groupPackedBytes(slots * channels, columns);
  for (let group = begin; group < end; group++) {
    const source = group * (transposed ? channels : columns);
    let dst = address(plan, PlanField.Packed) + <usize>group * groupBytes;
    for (let n = 0; n < columns; n += 8) {
      const live = min(8, columns - n);
      const lanes = live > 4 ? 8 : 4;
      for (let c = 0; c < channels; c++) {
        for (let slot = 0; slot < slots; slot++) {
          const matrix = load<i32>(slotWeights + (<usize>slot << 2)) * channels * outC;
          let from = weights + (<usize>(matrix + source + c * across + n * along) << 2);
          for (let j = 0; j < lanes; j++) {
            store<f32>(dst, j < live ? load<f32>(from) : 0);
            from += <usize>along << 2;
            dst += 4;
          }
        }
      }
    }
  }
}

/**
 * Packs weights [matrix, C, OutC] (or, transposed, [matrix, OutC, C]) into panels [OutC / 8][slot, PaddedC][8],
 * zero-filled, for panels [begin, end). The last panel has four columns if they suffice. With groups, packs those.
 */
export function packWeights(plan: usize, weights: usize, transposed: i32, begin: i32, end: i32): void {
  if (field(plan, PlanField.Groups) > 1) {
    packGroups(plan, weights, transposed, begin, end);
    return;
  }
  const slots = field(plan, PlanField.Slots);
  const inC = field(plan, PlanField.InC);
  const paddedC = field(plan, PlanField.PaddedC);
  const outC = field(plan, PlanField.OutC);
  const slotWeights = address(plan, PlanField.SlotWeights);
  const panelBytes = <usize>(slots * paddedC) << 5;
  const n = begin << 3;
  const count = min(outC, end << 3) - n;
  // Columns of a last panel of four lanes, whose slots are half as long, and of those before it.
  const few = (count & 7) <= 4 ? count & 7 : 0;
  const many = count - few;
  const dst = address(plan, PlanField.Packed) + <usize>begin * panelBytes;
  for (let slot = 0; slot < slots; slot++) {
    const matrix = weights + ((<usize>load<i32>(slotWeights + (<usize>slot << 2)) * inC * outC) << 2);
    const at = <usize>(slot * paddedC) << 4;
    packSlot(matrix, transposed, n, many, inC, paddedC, outC, dst + at * 2, 8, panelBytes);
    packSlot(matrix, transposed, n + many, few, inC, paddedC, outC, dst + <usize>(many >> 3) * panelBytes + at, 4, 0);
  }
}

/** Packs columns [n, n + count) of a matrix [C, OutC] (or, transposed, [OutC, C]). */
function packSlot(
  matrix: usize,
  transposed: i32,
  n: i32,
  count: i32,
  inC: i32,
  paddedC: i32,
  outC: i32,
  dst: usize,
  width: i32,
  panelBytes: usize,
): void {
  const stride = <usize>(transposed ? inC : outC) << 2;
  if (transposed) packAcross(matrix + <usize>n * stride, stride, count, inC, dst, width, panelBytes);
  else packAlong(matrix + (<usize>n << 2), stride, count, inC, dst, width, panelBytes);
  const rowBytes = <usize>width << 2;
  if (paddedC > inC) {
    for (let i = 0; i < count; i += width) {
      memory.fill(dst + <usize>inC * rowBytes, 0, <usize>(paddedC - inC) * rowBytes);
      dst += panelBytes;
    }
  }
}

/**
 * y = f(convolution + bias) for output rows [begin, end), counted over all images; `packWeights` has been called.
 * @param bias one number per output channel, or 0 for none
 */
export function convolve(
  plan: usize,
  x: usize,
  y: usize,
  begin: i32,
  end: i32,
  bias: usize,
  activation: i32,
  slope: f32,
): void {
  convolveRows(plan, x, y, begin, end, bias, activation, slope, 0, 0, -1);
}
