/** Visits every position of a box within an array [...sizes], in row-major order. */
import { product } from "@gmr-conv/core";

export function forBox(
  sizes: readonly number[],
  begin: readonly number[],
  box: readonly number[],
  visit: (position: number) => void,
): void {
  const count = product(box);
  for (let i = 0; i < count; i++) {
    let [rest, position, stride] = [i, 0, 1];
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      position += (begin[axis] + (rest % box[axis])) * stride;
      rest = Math.floor(rest / box[axis]);
      stride *= sizes[axis];
    }
    visit(position);
  }
}
