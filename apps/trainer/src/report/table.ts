/** The accuracy at every angle as a table for the terminal. */
import Table from "cli-table3";
import { angle, percent, signedPoints } from "./format.ts";
import { accuracyAt, allAngles, summariseAngles } from "./summary.ts";
import type { NetworkReport, RotationReport } from "./types.ts";

/** One row per angle; below them mean, worst angle, its distance to upright in points, and the mirrors. No colours. */
export function renderAngleTable({ networks }: RotationReport): string {
  const summaries = networks.map(summariseAngles);
  const table = new Table({
    head: ["angle", ...networks.map(({ label }) => label)],
    colAligns: ["left", ...networks.map(() => "right" as const)],
    style: { head: [], border: [], compact: true },
  });
  const add = (heading: string, text: (network: NetworkReport, index: number) => string | undefined) =>
    table.push([heading, ...networks.map((network, index) => text(network, index) ?? "–")]);

  for (const degrees of allAngles(networks)) {
    add(angle(degrees), (network) => {
      const accuracy = accuracyAt(network, degrees);
      return accuracy === undefined ? undefined : percent(accuracy);
    });
  }
  table.push(["", ...networks.map(() => "")]);
  add("upright, all", ({ upright }) => percent(upright.accuracy));
  add("mean", (_, i) => summaries[i] && percent(summaries[i].mean));
  add(
    "worst",
    (_, i) => summaries[i] && `${angle(summaries[i].worst.angle)}: ${percent(summaries[i].worst.accuracy)}`,
  );
  add("worst − upright", (_, i) => summaries[i] && `${signedPoints(-summaries[i].drop)} points`);
  add("mirrored ↔", ({ flips }) => flips && percent(flips.horizontal));
  add("mirrored ↕", ({ flips }) => flips && percent(flips.vertical));
  return table.toString();
}
