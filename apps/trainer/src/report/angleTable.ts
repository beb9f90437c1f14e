/** The accuracy at every angle as tables. */

import type { FlipDirection } from "@gmr-conv/data";
import { angle, percent, range, signedPoints } from "./format.ts";
import { type HtmlValue, html, type Markup } from "./html.ts";
import { allAngles, angleSummary, intervalOf, isAtChance, placeOf, scoreAt } from "./summary.ts";
import type { NetworkReport, RotationReport } from "./types.ts";

/** Up to three tables of angles side by side, and one with mean, worst angle and mirror images. */
export function angleTables(report: RotationReport): Markup {
  const { networks } = report;
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
        networks.map((network, index) => bar(scoreAt(network, degrees), index, report.dataset.evaluated)),
      ),
    );
    return table("Angle", caption, networks, rows);
  });
  return html`<div class="angle-tables">${tables}</div>${summaryTable(report)}`;
}

const FLIPS: Readonly<Record<FlipDirection, string>> = {
  horizontal: "left to right",
  vertical: "top to bottom",
  depth: "front to back",
};

function summaryTable(report: RotationReport): Markup {
  const { networks } = report;
  const { evaluated } = report.dataset;
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
        return own && withInterval(own.score, intervalOf(own, report), evaluated);
      }),
    );
  const directions = (Object.keys(FLIPS) as FlipDirection[]).filter((direction) =>
    networks.some((network) => found(network, direction)),
  );
  const rows = [
    row(
      "Upright",
      cells(({ upright }) => withInterval(upright.score, upright.interval, upright.count)),
    ),
    row(
      "Mean over all angles",
      cells((_, i) => summaries[i] && percent(summaries[i].mean, evaluated)),
    ),
    row(
      "Worst angle",
      cells((_, i) => {
        const worst = summaries[i]?.worst;
        return (
          worst && `${withInterval(worst.score, intervalOf(worst, report), evaluated)} at ${placeOf(worst)}`
        );
      }),
    ),
    row(
      "Worst against upright, points",
      cells((network, i) => {
        const drop = summaries[i]?.drop;
        if (drop === undefined) return undefined;
        return isAtChance(network) ? "at chance" : signedPoints(-drop, evaluated);
      }),
    ),
    ...directions.map(flip),
    ...(networks.some(({ angles }) => angles.some(({ consistency }) => consistency !== undefined))
      ? [
          row(
            "Mask of the turned image against the turned mask, worst Dice",
            cells(({ angles }) => {
              const kept = angles.flatMap(({ consistency }) => consistency ?? []);
              return kept.length === 0 ? undefined : percent(Math.min(...kept), evaluated);
            }),
          ),
        ]
      : []),
  ];
  return table("Summary", "Upright, turned and mirrored, with 95 % intervals", networks, rows, "summary");
}

function table(
  corner: string,
  caption: string,
  networks: NetworkReport[],
  rows: Markup[],
  kind = "angles",
): Markup {
  const heads = networks.map(({ label }) => html`<th scope="col">${label}</th>`);
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}">
<table class="${kind}"><caption>${caption}</caption>
<thead><tr><th scope="col">${corner}</th>${heads}</tr></thead>
<tbody>${rows}</tbody></table></div>`;
}

function row(heading: string, cells: HtmlValue): Markup {
  return html`<tr><th scope="row">${heading}</th>${cells}</tr>`;
}

function withInterval(score: number, interval: [number, number] | undefined, images: number): string {
  return interval
    ? `${percent(score, images)} (${range(interval, images).replaceAll(" ", "\u00a0")})`
    : percent(score, images);
}

function bar(accuracy: number | undefined, index: number, images: number): Markup {
  if (accuracy === undefined) return html`<td>–</td>`;
  return html`<td class="bar net-${index % 4}" style="--v:${accuracy.toFixed(3)}">${percent(accuracy, images)}</td>`;
}
