/** Figures computed from a report's data. */

import { wilson } from "@gmr-conv/training";
import { angle, percent, points } from "./format.ts";
import type { AngleScore, NetworkReport, RotationReport } from "./types.ts";

/** How accuracy depends on the angle; `drop` is upright − worst, negative if the worst is better. */
interface CurveSummary {
  mean: number;
  worst: AngleScore;
  drop: number;
}

/** Mean and worst accuracy over the evaluated angles; undefined if there are none. */
export function angleSummary(network: NetworkReport): CurveSummary | undefined {
  const { angles, upright } = network;
  if (angles.length === 0) return undefined;
  const mean = angles.reduce((sum, { score }) => sum + score, 0) / angles.length;
  const worst = angles.reduce((low, point) => (point.score < low.score ? point : low));
  return { mean, worst, drop: upright.score - worst.score };
}

/** What guessing reaches: always answering the most frequent class. Unknown for masks. */
export function chanceLevel({ upright }: NetworkReport): number | undefined {
  if (!("confusion" in upright)) return undefined;
  const totals = upright.confusion.map((row) => row.reduce((sum, times) => sum + times, 0));
  const all = totals.reduce((sum, total) => sum + total, 0);
  return all > 0 ? Math.max(...totals) / all : undefined;
}

/** Whether a network cannot be told from guessing: it is then as good at every angle, which means nothing. */
export function isAtChance(network: NetworkReport): boolean {
  const chance = chanceLevel(network);
  return chance !== undefined && network.upright.interval[0] <= chance;
}

/** The 95 % confidence interval of a score: measured, or of a share of images (Wilson). */
export function intervalOf(
  { score, interval }: { score: number; interval?: [number, number] | undefined },
  { score: kind, dataset }: Pick<RotationReport, "score" | "dataset">,
): [low: number, high: number] | undefined {
  if (interval) return interval;
  return kind === "accuracy" ? wilson(score * dataset.evaluated, dataset.evaluated) : undefined;
}

/** Every angle that any network was evaluated at, ascending. */
export function allAngles(networks: NetworkReport[]): number[] {
  const angles = networks.flatMap((network) => network.angles.map((point) => point.angle));
  return [...new Set(angles)].sort((a, b) => a - b);
}

/** The score at an angle (for volumes the mean over axes); undefined if it was not evaluated. */
export function scoreAt(network: NetworkReport, angle: number): number | undefined {
  const found = network.angles.filter((point) => point.angle === angle);
  return found.length === 0 ? undefined : found.reduce((sum, { score }) => sum + score, 0) / found.length;
}

/** The score at every angle (for volumes the mean over axes), in order. */
export function curveOf(network: NetworkReport): { angle: number; score: number }[] {
  return allAngles([network]).map((angle) => ({ angle, score: scoreAt(network, angle) ?? 0 }));
}

/** An angle with its axis, if there is one. */
export const placeOf = ({ angle: degrees, axis }: AngleScore): string =>
  axis ? `${angle(degrees)} about ${axis}` : angle(degrees);

/** The report in one sentence. */
export function conclusion({ networks, score, dataset: { evaluated } }: RotationReport): string {
  const [subject, ...others] = networks;
  if (subject === undefined) return "No network was evaluated.";
  const summary = angleSummary(subject);
  const upright = percent(subject.upright.score, subject.upright.count);
  if (score === "Dice") return diceConclusion(networks);
  if (isAtChance(subject)) {
    return (
      `${subject.label} reads ${upright} of the upright test images correctly, which is at chance: ` +
      `${guessing(subject)}. What it reads at other angles says nothing until it is trained longer.`
    );
  }
  if (summary === undefined) return `${subject.label} reads ${upright} of the upright test images correctly.`;
  const { mean, worst, drop } = summary;
  const steadiness =
    drop > 0
      ? `falls at most ${points(drop, evaluated)} below its upright ${upright}, at ${placeOf(worst)}`
      : `never falls below its upright ${upright}`;
  const comparisons = others.flatMap((other) => {
    const its = angleSummary(other);
    return its === undefined
      ? []
      : `${other.label} averages ${percent(its.mean, evaluated)} ` +
          `and falls to ${percent(its.worst.score, evaluated)} at ${placeOf(its.worst)}`;
  });
  const first =
    `Trained on upright images only, ${subject.label} reads ${percent(mean, evaluated)} of the turned images correctly, ` +
    `averaged over ${count(subject)}, and ${steadiness}`;
  return `${[first, ...comparisons].join("; ")}.`;
}

/** What a network at chance is compared with. */
export function guessing(network: NetworkReport): string {
  const chance = percent(chanceLevel(network) ?? 0, network.upright.count);
  return `always answering the most frequent class is right for ${chance}`;
}

function diceConclusion(networks: NetworkReport[]): string {
  const sentences = networks.map((network) => {
    const summary = angleSummary(network);
    const upright = `${network.label} reaches a Dice score of ${network.upright.score.toFixed(3)} on upright images`;
    if (!summary) return upright;
    const kept = Math.min(...network.angles.map(({ consistency }) => consistency ?? 1));
    return (
      `${upright}, ${summary.mean.toFixed(3)} averaged over ${count(network)}; ` +
      `its masks turn with the images to a Dice of ${kept.toFixed(3)} or more`
    );
  });
  return `Trained on upright images only, ${sentences.join("; ")}.`;
}

function count({ angles }: NetworkReport): string {
  return angles.length === 1 ? "one angle" : `${angles.length} angles`;
}

/** A wrong pair of classes and how often it occurred. */
interface MistakenPair {
  truth: number;
  predicted: number;
  times: number;
}

/** The most frequent mistakes of a confusion matrix, most frequent first. */
export function topMistakes(confusion: number[][], limit: number): MistakenPair[] {
  return confusion
    .flatMap((row, truth) => row.map((times, predicted) => ({ truth, predicted, times })))
    .filter(({ truth, predicted, times }) => truth !== predicted && times > 0)
    .sort((a, b) => b.times - a.times)
    .slice(0, limit);
}
