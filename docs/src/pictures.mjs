// The drawings of the site and of README.md: node docs/src/pictures.mjs writes them to docs/images.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { useWasm } from "@gmr-conv/backend-wasm";
import { initialSigma, mixtureMatrix, ringPartition } from "@gmr-conv/core";
import { loadPretrained } from "@gmr-conv/models";
import { learnedKernels } from "@gmr-conv/models/inspect";

const root = new URL("../../", import.meta.url);
const read = (file) => JSON.parse(readFileSync(new URL(file, root), "utf8"));

const FONT = 'font-family="system-ui, sans-serif"';
// Legible on light and on dark pages.
const [GMR, DENSE, LINES, TEXT] = ["#1f8a70", "#d1603d", "#8b939c", "#7a828b"];

/** A point on the circle, 0° at the top, clockwise. */
function polar(degrees, radius) {
  const angle = (degrees * Math.PI) / 180;
  return [radius * Math.sin(angle), -radius * Math.cos(angle)].map((value) => value.toFixed(1)).join(" ");
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** Accuracy by the angle of the test images, of the two networks whose cards the repository has. */
export function polarPlot() {
  const gmr = read("packages/models/weights/gmr-mnist.json");
  const dense = read("apps/demo/public/networks/dense-mnist.json");
  const radius = 150;
  const rings = [0.25, 0.5, 0.75, 1].map((share) => {
    const label = `<text x="4" y="${-radius * share - 4}" fill="${TEXT}" font-size="11">${100 * share} %</text>`;
    return `<circle r="${radius * share}" fill="none" stroke="${LINES}" stroke-opacity=".4"/>${label}`;
  });
  const spokes = Array.from({ length: 12 }, (_, i) => {
    const [x, y] = polar(30 * i, radius + 18).split(" ");
    const line = `<path d="M0 0L${polar(30 * i, radius)}" stroke="${LINES}" stroke-opacity=".25"/>`;
    const place = `x="${x}" y="${Number(y) + 4}" text-anchor="middle" fill="${TEXT}" font-size="11"`;
    return `${line}<text ${place}>${30 * i}°</text>`;
  });
  const curve = ({ accuracy }, colour) => {
    const points = accuracy.angles.map(([degrees, share]) => polar(degrees, radius * share));
    return `<path d="M${points.join("L")}Z" fill="${colour}" fill-opacity=".12" stroke="${colour}" stroke-width="2.5"/>`;
  };
  const legend = (y, colour, title, { parameters, accuracy: { upright, mean, worst } }) =>
    `<g transform="translate(205 ${y})"><rect width="14" height="14" rx="3" fill="${colour}"/>` +
    `<text x="22" y="12" fill="${colour}" font-size="15" font-weight="600">${title}</text>` +
    [
      `${parameters.toLocaleString("en")} parameters`,
      `upright ${percent(upright)}`,
      `mean over all angles ${percent(mean)}`,
      `worst angle ${percent(worst)}`,
    ]
      .map((line, i) => `<text x="22" y="${32 + 18 * i}" fill="${TEXT}" font-size="13">${line}</text>`)
      .join("") +
    "</g>";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-190 -190 640 380" width="640" height="380" ${FONT} role="img">
<title>Accuracy by angle: the GMR network reads turned digits as well as upright ones; its dense twin does not</title>
${[...rings, ...spokes].join("\n")}
${curve(dense, DENSE)}
${curve(gmr, GMR)}
${legend(-110, GMR, "GMR network", gmr)}
${legend(20, DENSE, "its dense twin", dense)}
</svg>
`;
}

/** Kernels of growing size: their rings, and one of them smoothed by the mixture with its initial widths. */
export function ringKernels() {
  const cell = 14;
  const sizes = [3, 5, 7, 9];
  const parts = [];
  let left = 10;
  for (const size of sizes) {
    const { numRings, index } = ringPartition(size);
    const mixed = mixtureMatrix(new Array(numRings).fill(Math.log(initialSigma(size, numRings))));
    // How strongly each ring takes part in the weight of ring 1, the first around the centre.
    const share = (ring) => mixed[1 * numRings + ring] / Math.max(...mixed);
    const grid = (top, colourOf) =>
      Array.from(index, (ring, i) => {
        const [row, column] = [Math.floor(i / size), i % size];
        const place = `x="${left + cell * column}" y="${top + cell * row}" width="${cell - 1}" height="${cell - 1}"`;
        return ring < 0 // a corner
          ? `<rect ${place} fill="none" stroke="${LINES}" stroke-opacity=".35" stroke-width=".5"/>`
          : `<rect ${place} ${colourOf(ring)}/>`;
      }).join("");
    parts.push(
      grid(30, (ring) => `fill="hsl(${165 + (ring * 220) / numRings} 55% 45%)"`),
      grid(
        200,
        (ring) =>
          `fill="${GMR}" fill-opacity="${share(ring).toFixed(3)}" stroke="${GMR}" stroke-opacity=".3"`,
      ),
      `<text x="${left}" y="20" fill="${TEXT}" font-size="12">${size}×${size}: ${numRings} rings</text>`,
    );
    left += Math.max(cell * size, 90) + 30;
  }
  const width = left - 20;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} 345" width="${width}" height="345" ${FONT} role="img">
<title>Ring kernels: positions of one colour share a weight; below, how far the weight of the second ring reaches</title>
${parts.join("\n")}
<text x="10" y="185" fill="${TEXT}" font-size="12">below: how far the weight of the second ring reaches at the start</text>
</svg>
`;
}

/** Kernels that gmr-mnist has learned, a layer a row, and how strong each of its rings is. */
export async function learnedRings() {
  await useWasm({ threads: 1 });
  const model = await loadPretrained("gmr-mnist");
  const layers = await learnedKernels(model, ["conv1", "layer1.1.conv2", "layer2.1.conv2", "layer3.1.conv2"]);
  const [cell, height, left] = [10, 74, 120];
  const row = ({ layer, kernelSize, pictures, sigmas }, i) => {
    const squares = pictures.flatMap(({ values }, column) => {
      const largest = Math.max(...values.map(Math.abs));
      return values.map((value, at) => {
        const x = left + column * (kernelSize * cell + 12) + cell * (at % kernelSize);
        const y = cell * Math.floor(at / kernelSize);
        const colour = `fill="${value > 0 ? GMR : DENSE}" fill-opacity="${Math.abs(value / largest).toFixed(2)}"`;
        return `<rect x="${x}" y="${y}" width="9" height="9" ${colour}/>`;
      });
    });
    const folded = model.getLayer(layer).foldedConv();
    const mixed = folded.rings.weights(); // [R, Cin, Cout]
    const strengths = Array.from(mixed.square().mean([1, 2]).sqrt().dataSync());
    const bars = strengths.map((strength, ring) => {
      const length = (50 * strength) / Math.max(...strengths);
      const x = left + pictures.length * (kernelSize * cell + 12) + 20 + 26 * ring;
      const place = `x="${x}" y="${(50 - length).toFixed(1)}" width="20" height="${length.toFixed(1)}"`;
      const width = `<text x="${x + 10}" y="63" text-anchor="middle" fill="${TEXT}" font-size="10">${sigmas[ring].toFixed(2)}</text>`;
      return `<rect ${place} fill="${GMR}"/>${width}`;
    });
    const name = `<text x="0" y="29" fill="${TEXT}" font-size="12">${layer}</text>`;
    return `<g transform="translate(10 ${24 + i * height})">${[name, ...squares, ...bars].join("\n")}</g>`;
  };
  const legend = (x, text) => `<text x="${x}" y="14" fill="${TEXT}" font-size="11">${text}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 ${24 + layers.length * height}" width="800" height="${24 + layers.length * height}" ${FONT} role="img">
<title>Learned kernels of four layers, and the strength of their rings: the centre is the strongest</title>
${legend(10 + left, "kernels: green above 0, red below")}
${legend(10 + left + 516, "strength, width of each ring")}
${layers.map(row).join("\n")}
</svg>
`;
}

export const PICTURES = {
  "accuracy-by-angle.svg": polarPlot,
  "ring-kernels.svg": ringKernels,
  "learned-rings.svg": learnedRings,
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, draw] of Object.entries(PICTURES)) {
    writeFileSync(new URL(`docs/images/${name}`, root), await draw());
    console.log(`docs/images/${name}`);
  }
}
