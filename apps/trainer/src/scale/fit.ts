// The numbers of the model from measurements.

import { GmrError } from "@gmr-conv/core";
import { cheapest, type Line, type Link, type StepModel, timeAt } from "./model.ts";

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

/** Latency and bandwidth with which the model's formulas come closest to the measured times, in relative terms. */
export function fitLink(times: readonly MeasuredExchange[], ranks: number): Link {
  const [least, most] = [times[0], times[times.length - 1]];
  let link: Link = {
    latency: least.seconds / Math.log2(ranks),
    bandwidth: (2 * most.bytes) / most.seconds,
  };
  // Which algorithm is the fastest depends on what is sought: repeat until the choice stays.
  for (let round = 0; round < 20; round++) {
    const rows = times.map(({ bytes, seconds }): Row => {
      const cost = cheapest(bytes, ranks, link);
      return [cost.latencies, cost.bytes, seconds, seconds];
    });
    const [latency, secondsPerByte] = fitPair(rows);
    const next = { latency, bandwidth: secondsPerByte > 0 ? 1 / secondsPerByte : Number.MAX_VALUE };
    if (link.latency === next.latency && link.bandwidth === next.bandwidth) break;
    link = next;
  }
  return link;
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
