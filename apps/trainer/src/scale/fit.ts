// The numbers of the model from measurements.

import { GmrError } from "@gmr-conv/core";
import { allReduceTerms, type Line, type Link, type StepModel, timeAt } from "./model.ts";

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
  const line = (of: (step: MeasuredStep) => number): Line =>
    fitLine(steps.map((step) => [step.images, of(step)]));
  return {
    exchanges: first.exchanges.map(({ overlaps, bytes }, i) => ({
      overlaps,
      bytes,
      at: line(({ exchanges }) => exchanges[i].at),
    })),
    end: line(({ end }) => end),
  };
}

/** The largest deviation of a step's measured time from its line, relative to it. */
export function misfit({ end }: StepModel, steps: readonly MeasuredStep[]): number {
  return Math.max(...steps.map((step) => Math.abs(timeAt(end, step.images) / step.end - 1)));
}

/** The line with the least sum of squared relative errors, neither part of it negative. */
function fitLine(points: readonly [x: number, y: number][]): Line {
  const [fixed, perImage] = fitPair(points.map(([x, y]) => [1, x, y]));
  return { fixed, perImage };
}

/** Latency and bandwidth with which the model's formulas come closest to the measured times, in relative terms. */
export function fitLink(times: readonly MeasuredExchange[], ranks: number): Link {
  // Which of the two algorithms is the faster depends on what is sought: begin with small and large, and try again.
  const SMALL = 2 ** 14;
  let link: Link | undefined;
  for (let round = 0; round < 20; round++) {
    const rows = times.map(({ bytes, seconds }): [number, number, number] => {
      const [ring, doubling] = allReduceTerms(bytes, ranks);
      const cost = ({ latencies, bytes: sent }: typeof ring): number =>
        link ? latencies * link.latency + sent / link.bandwidth : 0;
      const inPairs = link ? cost(doubling) < cost(ring) : bytes <= SMALL;
      const { latencies, bytes: sent } = inPairs ? doubling : ring;
      return [latencies, sent, seconds];
    });
    const [latency, secondsPerByte] = fitPair(rows);
    const next = { latency, bandwidth: secondsPerByte > 0 ? 1 / secondsPerByte : Number.MAX_VALUE };
    const settled = link?.latency === next.latency && link.bandwidth === next.bandwidth;
    link = next;
    if (settled) break;
  }
  return link as Link;
}

/** The a, b ≥ 0 with the least Σ ((a·u + b·v − y) / y)² over rows [u, v, y]. */
function fitPair(rows: readonly [u: number, v: number, y: number][]): [number, number] {
  let [uu, uv, vv, u1, v1] = [0, 0, 0, 0, 0];
  for (const [u, v, y] of rows) {
    const [p, q] = [u / y, v / y];
    uu += p * p;
    uv += p * q;
    vv += q * q;
    u1 += p;
    v1 += q;
  }
  const determinant = uu * vv - uv * uv;
  if (determinant > 1e-9 * uu * vv) {
    const [a, b] = [(u1 * vv - v1 * uv) / determinant, (v1 * uu - u1 * uv) / determinant];
    if (a >= 0 && b >= 0) return [a, b];
    if (b < 0) return [u1 / uu, 0];
  }
  return [0, v1 / vv];
}
