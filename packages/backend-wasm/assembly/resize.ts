// The gradient of bilinear resizing, channels last, four channels at a time. A table of three words per output row or
// column tells which two of the input it lies between, and the share of the second, a float.

/** dx[N, inH, inW, C] of dy[N, outH, outW, C], rows [begin, end) of the N · inH. */
export function resizeBilinearGradient(
  dy: usize,
  dx: usize,
  rowTable: usize,
  columnTable: usize,
  inH: i32,
  inW: i32,
  outH: i32,
  outW: i32,
  channels: i32,
  begin: i32,
  end: i32,
): void {
  const pixel = <usize>channels << 2;
  const inRow = <usize>inW * pixel;
  const outRow = <usize>outW * pixel;
  for (let row = begin; row < end; row++) {
    const own = row % inH;
    const image = dy + <usize>(row / inH) * <usize>outH * outRow;
    const to = dx + <usize>row * inRow;
    memory.fill(to, 0, inRow);
    for (let from = 0; from < outH; from++) {
      const place = rowTable + <usize>from * 12;
      const first = load<i32>(place) == own;
      const second = load<i32>(place, 4) == own;
      if (!first && !second) continue;
      const down = load<f32>(place, 8);
      const share: f32 = (first ? 1 - down : 0) + (second ? down : 0);
      addRow(image + <usize>from * outRow, to, columnTable, outW, pixel, share);
    }
  }
}

/** Adds the share of a row of dy to a row of dx. */
function addRow(dy: usize, dx: usize, columnTable: usize, outW: i32, pixel: usize, share: f32): void {
  for (let column = 0; column < outW; column++) {
    const at = columnTable + <usize>column * 12;
    const left = dx + <usize>load<i32>(at) * pixel;
    const right = dx + <usize>load<i32>(at, 4) * pixel;
    const across = load<f32>(at, 8);
    const toLeft = share * (1 - across);
    const toRight = share * across;
    const lefts = f32x4.splat(toLeft);
    const rights = f32x4.splat(toRight);
    let i: usize = 0;
    for (; i + 16 <= pixel; i += 16) {
      const gradient = v128.load(dy + i);
      v128.store(left + i, f32x4.add(v128.load(left + i), f32x4.mul(gradient, lefts)));
      v128.store(right + i, f32x4.add(v128.load(right + i), f32x4.mul(gradient, rights)));
    }
    for (; i < pixel; i += 4) {
      const gradient = load<f32>(dy + i);
      store<f32>(left + i, load<f32>(left + i) + gradient * toLeft);
      store<f32>(right + i, load<f32>(right + i) + gradient * toRight);
    }
    dy += pixel;
  }
}
