/** The figures of a report for programs: what `--json` prints. Keys may be added, but stay what they are. */

import type { FlipDirection } from "@gmr-conv/data";
import { angleSummary, chanceLevel, intervalOf, isAtChance } from "./summary.ts";
import type { AngleScore, RotationReport } from "./types.ts";

type Interval = [low: number, high: number];

/** Scores are shares from 0 to 1, intervals their 95 % confidence intervals. */
export interface ReportSummary {
  title: string;
  /** ISO 8601. */
  createdAt: string;
  score: RotationReport["score"];
  dataset: RotationReport["dataset"];
  networks: {
    name: string;
    label: string;
    parameters: number;
    multiplyAdds: number;
    upright: { score: number; interval: Interval; images: number };
    /** The score of always answering the most frequent class; not for masks. */
    chance?: number;
    /** Whether the network cannot be told from that. */
    atChance: boolean;
    /** Over all angles; missing if there are none. */
    mean?: number;
    worst?: Measured<AngleScore>;
    angles: Measured<AngleScore>[];
    flips: Measured<{ direction: FlipDirection; score: number }>[];
  }[];
  /** The page's path; missing without the package that draws its charts. */
  report?: string;
}

type Measured<T> = Omit<T, "interval"> & { interval?: Interval | undefined };

/** @param page the page's path, if there is one */
export function reportSummary(report: RotationReport, page: string | undefined): ReportSummary {
  const { title, createdAt, score, dataset, networks } = report;
  return {
    title,
    createdAt,
    score,
    dataset,
    networks: networks.map((network) => {
      const { name, label, parameters, multiplyAdds, upright, angles, flips } = network;
      const measured = <T extends { score: number; interval?: Interval | undefined }>(entry: T): T => ({
        ...entry,
        interval: intervalOf(entry, report),
      });
      const summary = angleSummary(network);
      const chance = chanceLevel(network);
      return {
        name,
        label,
        parameters,
        multiplyAdds,
        upright: { score: upright.score, interval: upright.interval, images: upright.count },
        ...(chance === undefined ? {} : { chance }),
        atChance: isAtChance(network),
        ...(summary && { mean: summary.mean, worst: measured(summary.worst) }),
        angles: angles.map(measured),
        flips: flips.map(measured),
      };
    }),
    ...(page !== undefined && { report: page }),
  };
}
