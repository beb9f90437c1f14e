// Matrices of turns, exact at multiples of 90°.

/** Cosine and sine of an angle in degrees, exact at multiples of 90°. */
function cosSin(degrees: number): [cos: number, sin: number] {
  const turn = ((degrees % 360) + 360) % 360;
  const quarters = [
    [1, 0],
    [0, 1],
    [-1, 0],
    [0, -1],
  ] as const;
  if (turn % 90 === 0) return [...quarters[(turn / 90) % 4]];
  const radians = (turn * Math.PI) / 180;
  return [Math.cos(radians), Math.sin(radians)];
}

/** The product of square matrices, row-major. */
export function matrixProduct(a: ArrayLike<number>, b: ArrayLike<number>, size: number): number[] {
  return Array.from({ length: size * size }, (_, at) => {
    const [row, column] = [Math.floor(at / size), at % size];
    let sum = 0;
    for (let k = 0; k < size; k++) sum += a[row * size + k] * b[k * size + column];
    return sum;
  });
}

/**
 * The inverse map of a turn by `degrees` in the plane of two axes, counter-clockwise with the first axis pointing
 * down and the second to the right.
 */
export function turnMatrix(rank: number, plane: readonly [number, number], degrees: number): number[] {
  const [cos, sin] = cosSin(degrees);
  const matrix = Array.from({ length: rank * rank }, (_, i) => Number(i % (rank + 1) === 0));
  const [down, right] = plane;
  matrix[right * rank + right] = cos;
  matrix[right * rank + down] = -sin;
  matrix[down * rank + right] = sin;
  matrix[down * rank + down] = cos;
  return matrix;
}
