// Draws docs/images/augmentation.png: the effect of each option of `augment` on one image, a row per option, five
// draws each. node packages/data/scripts/augmentationPictures.mjs IMAGE [OUTPUT] (after npm run build)

import { fileURLToPath } from "node:url";
import { Random } from "@gmr-conv/core";
import sharp from "sharp";
import { augmenter } from "../dist/index.js";

const [source, output = fileURLToPath(new URL("../../../docs/images/augmentation.png", import.meta.url))] =
  process.argv.slice(2);
const [SIDE, GAP, LABEL, DRAWS] = [96, 8, 330, 5];

const ROWS = {
  "translate: 12, subpixel: true": { translate: 12, subpixel: true },
  "scale: [0.7, 1.4]": { scale: [0.7, 1.4] },
  "crop: [0.2, 0.6]": { crop: [0.2, 0.6] },
  "rotate: 180": { rotate: 180 },
  'rotate: 180, fill: "reflect"': { rotate: 180, fill: "reflect", interpolation: "cubic" },
  "flip: { horizontal: 0.5, vertical: 0.5 }": { flip: { horizontal: 0.5, vertical: 0.5 } },
  "colour: { brightness, contrast, saturation: 0.4 }": {
    colour: { brightness: 0.4, contrast: 0.4, saturation: 0.4 },
  },
  "colour: { hue: 0.2, grey: 0.2 }": { colour: { hue: 0.2, grey: 0.2 } },
  "blur: { probability: 1 }": { blur: { probability: 1 } },
  "erase: { probability: 1, value: 0 }": { erase: { probability: 1, value: 0 } },
  "mixup: 1": { mixup: 1 },
  "cutmix: 1": { cutmix: 1 },
};

/** Neighbouring crops of the picture, [DRAWS, SIDE, SIDE, 3] in [0, 1]. */
async function cutOuts(file) {
  const { data, info } = await sharp(file)
    .removeAlpha()
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  const images = new Float32Array(DRAWS * SIDE * SIDE * 3);
  for (let n = 0; n < DRAWS; n++) {
    for (let i = 0; i < SIDE * SIDE * 3; i++) {
      const [y, x] = [Math.floor(i / 3 / SIDE), Math.floor(i / 3) % SIDE];
      const left = (n * SIDE) % (info.width - SIDE + 1);
      images[n * SIDE * SIDE * 3 + i] = data[(y * info.width + left + x) * 3 + (i % 3)] / 255;
    }
  }
  return images;
}

const shape = [SIDE, SIDE, 3];
const all = await cutOuts(source);
const one = all.subarray(0, SIDE * SIDE * 3);
const same = Float32Array.from({ length: all.length }, (_, i) => one[i % one.length]);
const cell = (pixels, row, column) => ({
  input: Buffer.from(Uint8Array.from(pixels, (value) => Math.round(255 * Math.min(1, Math.max(0, value))))),
  raw: { width: SIDE, height: SIDE, channels: 3 },
  top: GAP + row * (SIDE + GAP),
  left: LABEL + column * (SIDE + GAP),
});

const cells = [];
const labels = [];
for (const [row, [label, options]] of [["the image", {}], ...Object.entries(ROWS)].entries()) {
  // Mixing needs different images.
  const images = options.mixup || options.cutmix ? all : same;
  const augment = augmenter(options);
  const changed = augment(
    { images, labels: Int32Array.from({ length: DRAWS }, (_, n) => n) },
    shape,
    new Random(7),
    DRAWS,
  );
  for (let column = 0; column < (row === 0 ? 1 : DRAWS); column++) {
    cells.push(cell(changed.images.slice(column * one.length, (column + 1) * one.length), row, column));
  }
  const escaped = label.replace(/"/g, "&quot;");
  labels.push(`<text x="${LABEL - 2 * GAP}" y="${GAP + row * (SIDE + GAP) + SIDE / 2}">${escaped}</text>`);
}
const [width, height] = [LABEL + DRAWS * (SIDE + GAP), GAP + (Object.keys(ROWS).length + 1) * (SIDE + GAP)];
const text = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"
  font-family="sans-serif" font-size="13" text-anchor="end">${labels.join("")}</svg>`;
await sharp({ create: { width, height, channels: 3, background: "white" } })
  .composite([...cells, { input: Buffer.from(text), top: 0, left: 0 }])
  .png({ palette: true, quality: 90 })
  .toFile(output);
console.log(output);
