// dx = S(dy) · Wᵀ and dW[slot] = xᵀ · S_slot(dy), from the same sums.
//
// dy is what a forward product calls x, and dx what it calls y: the plan is that of dx. The output rows are cut into
// chunks, as for the gradient of the weights alone (`filter.ts`), so that the numbers do not depend on threads.
import { PlanField } from "../src/layouts";
import { addTo, address, chunkBytes, field, flush, min } from "./common";
import { convolveRows } from "./tiles";

/** dx, and the accumulators of the weights' gradient, of chunks [begin, end); `packWeights` has been called. */
export function bothGradients(plan: usize, dy: usize, dx: usize, x: usize, begin: i32, end: i32): void {
  const chunks = field(plan, PlanField.Chunks);
  const isLong = field(plan, PlanField.FlushTiles) > 0;
  const images = field(plan, PlanField.Images);
  const rowsPerImage = field(plan, PlanField.OutD) * field(plan, PlanField.OutH);
  // Whole images, if there are enough, so that each is padded once.
  const unit = chunks > images ? 1 : rowsPerImage;
  const units = <i64>((images * rowsPerImage) / unit);
  const bytes = chunkBytes(plan);
  let held = -1;
  for (let chunk = begin; chunk < end; chunk++) {
    const from = <i32>((units * chunk) / chunks) * unit;
    const to = <i32>((units * (chunk + 1)) / chunks) * unit;
    const into = address(plan, PlanField.Accumulators) + <usize>chunk * bytes;
    const totals = into + <usize>chunks * bytes;
    memory.fill(into, 0, bytes);
    if (isLong) memory.fill(totals, 0, bytes);
    held = convolveRows(plan, dy, dx, from, to, 0, 0, 0, x, into, held);
    if (isLong) flush(totals, into, bytes);
  }
}

/** Adds the chunks of vectors [begin, end) of four sums, and writes them to dW[matrix, OutC, InC]. */
export function bothFinish(plan: usize, dw: usize, begin: i32, end: i32): void {
  const inC = field(plan, PlanField.InC);
  const outC = field(plan, PlanField.OutC);
  const chunks = field(plan, PlanField.Chunks);
  const perSlot = field(plan, PlanField.PaddedC) >> 2;
  const slotWeights = address(plan, PlanField.SlotWeights);
  const bytes = <usize>field(plan, PlanField.Panels) << 7;
  const step = chunkBytes(plan);
  for (let vector = begin; vector < end; vector++) {
    const sums = address(plan, PlanField.Accumulators) + <usize>vector * bytes;
    for (let chunk = 1; chunk < chunks; chunk++) addTo(sums, sums + <usize>chunk * step, bytes);
    const slot = vector / perSlot;
    const c = (vector - slot * perSlot) << 2;
    const matrix = load<i32>(slotWeights + (<usize>slot << 2));
    const live = min(4, inC - c);
    let dst = dw + ((<usize>(matrix * outC) * inC + c) << 2);
    for (let n = 0; n < outC; n++) {
      const from = sums + <usize>(n >> 3) * 128 + (<usize>(n & 7) << 2);
      for (let i = 0; i < live; i++) store<f32>(dst + (<usize>i << 2), load<f32>(from + (<usize>i << 5)));
      dst += <usize>inC << 2;
    }
  }
}
