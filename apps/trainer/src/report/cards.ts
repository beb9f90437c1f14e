/** The summary card of a network: one large figure, the others below. */

import { compact, duration, integer, percent, points } from "./format.ts";
import { html, type Markup } from "./html.ts";
import { angleSummary, placeOf } from "./summary.ts";
import type { NetworkReport } from "./types.ts";

/** @param index of the network, which decides its colour */
export function networkCard(network: NetworkReport, index: number): Markup {
  const { label, upright, receptiveField, trainSeconds, imagesPerSecond, evalSeconds, flips } = network;
  const flipped = flips.map(({ score }) => percent(score)).join(" / ");
  const summary = angleSummary(network);
  const facts: [term: string, value: string | undefined][] = [
    ["Upright", `${percent(upright.score)} of ${integer(upright.count)}`],
    ["95 % interval", `${percent(upright.interval[0])} – ${percent(upright.interval[1])}`],
    ["Worst angle", summary && `${percent(summary.worst.score)} at ${placeOf(summary.worst)}`],
    ["Mirrored", flipped === "" ? undefined : flipped],
    ["Parameters", integer(network.parameters)],
    ["Multiply-adds per image", compact(network.multiplyAdds)],
    [
      "Receptive field",
      receptiveField === undefined ? undefined : `${receptiveField}×${receptiveField} pixels`,
    ],
    ["Training time", trainSeconds === undefined ? undefined : duration(trainSeconds)],
    ["Training speed", imagesPerSecond === undefined ? undefined : `${integer(imagesPerSecond)} images/s`],
    ["Evaluation time", evalSeconds === undefined ? undefined : duration(evalSeconds)],
  ];
  const [figure, meaning] = summary
    ? [summary.mean, "mean over all angles"]
    : [upright.score, "of upright images"];
  return html`<article class="card net-${index % 4}">
<h3>${label}</h3>
<p class="figure">${percent(figure)}<span>${meaning}</span></p>
${summary && html`<p class="drop">${dropText(summary.drop)}</p>`}
<dl>${facts.map(([term, value]) => value && html`<div><dt>${term}</dt><dd>${value}</dd></div>`)}</dl>
</article>`;
}

function dropText(drop: number): string {
  return drop > 0 ? `at worst ${points(drop)} below upright` : "never below upright";
}
