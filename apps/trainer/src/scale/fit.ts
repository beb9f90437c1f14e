// The numbers of the model from measurements.

import { GmrError } from "@gmr-conv/core";
import { cheapest, type Line, type Link, type StepModel, timeAt, timeOf } from "./model.ts";

/** A measured step: when its exchanges began and when it ended, in seconds from its start. */
export interface MeasuredStep {
  images: number;
  exchanges: readonly { overlaps: boolean; bytes: number; at: number }[];
  end: number;
}

/** A measured all-reduce. */
export interface MeasuredExchange {
  bytes: number;
  seconds: number;
}

/**
 * Lines through the times of steps with different numbers of images. With one number alone, times are taken to be
 * proportional to it.
 * @throws GmrError `internal` if the steps differ in their exchanges
 */
export function fitStep(steps: readonly MeasuredStep[]): StepModel {
  const [first] = steps;
  if (steps.some(({ exchanges }) => exchanges.length !== first.exchanges.length)) {
    throw new GmrError("internal", "steps with different numbers of exchanges");
  }
  // Lines through the times between exchanges, so that none overtakes another whatever the number of images.
  const since = (of: (step: MeasuredStep) => number, before: (step: MeasuredStep) => number): Line => {
    const [fixed, perImage] = fitPair(
      steps.map((step) => [1, step.images, of(step) - before(step), step.end]),
    );
    return { fixed, perImage };
  };
  let at: Line = { fixed: 0, perImage: 0 };
  const exchanges = first.exchanges.map(({ overlaps, bytes }, i) => {
    at = sum(
      at,
      since(
        (step) => step.exchanges[i].at,
        (step) => (i === 0 ? 0 : step.exchanges[i - 1].at),
      ),
    );
    return { overlaps, bytes, at };
  });
  const end = sum(
    at,
    since(
      (step) => step.end,
      (step) => step.exchanges.at(-1)?.at ?? 0,
    ),
  );
  return { exchanges, end };
}

const sum = (a: Line, b: Line): Line => ({ fixed: a.fixed + b.fixed, perImage: a.perImage + b.perImage });

/** The largest deviation of a step's measured time from its line, relative to it. */
export function misfit({ end }: StepModel, steps: readonly MeasuredStep[]): number {
  return Math.max(...steps.map((step) => Math.abs(timeAt(end, step.images) / step.end - 1)));
}

/**
 * Latency and bandwidth with the least sum of |log(formula / measured)|: a few disturbed times count for no more than the
 * others, whether they are too long or, as the first kilobytes through a shaped link, too short.
 */
export function fitLink(times: readonly MeasuredExchange[], ranks: number): Link {
  const rounds = Math.log2(ranks);
  const error = ([latency, secondsPerByte]: readonly [number, number]): number => {
    const link = { latency: Math.exp(latency), bandwidth: Math.exp(-secondsPerByte) };
    return times.reduce(
      (sum, { bytes, seconds }) =>
        sum + Math.abs(Math.log(timeOf(cheapest(bytes, ranks, link), link) / seconds)),
      0,
    );
  };
  // In logarithms, from where one of the times alone gives the latency and another the bandwidth.
  let best: readonly [number, number] = [0, 0];
  let least = Number.POSITIVE_INFINITY;
  const consider = (point: readonly [number, number]): boolean => {
    const found = error(point);
    if (found >= least) return false;
    [best, least] = [point, found];
    return true;
  };
  for (const { seconds: delay } of times) {
    for (const { bytes, seconds } of times) consider([Math.log(delay / rounds), Math.log(seconds / bytes)]);
  }
  for (let step = 1; step > 1e-9; ) {
    const [latency, secondsPerByte] = best;
    const around = [-step, 0, step].flatMap((x) =>
      [-step, 0, step].map((y) => [latency + x, secondsPerByte + y] as const),
    );
    if (!around.map(consider).includes(true)) step /= 2;
  }
  return { latency: Math.exp(best[0]), bandwidth: Math.exp(-best[1]) };
}

type Row = [u: number, v: number, y: number, scale: number];

/** The a, b ≥ 0 with the least Σ ((a·u + b·v − y) / scale)². */
function fitPair(rows: readonly Row[]): [number, number] {
  let [uu, uv, vv, uy, vy] = [0, 0, 0, 0, 0];
  for (const row of rows) {
    const [u, v, y] = row.slice(0, 3).map((value) => value / row[3]);
    uu += u * u;
    uv += u * v;
    vv += v * v;
    uy += u * y;
    vy += v * y;
  }
  const determinant = uu * vv - uv * uv;
  if (determinant > 1e-9 * uu * vv) {
    const [a, b] = [(uy * vv - vy * uv) / determinant, (vy * uu - uy * uv) / determinant];
    if (a >= 0 && b >= 0) return [a, b];
    if (b < 0) return [Math.max(0, uy / uu), 0];
  }
  return [0, Math.max(0, vy / vv)];
}
