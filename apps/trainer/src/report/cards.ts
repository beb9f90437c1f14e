/** The summary card of a network: one large figure, the others below. */

import { compact, duration, integer, percent, points, range } from "./format.ts";
import { html, type Markup } from "./html.ts";
import { angleSummary, guessing, isAtChance, placeOf } from "./summary.ts";
import type { NetworkReport } from "./types.ts";

/**
 * @param index of the network, which decides its colour
 * @param evaluated number of turned images
 */
export function networkCard(network: NetworkReport, index: number, evaluated: number): Markup {
  const { label, upright, receptiveField, trainSeconds, imagesPerSecond, evalSeconds, flips } = network;
  const flipped = flips.map(({ score }) => percent(score, evaluated)).join(" / ");
  const summary = angleSummary(network);
  const facts: [term: string, value: string | undefined][] = [
    ["Upright", `${percent(upright.score, upright.count)} of ${integer(upright.count)}`],
    ["95 % interval", range(upright.interval, upright.count)],
    ["Worst angle", summary && `${percent(summary.worst.score, evaluated)} at ${placeOf(summary.worst)}`],
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
    ? [percent(summary.mean, evaluated), "mean over all angles"]
    : [percent(upright.score, upright.count), "of upright images"];
  const steadiness = isAtChance(network)
    ? `at chance: ${guessing(network)}`
    : summary && dropText(summary.drop, evaluated);
  return html`<article class="card net-${index % 4}">
<h3>${label}</h3>
<p class="figure">${figure}<span>${meaning}</span></p>
${steadiness && html`<p class="drop">${steadiness}</p>`}
<dl>${facts.map(([term, value]) => value && html`<div><dt>${term}</dt><dd>${value}</dd></div>`)}</dl>
</article>`;
}

function dropText(drop: number, images: number): string {
  return drop > 0 ? `at worst ${points(drop, images)} below upright` : "never below upright";
}
