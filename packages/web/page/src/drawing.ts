// A sheet to draw on, of the proportions that the network takes.

import { signal } from "@preact/signals";
import { type Live, pose, version } from "./state.ts";
import { contextOf, fitted, poseMatrix, type Size } from "./turn.ts";

/** Longest side of the sheet, about; pixels. */
const SIDE = 448;

/** White ink on black paper, or the other way round. */
export const whiteInk = signal(true);
/** Width of the pen, a share of the sheet. */
export const pen = signal(0.08);

/** Whether nothing is drawn. */
export const blank = signal(true);

let sheet: HTMLCanvasElement | undefined;
let strokes: Path2D[] = [];
let widths: number[] = [];

export const paper = (): readonly number[] => (whiteInk.peek() ? [0, 0, 0] : [255, 255, 255]);

/** @param shape [height, width, channels] of the network */
export function makeDrawing([height, width]: readonly number[]): Live {
  const scale = Math.max(1, Math.round(SIDE / Math.max(height, width)));
  sheet = document.createElement("canvas");
  sheet.width = width * scale;
  sheet.height = height * scale;
  strokes = [];
  widths = [];
  repaint();
  return { kind: "drawing", image: sheet, width: sheet.width, height: sheet.height };
}

/** Draws all strokes again, in the present ink. */
export function repaint(): void {
  if (!sheet) return;
  const context = contextOf(sheet);
  context.fillStyle = `rgb(${paper().join(" ")})`;
  context.fillRect(0, 0, sheet.width, sheet.height);
  context.strokeStyle = whiteInk.peek() ? "white" : "black";
  context.lineCap = "round";
  context.lineJoin = "round";
  strokes.forEach((stroke, i) => {
    context.lineWidth = widths[i];
    context.stroke(stroke);
  });
  blank.value = strokes.length === 0;
  version.value++;
}

export function clear(): void {
  strokes = [];
  widths = [];
  repaint();
}

export function undo(): void {
  strokes.pop();
  widths.pop();
  repaint();
}

/** Begins a stroke at a place of the stage, or continues it. @param frame the stage's size */
export function drawTo([x, y]: readonly [number, number], frame: Size, begins: boolean): void {
  if (!sheet) return;
  const matrix = poseMatrix(sheet, frame, pose.peek(), fitted(sheet, frame, "crop")).inverse();
  const at = matrix.transformPoint({ x, y });
  if (begins) {
    const stroke = new Path2D();
    stroke.moveTo(at.x, at.y);
    strokes.push(stroke);
    widths.push(pen.peek() * Math.min(sheet.width, sheet.height));
  }
  strokes.at(-1)?.lineTo(at.x, at.y);
  repaint();
}
