/** Learned kernels as small pictures, layer by layer, with the profile of their rings. */

import type { LearnedKernels } from "@gmr-conv/models/inspect";
import { html, type Markup } from "./html.ts";
import { mixtureChart } from "./mixtureChart.ts";
import { pngDataUri } from "./png.ts";
import type { NetworkReport } from "./types.ts";

/** Approximate size of a kernel in CSS pixels; whole multiples keep its cells equal. */
const PICTURE_SIZE = 64;
const POSITIVE = [214, 84, 48] as const;
const NEGATIVE = [38, 120, 214] as const;

/** All layers of a network that has kernels to show. */
export function kernelPictures(network: NetworkReport, networkIndex: number): Markup {
  const layers = network.kernels?.map((layer, i) => layerFigure(layer, `kernel-${networkIndex}-${i}`));
  return html`<div class="layers">${layers}</div>`;
}

function layerFigure(layer: LearnedKernels, id: string): Markup {
  const { kernelSize, pictures, sigmas } = layer;
  const largest = Math.max(0, ...pictures.flatMap(({ values }) => values.map(Math.abs)));
  const images = pictures.map(({ width, height, values }, i) => {
    const zoom = Math.max(1, Math.round(PICTURE_SIZE / Math.max(width, height)));
    const uri = pngDataUri(width, height, divergingColors(values, largest));
    const text = `Kernel ${i + 1} of ${layer.layer}, ${width}×${height}`;
    return html`<img src="${uri}" width="${width * zoom}" height="${height * zoom}" alt="${text}">`;
  });
  const widths = sigmas.map((sigma) => sigma.toFixed(2)).join(" · ");
  return html`<figure class="layer">
<figcaption><strong>${layer.layer}</strong>
<span>${kernelSize}×${kernelSize}, values within ±${largest.toPrecision(2)}</span></figcaption>
<div class="pictures">${images}</div>
${sigmas.length > 1 ? mixtureChart(id, layer.layer, sigmas) : undefined}
${sigmas.length > 0 && html`<p class="note">σ per ring: ${widths}</p>`}
</figure>`;
}

/**
 * RGBA pixels: the hue shows the sign, the opacity |value| / `largest`; 0 is transparent.
 */
export function divergingColors(values: number[], largest: number): Uint8Array {
  return Uint8Array.from(
    values.flatMap((value) => [
      ...(value < 0 ? NEGATIVE : POSITIVE),
      largest > 0 ? Math.round((255 * Math.abs(value)) / largest) : 0,
    ]),
  );
}
