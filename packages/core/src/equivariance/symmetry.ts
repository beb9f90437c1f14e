// The symmetries of a grid with one to three axes: those of the segment (2), the square (8) and the cube (48).
//
// They are exact on a grid of points: each permutes the axes and reverses some of them, a signed permutation. Turns are
// counter-clockwise like those of numpy.rot90: by 90° in the axes (H, W), the end of H moves to that of W.

import { checkRank, type Rank } from "../axes.ts";
import { GmrError } from "../errors.ts";

interface SignedPermutation {
  /** For each axis of the result, the axis of the input that it comes from. */
  readonly axes: readonly number[];
  /** For each axis of the result, whether it is reversed. */
  readonly reversed: readonly boolean[];
}

/**
 * A symmetry of the segment, square or cube: result[i, ...] = input[j, ...] with j[axes[a]] = i[a] or size - 1 - i[a].
 */
export interface Symmetry extends SignedPermutation {
  /**
   * - segment: `identity`, `mirror`;
   * - square: turns such as `90°`, and `mirror, 90°`, which mirrors left and right and then turns;
   * - cube: turns such as `120° about D+H-W`, `mirror D`, `inversion` (all axes reversed), and for the other
   *   reflections `90° about D, inverted`: a turn and an inversion.
   */
  readonly name: string;
  /** Number of spatial axes. */
  readonly rank: Rank;
  /** Whether it is a reflection and not a rotation. */
  readonly reflection: boolean;
  /** Whether axes are exchanged: a grid is then mapped to itself only if their sizes are equal. */
  readonly exchangesAxes: boolean;
}

/** Names of the spatial axes, outermost first: of signals, images and volumes. */
export const AXIS_NAMES = { 1: "W", 2: "HW", 3: "DHW" } as const;

const SEGMENT: readonly Symmetry[] = [
  symmetry("identity", { axes: [0], reversed: [false] }),
  symmetry("mirror", { axes: [0], reversed: [true] }),
];

const QUARTER_TURNS: readonly (readonly [name: string, turn: SignedPermutation])[] = [
  ["identity", { axes: [0, 1], reversed: [false, false] }],
  ["90°", { axes: [1, 0], reversed: [true, false] }],
  ["180°", { axes: [0, 1], reversed: [true, true] }],
  ["270°", { axes: [1, 0], reversed: [false, true] }],
];

const MIRROR: SignedPermutation = { axes: [0, 1], reversed: [false, true] };

/** The 8 symmetries of the square (the dihedral group), `symmetryGroup(2)`; the first is the identity. */
export const DIHEDRAL_GROUP: readonly Symmetry[] = [
  ...QUARTER_TURNS.map(([name, turn]) => symmetry(name, turn)),
  ...QUARTER_TURNS.map(([name, turn], i) =>
    symmetry(i === 0 ? "mirror" : `mirror, ${name}`, compose(turn, MIRROR)),
  ),
];

const GROUPS = { 1: SEGMENT, 2: DIHEDRAL_GROUP, 3: cubeSymmetries() } as const;

/**
 * All symmetries of the segment, square or cube: 2, 8 or 48, rotations before reflections, the identity first.
 *
 * @param rank number of spatial axes
 * @throws GmrError `invalid-argument` if it is not 1, 2 or 3
 */
export function symmetryGroup(rank: number): readonly Symmetry[] {
  return GROUPS[checkRank("rank", rank)];
}

/**
 * The element that applies `first`, then `second`.
 * @throws GmrError `invalid-argument` if their ranks differ
 */
export function composeSymmetries(second: Symmetry, first: Symmetry): Symmetry {
  if (second.rank !== first.rank) {
    throw new GmrError(
      "invalid-argument",
      `symmetries must have the same rank, got ${second.rank} and ${first.rank}`,
    );
  }
  return member(second.rank, compose(second, first));
}

/** The element that undoes `element`. */
export function inverseSymmetry(element: Symmetry): Symmetry {
  const axes = element.axes.map((_, axis) => element.axes.indexOf(axis));
  return member(element.rank, { axes, reversed: axes.map((axis) => element.reversed[axis]) });
}

function symmetry(name: string, { axes, reversed }: SignedPermutation): Symmetry {
  const rank = checkRank("rank", axes.length);
  const exchanges = axes.flatMap((axis, i) => axes.slice(i + 1).filter((later) => later < axis)).length;
  const reflection = (exchanges + reversed.filter(Boolean).length) % 2 === 1;
  return { name, rank, axes, reversed, reflection, exchangesAxes: axes.some((axis, i) => axis !== i) };
}

function compose(second: SignedPermutation, first: SignedPermutation): SignedPermutation {
  return {
    axes: second.axes.map((axis) => first.axes[axis]),
    reversed: second.axes.map((axis, i) => second.reversed[i] !== first.reversed[axis]),
  };
}

/** The element of the group with these axes and directions. */
function member(rank: Rank, { axes, reversed }: SignedPermutation): Symmetry {
  const same = ({ axes: a, reversed: r }: Symmetry) =>
    a.every((axis, i) => axis === axes[i] && r[i] === reversed[i]);
  return GROUPS[rank].find(same) as Symmetry;
}

function cubeSymmetries(): readonly Symmetry[] {
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ];
  const elements = orders.flatMap((axes) =>
    Array.from({ length: 8 }, (_, bits) => {
      const signed = { axes, reversed: axes.map((_, axis) => (bits & (1 << axis)) !== 0) };
      const { degrees, about } = turnOf(signed);
      return { degrees, about, element: symmetry(nameInCube(signed, degrees, about), signed) };
    }),
  );
  elements.sort(
    (a, b) =>
      Number(a.element.reflection) - Number(b.element.reflection) ||
      a.degrees - b.degrees ||
      a.about.length - b.about.length ||
      (a.about < b.about ? -1 : 1),
  );
  return elements.map(({ element }) => element);
}

function nameInCube(signed: SignedPermutation, degrees: number, about: string): string {
  const { reflection } = symmetry("", signed);
  if (degrees === 0) return reflection ? "inversion" : "identity";
  if (reflection && degrees === 180) return `mirror ${about}`; // half a turn and an inversion
  return `${degrees}° about ${about}${reflection ? ", inverted" : ""}`;
}

/** Angle and axis of a rotation, or of a reflection followed by an inversion, which makes it a rotation. */
function turnOf(signed: SignedPermutation): { degrees: number; about: string } {
  const sign = symmetry("", signed).reflection ? -1 : 1;
  // A point p goes to M p, M[i][axes[i]] = ±1; the trace of M is 1 + 2 cos(angle).
  const m = signed.axes.map((axis, i) =>
    signed.axes.map((_, j) => (j === axis ? (signed.reversed[i] ? -sign : sign) : 0)),
  );
  const trace = m[0][0] + m[1][1] + m[2][2];
  if (trace === 3) return { degrees: 0, about: "" };
  if (trace === -1) {
    // Half a turn about a unit vector n: M = 2 n nᵀ - 1, so each row of M + 1 is 0 or along n.
    const rows = m.map((row, i) => row.map((entry, j) => entry + (i === j ? 1 : 0)));
    return { degrees: 180, about: axisName(rows.find((row, i) => row[i] > 0) as number[]) };
  }
  // M - Mᵀ is a multiple of the cross product with the axis.
  const vector = [m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]];
  const degrees = trace === 1 ? 90 : 120;
  const forwards = (vector.find((entry) => entry !== 0) as number) > 0;
  return forwards
    ? { degrees, about: axisName(vector) }
    : { degrees: 360 - degrees, about: axisName(vector.map((entry) => -entry)) };
}

/** `D`, `H+W`, `D-H+W`; the first entry that is not 0 must be positive. */
function axisName(vector: readonly number[]): string {
  const terms = vector.map((entry, i) => (entry === 0 ? "" : `${entry > 0 ? "+" : "-"}${AXIS_NAMES[3][i]}`));
  return terms.join("").slice(1);
}
