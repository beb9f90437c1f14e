/** What accuracy alone does not show: all metrics on upright images. */

import { percent, range } from "./format.ts";
import { html, type Markup } from "./html.ts";
import type { Section } from "./section.ts";
import type { NetworkReport, RotationReport } from "./types.ts";

type Row = [title: string, text: (network: NetworkReport) => string | undefined];

export function figuresSection({ networks, classNames }: RotationReport): Section {
  const shown = rowsFor(classNames).filter(([, text]) =>
    networks.some((network) => text(network) !== undefined),
  );
  const row = ([title, text]: Row): Markup => {
    const cells = networks.map((network) => html`<td>${text(network) ?? "–"}</td>`);
    return html`<tr><th scope="row">${title}</th>${cells}</tr>`;
  };
  const body = html`<div class="scroll" tabindex="0" role="region" aria-label="Figures"><table><caption>On upright test images</caption>
<thead><tr><th scope="col">Figure</th>${networks.map(({ label }) => html`<th scope="col">${label}</th>`)}</tr></thead>
<tbody>${shown.map(row)}</tbody></table></div>`;
  return { id: "figures", title: "In figures", body };
}

function rowsFor(classNames: readonly string[]): Row[] {
  return [
    ["Accuracy", ({ upright }) => percent(upright.accuracy, upright.count)],
    ["95 % interval", ({ upright }) => range(upright.interval, upright.count)],
    [
      "Top-5 accuracy",
      ({ upright }) =>
        "top5" in upright && classNames.length > 5 ? percent(upright.top5, upright.count) : undefined,
    ],
    [
      "Balanced accuracy",
      ({ upright }) =>
        "balancedAccuracy" in upright ? percent(upright.balancedAccuracy, upright.count) : undefined,
    ],
    [
      "F1, mean over classes",
      ({ upright }) => ("f1" in upright ? percent(upright.f1, upright.count) : undefined),
    ],
    [
      "Area under the ROC curve, mean over classes",
      ({ upright }) => ("auc" in upright ? upright.auc.toFixed(4) : undefined),
    ],
    [
      "Expected calibration error",
      ({ upright }) => ("ece" in upright ? percent(upright.ece, upright.count) : undefined),
    ],
    ["Cross entropy", ({ upright }) => ("loss" in upright ? upright.loss.toFixed(4) : undefined)],
    [
      "Dice, mean over classes except the background",
      ({ upright }) => ("dice" in upright ? upright.dice.toFixed(4) : undefined),
    ],
    ["Intersection over union", ({ upright }) => ("iou" in upright ? upright.iou.toFixed(4) : undefined)],
    ...classNames
      .slice(0, 40)
      .map(
        (name, k): Row => [
          `Dice of ${name}`,
          ({ upright }) => ("perClass" in upright ? upright.perClass[k]?.toFixed(4) : undefined),
        ],
      ),
  ];
}
