/** The figures that are computed from a report's data. */

import { angle, percent, points } from "./format.ts";
import type { AngleAccuracy, NetworkReport, RotationReport } from "./types.ts";

/** How accuracy depends on the angle; `drop` = upright − worst, as a fraction of 1 (negative if the worst is better). */
export interface AngleSummary {
  mean: number;
  worst: AngleAccuracy;
  drop: number;
}

/** Mean and worst accuracy over the evaluated angles; undefined if there are none. */
export function summariseAngles(network: NetworkReport): AngleSummary | undefined {
  const { angles, upright } = network;
  if (angles.length === 0) return undefined;
  const mean = angles.reduce((sum, { accuracy }) => sum + accuracy, 0) / angles.length;
  const worst = angles.reduce((low, point) => (point.accuracy < low.accuracy ? point : low));
  return { mean, worst, drop: upright.accuracy - worst.accuracy };
}

/** Every angle that any network was evaluated at, ascending. */
export function allAngles(networks: NetworkReport[]): number[] {
  const angles = networks.flatMap((network) => network.angles.map((point) => point.angle));
  return [...new Set(angles)].sort((a, b) => a - b);
}

/** Accuracy at an angle, undefined if it was not evaluated. */
export function accuracyAt(network: NetworkReport, angle: number): number | undefined {
  return network.angles.find((point) => point.angle === angle)?.accuracy;
}

/** The report in one sentence, computed from its figures. */
export function conclusion({ networks }: RotationReport): string {
  const [subject, ...others] = networks;
  if (subject === undefined) return "No network was evaluated.";
  const summary = summariseAngles(subject);
  const upright = percent(subject.upright.accuracy);
  if (summary === undefined) return `${subject.label} reads ${upright} of the upright test images correctly.`;
  const { mean, worst, drop } = summary;
  const steadiness =
    drop > 0
      ? `falls at most ${points(drop)} below its upright ${upright}, at ${angle(worst.angle)}`
      : `never falls below its upright ${upright}`;
  const comparisons = others.flatMap((other) => {
    const its = summariseAngles(other);
    return its === undefined
      ? []
      : `${other.label} averages ${percent(its.mean)} and falls to ${percent(its.worst.accuracy)} at ${angle(its.worst.angle)}`;
  });
  const first = `Trained on upright images only, ${subject.label} reads ${percent(mean)} of the turned images correctly, averaged over ${count(subject)}, and ${steadiness}`;
  return `${[first, ...comparisons].join("; ")}.`;
}

function count({ angles }: NetworkReport): string {
  return angles.length === 1 ? "one angle" : `${angles.length} angles`;
}

/** A wrong pair of classes and how often it occurred. */
export interface Mistake {
  truth: number;
  predicted: number;
  times: number;
}

/** The most frequent mistakes of a confusion matrix, most frequent first. */
export function topMistakes(confusion: number[][], limit: number): Mistake[] {
  return confusion
    .flatMap((row, truth) => row.map((times, predicted) => ({ truth, predicted, times })))
    .filter(({ truth, predicted, times }) => truth !== predicted && times > 0)
    .sort((a, b) => b.times - a.times)
    .slice(0, limit);
}
