// Broadcasting on as few axes as possible.

/** The two shapes, with adjacent axes merged that broadcast alike. */
export function mergeAxes(a: readonly number[], b: readonly number[]): { a: number[]; b: number[] } {
  const rank = Math.max(a.length, b.length);
  const full = (shape: readonly number[]) => [...Array<number>(rank - shape.length).fill(1), ...shape];
  const [left, right] = [full(a), full(b)];
  const merged = { a: [] as number[], b: [] as number[] };
  let previous = "";
  left.forEach((n, axis) => {
    const m = right[axis];
    if (n === 1 && m === 1) return;
    const kind = n === m ? "same" : n === 1 ? "a" : "b";
    if (kind === previous) {
      merged.a[merged.a.length - 1] *= n;
      merged.b[merged.b.length - 1] *= m;
    } else {
      merged.a.push(n);
      merged.b.push(m);
    }
    previous = kind;
  });
  return merged;
}
