// What the networks said at each multiple of ten degrees, as the image was turned past them.

import { NETWORKS, type NetworkName, type PerNetwork } from "../../engine/types.ts";

/** Degrees between the angles that are kept: 36 in a full turn, as in the networks' evaluation. */
export const STEP = 10;
export const ANGLES = 360 / STEP;

/** Probabilities of the ten digits by angle. */
export type TurnRecord = ReadonlyMap<number, PerNetwork<Float32Array>>;

export const bestOf = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((best, value, i) => (value > values[best] ? i : best), 0);

/** The multiples of ten degrees passed by the shortest turn from one angle to another, both ends included. */
export function anglesBetween(from: number, to: number): number[] {
  const way = ((to - from + 540) % 360) - 180;
  const [low, high] = way < 0 ? [from + way, from] : [from, from + way];
  const passed: number[] = [];
  for (let angle = Math.ceil(low / STEP) * STEP; angle <= high; angle += STEP) {
    passed.push(((angle % 360) + 360) % 360);
  }
  return passed;
}

/** The class whose probability is followed: the true one, or each network's own answer to the upright image. */
export function followed(
  upright: PerNetwork<Float32Array> | undefined,
  label: number | undefined,
): PerNetwork<number | undefined> {
  const of = (name: NetworkName): number | undefined => label ?? (upright && bestOf(upright[name]));
  return { gmr: of("gmr"), dense: of("dense") };
}

/** At how many of the angles each network gave the followed answer. */
export function countRight(record: TurnRecord, classes: PerNetwork<number | undefined>): PerNetwork<number> {
  const counts = { gmr: 0, dense: 0 };
  for (const answers of record.values()) {
    for (const name of NETWORKS) if (bestOf(answers[name]) === classes[name]) counts[name]++;
  }
  return counts;
}

/** What happened so far. */
export interface Summary {
  /** Number of angles shown. */
  shown: number;
  /** At how many of them each network gave the followed answer: "all 36", "9". */
  right: PerNetwork<string>;
  /** "was right at": what the counts are of. */
  verb: string;
}

export function summarize(
  record: TurnRecord,
  classes: PerNetwork<number | undefined>,
  label: number | undefined,
): Summary {
  const shown = record.size;
  const { gmr, dense } = countRight(record, classes);
  const all = (count: number): string => (count === shown ? `all ${shown}` : String(count));
  return {
    shown,
    right: { gmr: all(gmr), dense: all(dense) },
    verb: label === undefined ? "kept its upright answer at" : "was right at",
  };
}

/** "Over the 18 angles shown so far" */
export const overAngles = (shown: number): string =>
  shown === ANGLES ? `Over a full turn of ${ANGLES} angles` : `Over the ${shown} angles shown so far`;

/** The summary as a sentence. */
export function sentenceOf({ shown, right, verb }: Summary): string {
  if (shown < 2) return "Nothing was turned yet.";
  return `${overAngles(shown)}, the GMR network ${verb} ${right.gmr}, its dense twin at ${right.dense}.`;
}
