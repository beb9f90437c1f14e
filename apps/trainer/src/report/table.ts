/** The accuracy at every angle as a table for the terminal. */
import Table from "cli-table3";
import { angle, percent, signedPoints } from "./format.ts";
import { allAngles, angleSummary, placeOf, scoreAt } from "./summary.ts";
import type { NetworkReport, RotationReport } from "./types.ts";

/** One row per angle, then mean, worst angle, its difference to upright in points, and mirror images. No colours. */
export function renderAngleTable({ networks, score }: RotationReport): string {
  const summaries = networks.map(angleSummary);
  const table = new Table({
    head: [score === "Dice" ? "Dice at" : "angle", ...networks.map(({ label }) => label)],
    colAligns: ["left", ...networks.map(() => "right" as const)],
    style: { head: [], border: [], compact: true },
  });
  const add = (heading: string, text: (network: NetworkReport, index: number) => string | undefined) =>
    table.push([heading, ...networks.map((network, index) => text(network, index) ?? "–")]);

  for (const degrees of allAngles(networks)) {
    add(angle(degrees), (network) => {
      const found = scoreAt(network, degrees);
      return found === undefined ? undefined : percent(found);
    });
  }
  const turned = allAngles(networks).length > 0;
  if (turned) table.push(["", ...networks.map(() => "")]);
  add("upright, all", ({ upright }) => percent(upright.score));
  add("95 % interval", ({ upright }) => `${percent(upright.interval[0])} – ${percent(upright.interval[1])}`);
  if (!turned) return table.toString();
  add("mean", (_, i) => summaries[i] && percent(summaries[i].mean));
  add(
    "worst",
    (_, i) => summaries[i] && `${placeOf(summaries[i].worst)}: ${percent(summaries[i].worst.score)}`,
  );
  add("worst − upright", (_, i) => summaries[i] && `${signedPoints(-summaries[i].drop)} points`);
  for (const [direction, sign] of [
    ["horizontal", "↔"],
    ["vertical", "↕"],
    ["depth", "↗"],
  ] as const) {
    const find = ({ flips }: NetworkReport) => flips.find((flip) => flip.direction === direction);
    if (networks.some(find)) {
      add(`mirrored ${sign}`, (network) => {
        const flip = find(network);
        return flip && percent(flip.score);
      });
    }
  }
  if (networks.some(({ angles }) => angles.some(({ consistency }) => consistency !== undefined))) {
    add("mask turns, worst", ({ angles }) =>
      percent(Math.min(...angles.map(({ consistency }) => consistency ?? 1))),
    );
  }
  return table.toString();
}
