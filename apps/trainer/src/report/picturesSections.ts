/** Test images in the report: the worst mistakes, and masks. */

import { percent } from "./format.ts";
import { html, type Markup } from "./html.ts";
import type { Section } from "./section.ts";
import type { MistakePicture, NetworkReport, RotationReport } from "./types.ts";

export function mistakesSection({ networks, classNames }: RotationReport): Section | undefined {
  if (!networks.some(({ mistakes }) => mistakes && mistakes.length > 0)) return undefined;
  const body = html`<p class="lead">Misclassified upright test images, the most confident mistakes first.</p>
${networks.map(
  ({ label, mistakes }, index) =>
    mistakes &&
    mistakes.length > 0 &&
    html`<h3>${label}</h3><div class="mistakes net-${index % 4}">${mistakes.map((mistake) =>
      mistakeFigure(mistake, classNames),
    )}</div>`,
)}`;
  return { id: "mistakes", title: "Worst mistakes", body };
}

function mistakeFigure(
  { picture, label, predicted, confidence, source }: MistakePicture,
  classNames: readonly string[],
): Markup {
  const [truth, read] = [classNames[label], classNames[predicted]];
  return html`<figure title="${source}">
<img src="${picture}" alt="${truth}, read as ${read}" width="72" height="72">
<figcaption>${truth} → ${read}<span>${percent(confidence)}</span></figcaption></figure>`;
}

export function masksSection(networks: NetworkReport[]): Section | undefined {
  if (!networks.some(({ masks }) => masks && masks.length > 0)) return undefined;
  const body = html`<p class="lead">Images with their true and predicted masks, upright and turned.</p>
${networks.map(
  ({ label, masks }) =>
    masks &&
    html`<h3>${label}</h3><div class="masks">${masks.map(
      ({ title, image, truth, predicted }) =>
        html`<figure><div>${[
          ["image", image],
          ["true mask", truth],
          ["predicted mask", predicted],
        ].map(
          ([alt, uri]) => html`<img src="${uri}" alt="${alt}, ${title}">`,
        )}</div><figcaption>${title}</figcaption></figure>`,
    )}</div>`,
)}`;
  return { id: "masks", title: "Masks", body };
}
