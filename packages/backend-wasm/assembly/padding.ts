// Zero-padded copies of images, by channel block: [block][depth][height][width][16, 8 or 4]. The taps then need no
// bounds checks, and a row of a block is contiguous.
import { PlanField } from "../src/layouts";
import { address, field, max, min } from "./common";

/** Copies `count` channels of a pixel and sets the rest of the block's `width` channels to zero. */
// @ts-ignore: decorator
@inline
export function copyPixel(dst: usize, src: usize, count: i32, width: i32): void {
  if (count == width) {
    for (let c = 0; c < width; c += 4) {
      v128.store(dst + (<usize>c << 2), v128.load(src + (<usize>c << 2)));
    }
    return;
  }
  for (let c = 0; c < count; c++) store<f32>(dst + (<usize>c << 2), load<f32>(src + (<usize>c << 2)));
  for (let c = count; c < width; c++) store<f32>(dst + (<usize>c << 2), 0);
}

/** Writes channels [c, c + width) of image n of x, zero-padded, to dst. */
export function padImage(plan: usize, x: usize, n: i32, c: i32, width: i32, dst: usize): void {
  const inD = field(plan, PlanField.InD);
  const inH = field(plan, PlanField.InH);
  const inW = field(plan, PlanField.InW);
  const inC = field(plan, PlanField.InC);
  const padD = field(plan, PlanField.PadD);
  const padH = field(plan, PlanField.PadH);
  const padW = field(plan, PlanField.PadW);
  const offD = field(plan, PlanField.OffD);
  const offH = field(plan, PlanField.OffH);
  const offW = field(plan, PlanField.OffW);
  const stepD = field(plan, PlanField.StepD);
  const stepH = field(plan, PlanField.StepH);
  const stepW = field(plan, PlanField.StepW);
  const count = min(width, inC - c);
  const pixelBytes = <usize>width << 2;
  const rowBytes = <usize>padW * pixelBytes;
  const sourcePixel = <usize>inC << 2;

  // The first and the last source column that fall inside the padded row.
  const firstX = offW >= 0 ? 0 : (-offW + stepW - 1) / stepW;
  const endX = offW >= padW ? 0 : min(inW, (padW - 1 - offW) / stepW + 1);

  for (let z = 0; z < padD; z++) {
    const fromZ = z - offD;
    const insideZ = fromZ >= 0 && fromZ % stepD == 0 && fromZ / stepD < inD;
    for (let y = 0; y < padH; y++) {
      const fromY = y - offH;
      if (!insideZ || fromY < 0 || fromY % stepH != 0 || fromY / stepH >= inH || endX <= firstX) {
        memory.fill(dst, 0, rowBytes);
        dst += rowBytes;
        continue;
      }
      const source =
        x +
        ((((<usize>n * inD + fromZ / stepD) * inH + fromY / stepH) * inW + firstX) * inC + <usize>c) * 4;
      const left = <usize>(firstX * stepW + offW) * pixelBytes;
      if (stepW == 1) {
        memory.fill(dst, 0, left);
        let from = source;
        let to = dst + left;
        for (let i = firstX; i < endX; i++) {
          copyPixel(to, from, count, width);
          from += sourcePixel;
          to += pixelBytes;
        }
        memory.fill(to, 0, dst + rowBytes - to);
      } else {
        memory.fill(dst, 0, rowBytes);
        let from = source;
        let to = dst + left;
        for (let i = firstX; i < endX; i++) {
          copyPixel(to, from, count, width);
          from += sourcePixel;
          to += pixelBytes * stepW;
        }
      }
      dst += rowBytes;
    }
  }
}

/** Bytes of one padded image with `width` channels. */
// @ts-ignore: decorator
@inline
export function paddedBytes(plan: usize, width: i32): usize {
  return (
    (<usize>field(plan, PlanField.PadD) * field(plan, PlanField.PadH) * field(plan, PlanField.PadW) * width) << 2
  );
}
