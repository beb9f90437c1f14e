/** A rotation report as one HTML file that needs nothing else: no network, no scripts. */
import { angleTables } from "./angleTable.ts";
import { networkCard } from "./cards.ts";
import { confusionTable } from "./confusionTable.ts";
import { curveChart } from "./curveChart.ts";
import { architectures, epochTables, settings } from "./details.ts";
import { date, integer, percent } from "./format.ts";
import { html, Markup } from "./html.ts";
import { kernelPictures } from "./kernelPictures.ts";
import { polarChart, radialMinimum } from "./polarChart.ts";
import { sigmaCharts } from "./sigmaChart.ts";
import { STYLE } from "./style.ts";
import { allAngles, conclusion } from "./summary.ts";
import type { NetworkReport, RotationReport } from "./types.ts";

export type { RotationReport } from "./types.ts";

/** A part of the page; sections without data are left out. */
interface Section {
  id: string;
  title: string;
  body: Markup;
}

/**
 * Renders a report with one network or several.
 *
 * @returns A complete HTML document for light and dark screens, phones and paper.
 */
export function renderReport(report: RotationReport): string {
  const { networks, dataset } = report;
  const sections = [
    angleSection(report),
    figuresSection(report),
    learningSection(networks),
    confusionSection(report),
    mistakesSection(report),
    masksSection(networks),
    kernelSection(networks),
    settingsSection(report),
  ].filter((section) => section !== undefined);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${report.title}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<header>
<p class="eyebrow">Rotation report · <time datetime="${report.createdAt}">${date(report.createdAt)}</time> · ${dataset.name}</p>
<h1>${report.title}</h1>
<p class="conclusion">${conclusion(report)}</p>
<nav aria-label="Sections">${sections.map(({ id, title }) => html`<a href="#${id}">${title}</a>`)}</nav>
</header>
<main>
${overview(networks)}
${sections.map(({ id, title, body }) => html`<section id="${id}"><h2>${title}</h2>${body}</section>`)}
</main>
<footer>Trained on ${integer(dataset.train)} images of ${dataset.name}; tested on ${integer(dataset.test)} upright ones, ${integer(dataset.evaluated)} of them turned and mirrored.${heldOut(report)}</footer>
</body>
</html>
`;
  return page.text;
}

/** Which images decided what. */
function heldOut({ dataset: { validation = 0 } }: RotationReport): string {
  return validation === 0
    ? ""
    : ` Settings and weights are chosen by ${integer(validation)} other images, held out of the training images; the test images serve this report alone.`;
}

function overview(networks: NetworkReport[]): Markup {
  const cards = html`<div class="cards">${networks.map(networkCard)}</div>`;
  if (allAngles(networks).length === 0) return html`<div class="overview">${cards}</div>`;
  const minimum = radialMinimum(networks);
  return html`<div class="overview">
<figure>${legend(networks)}${polarChart(networks)}
<figcaption class="note">Around: the angle by which the test images are turned, counter-clockwise, upright at the top. Outwards: accuracy from ${minimum}\u00a0% to 100\u00a0%.</figcaption></figure>
${cards}
</div>`;
}

function angleSection({ networks, dataset, score }: RotationReport): Section | undefined {
  if (allAngles(networks).length === 0) return undefined;
  const what = score === "Dice" ? "Mean Dice score" : "Accuracy";
  const body = html`<p class="lead">${what} on ${integer(dataset.evaluated)} test images, turned about their centre.</p>
${angleTables(networks)}`;
  return { id: "angles", title: "Angle by angle", body };
}

function learningSection(networks: NetworkReport[]): Section | undefined {
  const trained = networks.filter(({ history }) => history.length > 0);
  if (trained.length === 0) return undefined;
  // All networks go to the charts, so that each keeps its colour.
  const body = html`<p class="lead">Faint: as measured. Strong: smoothed.</p>
${legend(networks)}
<div class="columns">
<figure><figcaption><strong>Loss</strong><span>logarithmic, over training steps</span></figcaption>${curveChart(networks, "loss")}</figure>
<figure><figcaption><strong>Right on training batches</strong><span>percent, over training steps; dots: validation</span></figcaption>${curveChart(networks, "accuracy")}</figure>
</div>
${epochTables(networks)}`;
  return { id: "learning", title: "Learning", body };
}

function confusionSection({ networks, classNames }: RotationReport): Section | undefined {
  // Of hundreds of classes no table can be read.
  if (classNames.length > 40 || !networks.some(({ upright }) => "confusion" in upright)) return undefined;
  const body = html`<p class="lead">Rows are the true classes, columns what the network read; figures are percentages of the row, a dot stands for less than half a percent.</p>
${networks.map(
  ({ label, upright, turnedConfusion }, index) => html`<h3>${label}</h3>
<div class="confusions net-${index % 4}">
${"confusion" in upright && confusionTable("Upright", upright.confusion, classNames)}
${turnedConfusion && confusionTable("Turned, all angles together", turnedConfusion, classNames)}
</div>`,
)}`;
  return { id: "confusion", title: "What is mistaken for what", body };
}

/** What accuracy alone does not tell. */
function figuresSection({ networks, classNames }: RotationReport): Section {
  const rows: [title: string, text: (network: NetworkReport) => string | undefined][] = [
    ["Accuracy", ({ upright }) => percent(upright.accuracy)],
    [
      "Among the five most probable",
      ({ upright }) => ("top5" in upright && classNames.length > 5 ? percent(upright.top5) : undefined),
    ],
    [
      "Balanced accuracy",
      ({ upright }) => ("balancedAccuracy" in upright ? percent(upright.balancedAccuracy) : undefined),
    ],
    ["F1, mean over classes", ({ upright }) => ("f1" in upright ? percent(upright.f1) : undefined)],
    [
      "Area under the ROC curve, mean over classes",
      ({ upright }) => ("auc" in upright ? upright.auc.toFixed(4) : undefined),
    ],
    ["Expected calibration error", ({ upright }) => ("ece" in upright ? percent(upright.ece) : undefined)],
    ["Cross entropy", ({ upright }) => ("loss" in upright ? upright.loss.toFixed(4) : undefined)],
    [
      "Dice, mean over classes but the background",
      ({ upright }) => ("dice" in upright ? upright.dice.toFixed(4) : undefined),
    ],
    ["Intersection over union", ({ upright }) => ("iou" in upright ? upright.iou.toFixed(4) : undefined)],
    ...classNames
      .slice(0, 40)
      .map((name, k): [string, (network: NetworkReport) => string | undefined] => [
        `Dice of ${name}`,
        ({ upright }) => ("perClass" in upright ? upright.perClass[k]?.toFixed(4) : undefined),
      ]),
  ];
  const shown = rows.filter(([, text]) => networks.some((network) => text(network) !== undefined));
  const body = html`<table><caption>On upright test images</caption>
<thead><tr><th scope="col">Figure</th>${networks.map(({ label }) => html`<th scope="col">${label}</th>`)}</tr></thead>
<tbody>${shown.map(([title, text]) => html`<tr><th scope="row">${title}</th>${networks.map((network) => html`<td>${text(network) ?? "–"}</td>`)}</tr>`)}</tbody></table>`;
  return { id: "figures", title: "In figures", body };
}

function mistakesSection({ networks, classNames }: RotationReport): Section | undefined {
  if (!networks.some(({ mistakes }) => mistakes && mistakes.length > 0)) return undefined;
  const body = html`<p class="lead">Upright test images that were read wrong, those first of which the network was surest.</p>
${networks.map(
  ({ label, mistakes }, index) =>
    mistakes &&
    mistakes.length > 0 &&
    html`<h3>${label}</h3><div class="mistakes net-${index % 4}">${mistakes.map(
      ({ picture, label: truth, predicted, confidence, source }) =>
        html`<figure title="${source}"><img src="${picture}" alt="${classNames[truth]}, read as ${classNames[predicted]}" width="72" height="72"><figcaption>${classNames[truth]} → ${classNames[predicted]}<span>${percent(confidence)}</span></figcaption></figure>`,
    )}</div>`,
)}`;
  return { id: "mistakes", title: "Worst mistakes", body };
}

function masksSection(networks: NetworkReport[]): Section | undefined {
  if (!networks.some(({ masks }) => masks && masks.length > 0)) return undefined;
  const body = html`<p class="lead">Images, their true masks, and those that the network finds, upright and turned.</p>
${networks.map(
  ({ label, masks }) =>
    masks &&
    html`<h3>${label}</h3><div class="masks">${masks.map(
      ({ title, image, truth, predicted }) =>
        html`<figure><div>${[
          ["image", image],
          ["true mask", truth],
          ["found", predicted],
        ].map(
          ([alt, uri]) => html`<img src="${uri}" alt="${alt}, ${title}">`,
        )}</div><figcaption>${title}</figcaption></figure>`,
    )}</div>`,
)}`;
  return { id: "masks", title: "Masks", body };
}

function kernelSection(networks: NetworkReport[]): Section | undefined {
  if (!networks.some(({ kernels }) => kernels !== undefined && kernels.length > 0)) return undefined;
  const body = html`<p class="lead">Some kernels of each layer, as a plain convolution would use them. A GMR kernel has one value per ring; the curves show how far each ring's Gaussian mixes into its neighbours, from the centre (0) outwards.</p>
<p class="note scale-note">blue: negative <span class="scale"></span> orange: positive, one scale per layer</p>
${networks.map((network, index) => (network.kernels?.length ?? 0) > 0 && html`<h3>${network.label}</h3>${kernelPictures(network, index)}${sigmaCharts(network, index)}`)}`;
  return { id: "kernels", title: "Learned kernels", body };
}

function settingsSection(report: RotationReport): Section {
  const body = html`${settings(report)}${architectures(report.networks)}`;
  return { id: "settings", title: "Settings and environment", body };
}

function legend(networks: NetworkReport[]): Markup {
  return html`<ul class="legend">${networks.map(({ label }, index) => html`<li class="net-${index % 4}">${label}</li>`)}</ul>`;
}
