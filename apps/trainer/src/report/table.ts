/** The accuracy at every angle as a table for the terminal. */

import { type Cell, type Column, fitTable } from "../fitTable.ts";
import { angle, percent, range, signedPoints } from "./format.ts";
import { allAngles, angleSummary, guessing, isAtChance, placeOf, scoreAt } from "./summary.ts";
import type { NetworkReport, RotationReport } from "./types.ts";

/**
 * One row per angle, then upright, mean, worst angle, its difference to upright in points, and mirror images: what was
 * measured. No colours.
 */
export function renderAngleTable(
  { networks, score, dataset: { evaluated } }: RotationReport,
  width?: number,
): string {
  const summaries = networks.map(angleSummary);
  const columns: Column[] = [
    { head: score === "Dice" ? "Dice at" : "angle" },
    ...networks.map(({ label }) => ({ head: label, align: "right" as const, least: 9 })),
  ];
  const rows: Cell[][] = [];
  const add = (heading: string, text: (network: NetworkReport, index: number) => string | undefined) => {
    const cells = networks.map(text);
    if (cells.some((cell) => cell !== undefined)) rows.push([heading, ...cells.map((cell) => cell ?? "–")]);
  };

  for (const degrees of allAngles(networks)) {
    add(angle(degrees), (network) => {
      const found = scoreAt(network, degrees);
      return found === undefined ? undefined : percent(found, evaluated);
    });
  }
  if (rows.length > 0) rows.push(["", ...networks.map(() => "")]);
  else columns[0].head = score === "Dice" ? "Dice" : "accuracy";
  add("upright, all", ({ upright }) => percent(upright.score, upright.count));
  add("95 % interval", ({ upright }) => range(upright.interval, upright.count));
  add("mean", (_, i) => summaries[i] && percent(summaries[i].mean, evaluated));
  add(
    "worst",
    (_, i) =>
      summaries[i] && `${placeOf(summaries[i].worst)}: ${percent(summaries[i].worst.score, evaluated)}`,
  );
  add("worst − upright", (network, i) => {
    const drop = summaries[i]?.drop;
    if (drop === undefined) return undefined;
    return isAtChance(network) ? "at chance" : `${signedPoints(-drop, evaluated)}\u00a0points`;
  });
  for (const [direction, sign] of [
    ["horizontal", "↔"],
    ["vertical", "↕"],
    ["depth", "↗"],
  ] as const) {
    add(`mirrored ${sign}`, ({ flips }) => {
      const flip = flips.find((entry) => entry.direction === direction);
      return flip && percent(flip.score, evaluated);
    });
  }
  add("mask turns, worst", ({ angles }) => {
    const kept = angles.flatMap(({ consistency }) => consistency ?? []);
    return kept.length === 0 ? undefined : percent(Math.min(...kept), evaluated);
  });
  const notes = networks
    .filter(isAtChance)
    .map((network) => `${network.label} is at chance: ${guessing(network)}.`);
  return [fitTable(columns, rows, width), ...notes].join("\n");
}
