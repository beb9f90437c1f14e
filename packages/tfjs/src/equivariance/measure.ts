// How far a target is from symmetric: exactly by the symmetries of the grid, and by turns of any angle.

import { type Symmetry, transformImage, turnImage } from "@gmr-conv/core/equivariance";
import { asymmetriesOf } from "./asymmetries.ts";
import type { AngleCurve, AngleError, EquivarianceReport, ExactSymmetries } from "./report.ts";
import { type EquivarianceTarget, fixedSizes, type Images } from "./target.ts";
import { innerPixels } from "./testImages.ts";

/** Planes whose axes a target scales by factors that differ by more than rounding cannot be turned in its output. */
const MAX_DISTORTION = 1.5;

type Transform = (images: Images) => Images;

/** A target whose kind of output is known. */
export interface Subject {
  evaluate: (images: Images) => Promise<Images>;
  kind: EquivarianceReport["kind"];
}

/** A turn by any angle; `axes` are those of the shape. */
export interface Turn {
  angle: number;
  plane: string | undefined;
  axes: readonly [number, number];
}

/** @param output of `input` */
export async function measureExact(
  subject: Subject,
  input: Images,
  output: Images,
  elements: readonly Symmetry[],
  target: EquivarianceTarget,
  tolerance: number,
): Promise<ExactSymmetries> {
  const fixed = fixedSizes(target);
  const tried: ExactSymmetries["elements"] = [];
  const skipped: ExactSymmetries["skipped"] = [];
  const sizes = input.shape.slice(1, -1);
  for (const element of elements) {
    if (fixed.some((size, i) => size !== null && size !== sizes[element.axes[i]])) {
      skipped.push({ element: element.name, reason: `the model's input is fixed to ${sizes.join("×")}` });
      continue;
    }
    const transform: Transform = ({ image, shape }) => transformImage(image, shape, element);
    const [actual, expected] = await sides(subject, input, output, transform);
    if (actual.shape.join() === expected.shape.join()) {
      tried.push({ element: element.name, error: relativeDifference(actual, expected) });
    } else {
      const [is, should] = [actual, expected].map(({ shape }) => shape.slice(1, -1).join("×"));
      skipped.push({ element: element.name, reason: `the output's sizes are then ${is}, not ${should}` });
    }
  }
  const worst = Math.max(...tried.map(({ error }) => error));
  const ok = worst <= tolerance;
  const asymmetries = ok ? [] : asymmetriesOf(target, input.shape);
  return { worst, elements: tried, skipped, ok, tolerance, asymmetries };
}

/** @returns null if no angle can be compared */
export async function measureAngles(
  subject: Subject,
  input: Images,
  turns: readonly Turn[],
): Promise<AngleCurve | null> {
  const output = await subject.evaluate(input);
  const grids = subject.kind === "equivariance" ? [input.shape, output.shape] : [input.shape];
  const insides = grids.map((shape) => innerPixels(shape.slice(1, -1)));
  if (!insides.every((inside) => inside.includes(true))) return null;
  const inside = insides[1];
  const scale = (axis: number) => (grids.length === 2 ? output.shape[axis] / input.shape[axis] : 1);
  const curve: AngleError[] = [];
  for (const { angle, plane, axes } of turns) {
    const [a, b] = axes.map(scale);
    if (Math.max(a / b, b / a) >= MAX_DISTORTION) continue;
    const turn: Transform = ({ image, shape }) => ({
      image: turnImage(image, shape, angle, { plane: axes }),
      shape,
    });
    const thereAndBack: Transform = (images) => {
      const { image, shape } = turn(images);
      return { image: turnImage(image, shape, -angle, { plane: axes }), shape };
    };
    const errorOf = async (transform: Transform) =>
      relativeDifference(...(await sides(subject, input, output, transform)), inside);
    const [error, interpolation] = [await errorOf(turn), await errorOf(thereAndBack)];
    curve.push({ angle, ...(plane && { plane }), error, interpolation });
  }
  if (curve.length === 0) return null;
  const worst = curve.reduce((a, b) => (b.error > a.error ? b : a));
  const mean = curve.reduce((sum, { error }) => sum + error, 0) / curve.length;
  return { curve, mean, worst: worst.error, worstAngle: worst.angle };
}

/** f(g x), and what it should equal: g f(x) or f(x). */
async function sides(
  { evaluate, kind }: Subject,
  input: Images,
  output: Images,
  transform: Transform,
): Promise<[actual: Images, expected: Images]> {
  return [await evaluate(transform(input)), kind === "equivariance" ? transform(output) : output];
}

/** max |a - b| / max(|a|, |b|) over the pixels inside; 0 if all are 0. */
function relativeDifference(a: Images, b: Images, inside?: readonly boolean[]): number {
  const channels = a.shape[a.shape.length - 1];
  let difference = 0;
  let scale = 0;
  for (let i = 0; i < a.image.length; i++) {
    if (inside && !inside[Math.floor(i / channels) % inside.length]) continue;
    difference = Math.max(difference, Math.abs(a.image[i] - b.image[i]));
    scale = Math.max(scale, Math.abs(a.image[i]), Math.abs(b.image[i]));
  }
  return difference === 0 ? 0 : difference / scale;
}
