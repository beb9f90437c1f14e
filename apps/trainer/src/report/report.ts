/** A rotation report as one self-contained HTML file without scripts. */
import { angleTables } from "./angleTable.ts";
import { networkCard } from "./cards.ts";
import { confusionTable } from "./confusionTable.ts";
import { curveChart } from "./curveChart.ts";
import { architectures, epochTables, settings } from "./details.ts";
import { figuresSection } from "./figuresSection.ts";
import { date, integer } from "./format.ts";
import { html, Markup } from "./html.ts";
import { kernelPictures } from "./kernelPictures.ts";
import { masksSection, mistakesSection } from "./picturesSections.ts";
import { polarChart, radialMinimum } from "./polarChart.ts";
import type { Section } from "./section.ts";
import { sigmaCharts } from "./sigmaChart.ts";
import { STYLE } from "./style.ts";
import { allAngles, conclusion } from "./summary.ts";
import type { NetworkReport, RotationReport } from "./types.ts";

export type { RotationReport } from "./types.ts";

/**
 * Renders a report with one network or several.
 *
 * @returns a complete HTML document for light and dark screens, phones and paper
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
<p class="eyebrow">Rotation report ·
<time datetime="${report.createdAt}">${date(report.createdAt)}</time> · ${dataset.name}</p>
<h1>${report.title}</h1>
<p class="conclusion">${conclusion(report)}</p>
<nav aria-label="Sections">${sections.map(({ id, title }) => html`<a href="#${id}">${title}</a>`)}</nav>
</header>
<main>
${overview(report)}
${sections.map(({ id, title, body }) => html`<section id="${id}"><h2>${title}</h2>${body}</section>`)}
</main>
<footer>Trained on ${integer(dataset.train)} images of ${dataset.name};
tested on ${integer(dataset.test)} upright ones, ${integer(dataset.evaluated)} of them
turned and mirrored.${heldOut(report)}</footer>
</body>
</html>
`;
  return page.text;
}

/** Which images served which purpose. */
function heldOut({ dataset: { validation = 0 } }: RotationReport): string {
  return validation === 0
    ? ""
    : ` Settings and weights were chosen on ${integer(validation)} images held out of the training images; ` +
        "the test images serve only for this report.";
}

function overview({ networks, dataset }: RotationReport): Markup {
  const cards = html`<div class="cards">${networks.map((network, index) =>
    networkCard(network, index, dataset.evaluated),
  )}</div>`;
  const heading = html`<h2 class="unseen">Overview</h2>`;
  if (allAngles(networks).length === 0) return html`${heading}<div class="overview">${cards}</div>`;
  const minimum = radialMinimum(networks);
  return html`${heading}<div class="overview">
<figure>${legend(networks)}${polarChart(networks)}
<figcaption class="note">Angle: rotation of the test images, counter-clockwise, upright at the top.
Radius: accuracy from ${minimum}\u00a0% to 100\u00a0%.</figcaption></figure>
${cards}
</div>`;
}

function angleSection(report: RotationReport): Section | undefined {
  const { networks, dataset, score } = report;
  if (allAngles(networks).length === 0) return undefined;
  const what = score === "Dice" ? "Mean Dice score" : "Accuracy";
  const body = html`<p class="lead">${what} on ${integer(dataset.evaluated)} test images, turned about their centre.</p>
${angleTables(report)}`;
  return { id: "angles", title: "Angle by angle", body };
}

function learningSection(networks: NetworkReport[]): Section | undefined {
  const trained = networks.filter(({ history }) => history.length > 0);
  if (trained.length === 0) return undefined;
  // The charts get all networks, so that each keeps its colour.
  const body = html`<p class="lead">Light: as measured. Bold: smoothed.</p>
${legend(networks)}
<div class="columns">
<figure><figcaption><strong>Loss</strong>
<span>logarithmic, over training steps</span></figcaption>${curveChart(networks, "loss")}</figure>
<figure><figcaption><strong>Accuracy on training batches</strong>
<span>percent, over training steps; dots: validation</span></figcaption>${curveChart(networks, "accuracy")}</figure>
</div>
${epochTables(networks)}`;
  return { id: "learning", title: "Learning", body };
}

function confusionSection({ networks, classNames }: RotationReport): Section | undefined {
  // A table of hundreds of classes is unreadable.
  if (classNames.length > 40 || !networks.some(({ upright }) => "confusion" in upright)) return undefined;
  const body = html`<p class="lead">Rows are true classes, columns predicted ones;
figures are percentages of the row, a dot is less than half a percent.</p>
${networks.map(
  ({ label, upright, turnedConfusion }, index) => html`<h3>${label}</h3>
<div class="confusions net-${index % 4}">
${"confusion" in upright && confusionTable(label, "Upright", upright.confusion, classNames)}
${turnedConfusion && confusionTable(label, "Turned, all angles together", turnedConfusion, classNames)}
</div>`,
)}`;
  return { id: "confusion", title: "Confusion", body };
}

function kernelSection(networks: NetworkReport[]): Section | undefined {
  if (!networks.some(({ kernels }) => kernels !== undefined && kernels.length > 0)) return undefined;
  const body = html`<p class="lead">Some kernels of each layer, as a plain convolution would use them.
A GMR kernel has one value per ring; the curves show how far each ring's Gaussian extends
into its neighbours, from the centre (0) outwards.</p>
<p class="note scale-note">blue: negative <span class="scale"></span> orange: positive, one scale per layer</p>
${networks.map(
  (network, index) =>
    (network.kernels?.length ?? 0) > 0 &&
    html`<h3>${network.label}</h3>${kernelPictures(network, index)}${sigmaCharts(network, index)}`,
)}`;
  return { id: "kernels", title: "Learned kernels", body };
}

function settingsSection(report: RotationReport): Section {
  const body = html`${settings(report)}${architectures(report.networks)}`;
  return { id: "settings", title: "Settings and environment", body };
}

function legend(networks: NetworkReport[]): Markup {
  const entries = networks.map(({ label }, index) => html`<li class="net-${index % 4}">${label}</li>`);
  return html`<ul class="legend">${entries}</ul>`;
}
