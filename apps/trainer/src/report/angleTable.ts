/** The accuracy at every angle as tables. */

import type { FlipDirection } from "@gmr-conv/data";
import { angle, percent, signedPoints } from "./format.ts";
import { type HtmlValue, html, type Markup } from "./html.ts";
import { allAngles, angleSummary, placeOf, scoreAt } from "./summary.ts";
import type { NetworkReport } from "./types.ts";

/** Up to three tables of angles side by side, and one with mean, worst angle and mirror images. */
export function angleTables(networks: NetworkReport[]): Markup {
  const angles = allAngles(networks);
  const rowsEach = Math.max(6, Math.ceil(angles.length / 3));
  const parts = Array.from({ length: Math.ceil(angles.length / rowsEach) }, (_, i) =>
    angles.slice(i * rowsEach, (i + 1) * rowsEach),
  );
  const tables = parts.map((part) => {
    const caption = `Accuracy from ${angle(part[0])} to ${angle(part[part.length - 1])}`;
    const rows = part.map((degrees) =>
      row(
        angle(degrees),
        networks.map((network, index) => bar(scoreAt(network, degrees), index)),
      ),
    );
    return table("Angle", caption, networks, rows);
  });
  return html`<div class="angle-tables">${tables}</div>${summaryTable(networks)}`;
}

const FLIPS: Readonly<Record<FlipDirection, string>> = {
  horizontal: "left to right",
  vertical: "top to bottom",
  depth: "front to back",
};

function summaryTable(networks: NetworkReport[]): Markup {
  const summaries = networks.map(angleSummary);
  const cells = (text: (network: NetworkReport, index: number) => string | undefined) =>
    networks.map((network, index) => html`<td>${text(network, index) ?? "–"}</td>`);
  const found = (network: NetworkReport, direction: FlipDirection) =>
    network.flips.find((flip) => flip.direction === direction);
  const flip = (direction: FlipDirection) =>
    row(
      `Mirrored, ${FLIPS[direction]}`,
      cells((network) => {
        const own = found(network, direction);
        return own && percent(own.score);
      }),
    );
  const directions = (Object.keys(FLIPS) as FlipDirection[]).filter((direction) =>
    networks.some((network) => found(network, direction)),
  );
  const rows = [
    row(
      "Upright",
      cells(({ upright }) => percent(upright.score)),
    ),
    row(
      "Mean over all angles",
      cells((_, i) => summaries[i] && percent(summaries[i].mean)),
    ),
    row(
      "Worst angle",
      cells(
        (_, i) => summaries[i] && `${percent(summaries[i].worst.score)} at ${placeOf(summaries[i].worst)}`,
      ),
    ),
    row(
      "Worst against upright, points",
      cells((_, i) => summaries[i] && signedPoints(-summaries[i].drop)),
    ),
    ...directions.map(flip),
    ...(networks.some(({ angles }) => angles.some(({ consistency }) => consistency !== undefined))
      ? [
          row(
            "Mask of the turned image against the turned mask, worst Dice",
            cells(({ angles }) => percent(Math.min(...angles.map(({ consistency }) => consistency ?? 1)))),
          ),
        ]
      : []),
  ];
  return table("Summary", "Upright, turned and mirrored", networks, rows, "summary");
}

function table(
  corner: string,
  caption: string,
  networks: NetworkReport[],
  rows: Markup[],
  kind = "angles",
): Markup {
  const heads = networks.map(({ label }) => html`<th scope="col">${label}</th>`);
  return html`<table class="${kind}"><caption>${caption}</caption>
<thead><tr><th scope="col">${corner}</th>${heads}</tr></thead>
<tbody>${rows}</tbody></table>`;
}

function row(heading: string, cells: HtmlValue): Markup {
  return html`<tr><th scope="row">${heading}</th>${cells}</tr>`;
}

function bar(accuracy: number | undefined, index: number): Markup {
  if (accuracy === undefined) return html`<td>–</td>`;
  return html`<td class="bar net-${index % 4}" style="--v:${accuracy.toFixed(3)}">${percent(accuracy)}</td>`;
}
