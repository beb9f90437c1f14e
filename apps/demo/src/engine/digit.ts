// Brings any picture into the form of the images that the networks were trained on: bright ink on black, its longer
// side 20 pixels, its centre of mass in the middle of 28 × 28 (as its authors describe the making of MNIST).

import { GmrError } from "@gmr-conv/core";

const SIDE = 28;
const INK = 20;
/** Pictures are reduced to this many pixels first. */
const LONGEST = 512;
/** Fainter than this share of the darkest ink counts as paper. */
const FAINT = 0.25;
/** Less contrast than this between ink and paper is nothing. */
const LEAST_CONTRAST = 0.08;

/**
 * @param picture is closed
 * @returns [28 · 28], from 0 to 1
 * @throws GmrError `invalid-data` for a picture of one colour
 */
export function toDigit(picture: ImageBitmap): Float32Array {
  const scale = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
  const width = Math.max(1, Math.round(picture.width * scale));
  const height = Math.max(1, Math.round(picture.height * scale));
  const context = contextOf(width, height);
  context.fillStyle = "white"; // under transparent pixels
  context.fillRect(0, 0, width, height);
  context.drawImage(picture, 0, 0, width, height);
  picture.close();
  const ink = inkOf(greyOf(context, width, height), width, height);
  const box = boxOf(ink, width, height);

  // Scaled so that the ink's longer side has 20 pixels, with its centre of mass in the middle.
  const picked = context.createImageData(width, height);
  let [sum, x, y] = [0, 0, 0];
  for (let i = 0; i < ink.length; i++) {
    const byte = Math.round(255 * ink[i]);
    picked.data.set([byte, byte, byte, 255], 4 * i);
    sum += ink[i];
    x += ink[i] * (i % width);
    y += ink[i] * Math.floor(i / width);
  }
  context.putImageData(picked, 0, 0);
  const zoom = INK / Math.max(box.width, box.height);
  const result = contextOf(SIDE, SIDE);
  result.fillStyle = "black";
  result.fillRect(0, 0, SIDE, SIDE);
  result.imageSmoothingQuality = "high";
  result.translate(SIDE / 2, SIDE / 2);
  result.scale(zoom, zoom);
  result.drawImage(context.canvas, -(x / sum + 0.5), -(y / sum + 0.5));
  return greyOf(result, SIDE, SIDE);
}

function contextOf(width: number, height: number): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (context) return context;
  throw new GmrError("unsupported", "this browser cannot draw in a worker (OffscreenCanvas)");
}

function greyOf(context: OffscreenCanvasRenderingContext2D, width: number, height: number): Float32Array {
  const { data } = context.getImageData(0, 0, width, height);
  return Float32Array.from(
    { length: width * height },
    (_, i) => (0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]) / 255,
  );
}

/** 0 for paper to 1 for ink; what most of the border shows is paper. */
function inkOf(grey: Float32Array, width: number, height: number): Float32Array {
  const border: number[] = [];
  for (let x = 0; x < width; x++) border.push(grey[x], grey[(height - 1) * width + x]);
  for (let y = 0; y < height; y++) border.push(grey[y * width], grey[y * width + width - 1]);
  const paper = border.sort((a, b) => a - b)[border.length >> 1];
  let [above, below] = [0, 0];
  for (const value of grey) {
    above = Math.max(above, value - paper);
    below = Math.max(below, paper - value);
  }
  const [sign, contrast] = above > below ? [1, above] : [-1, below];
  if (contrast < LEAST_CONTRAST) {
    throw new GmrError("invalid-data", "the picture has one colour: nothing to read was found in it");
  }
  return grey.map((value) => {
    const share = (sign * (value - paper)) / contrast;
    return Math.min(1, Math.max(0, (share - FAINT) / (0.8 - FAINT)));
  });
}

function boxOf(ink: Float32Array, width: number, height: number): { width: number; height: number } {
  let [left, right, top, bottom] = [width, 0, height, 0];
  for (let i = 0; i < ink.length; i++) {
    if (ink[i] === 0) continue;
    left = Math.min(left, i % width);
    right = Math.max(right, i % width);
    top = Math.min(top, Math.floor(i / width));
    bottom = Math.max(bottom, Math.floor(i / width));
  }
  return { width: right - left + 1, height: bottom - top + 1 };
}
