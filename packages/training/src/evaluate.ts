// How well a network does on images as they are, turned and mirrored.

import { GmrError } from "@gmr-conv/core";
import { type Dataset, type FlipDirection, pickEvenly, type TurnAxis } from "@gmr-conv/data";
import * as tf from "@tensorflow/tfjs";
import type { Mistake } from "./metrics/classification.ts";
import { IGNORED } from "./metrics/segmentation.ts";
import { type Evaluator, type Metrics, taskFor } from "./tasks.ts";
import { batchSizeFor, seenAs, type View, type ViewOptions, viewBatches } from "./views.ts";

export interface EvaluationOptions extends ViewOptions {
  /** Degrees between the angles that images are turned by; absent: none. */
  rotations?: number | undefined;
  /** The axes that volumes are turned about. Default all. */
  axes?: readonly TurnAxis[] | undefined;
  /** Mirror the images as well. */
  flips?: boolean | undefined;
  /** Turn and mirror so many images only, spread over the set. Default all. */
  turnedImages?: number | undefined;
  /** Images at a time. */
  batchSize?: number | undefined;
  /** Told after each batch: how many of how many images were read, and what is looked at. */
  onProgress?: ((done: number, total: number, view: string, score: number) => void) | undefined;
  signal?: { readonly aborted: boolean } | undefined;
}

export interface TurnedScore {
  angle: number;
  /** Of volumes. */
  axis?: TurnAxis | undefined;
  /** Accuracy, or mean Dice. */
  score: number;
  metrics: Metrics;
  /** Segmentation: Dice between the mask of the turned image and the turned mask of the image. */
  consistency?: number | undefined;
}

export interface FlippedScore {
  direction: FlipDirection;
  score: number;
  metrics: Metrics;
  consistency?: number | undefined;
}

export interface Evaluation {
  /** What scores are. */
  score: "accuracy" | "Dice";
  upright: Metrics & { score: number };
  angles: TurnedScore[];
  flips: FlippedScore[];
  /** Over all angles: [true class][predicted class]. */
  turnedConfusion?: number[][] | undefined;
  /** The most certain mistakes on upright images. */
  mistakes: Mistake[];
  uprightImages: number;
  turnedImages: number;
  seconds: number;
}

const MISTAKES = 24;

/**
 * Evaluates a network on a data set.
 * @throws GmrError `interrupted` if the signal asks to stop; `invalid-shape` for a network that does not fit the images
 */
export async function evaluate(
  model: tf.LayersModel,
  dataset: Dataset,
  options: EvaluationOptions = {},
): Promise<Evaluation> {
  const task = taskFor(model, dataset, options.size);
  const volumes = dataset.shape.length === 4;
  const turned = pickEvenly(dataset, Math.min(options.turnedImages ?? dataset.count, dataset.count));
  const views = viewsOf(options, volumes);
  const total = dataset.count + views.length * turned.count;
  const started = performance.now();
  const batchSize = options.batchSize ?? batchSizeFor(dataset.shape);
  const maps = task.score === "Dice";
  let done = 0;

  const look = async (
    set: Dataset,
    view: View,
    each?: (predicted: Int32Array, labels: Int32Array) => void,
  ): Promise<Evaluator> => {
    const evaluator = task.evaluator(set.classNames.length);
    for await (const { images, labels, indices } of viewBatches(set, options, batchSize, view)) {
      if (options.signal?.aborted) {
        images.dispose();
        throw new GmrError("interrupted", "the evaluation was stopped");
      }
      const logits = tf.tidy(() => model.apply(images) as tf.Tensor);
      await evaluator.add(labels, logits);
      if (each && maps) {
        const classes = logits.argMax(-1);
        each(Int32Array.from(await classes.data()), labels);
        classes.dispose();
      }
      tf.dispose([images, logits]);
      done += indices.length;
      options.onProgress?.(done, total, nameOf(view), evaluator.score);
    }
    return evaluator;
  };

  const upright = await look(dataset, { kind: "upright" });
  const result: Evaluation = {
    score: task.score,
    upright: { ...upright.metrics(), score: upright.score },
    angles: [],
    flips: [],
    mistakes: upright.mistakes(MISTAKES),
    uprightImages: dataset.count,
    turnedImages: views.length > 0 ? turned.count : 0,
    seconds: 0,
  };
  // The masks of upright images, to compare those of turned ones with.
  const masks: Int32Array[] = [];
  if (maps && views.length > 0) {
    await look(turned, { kind: "upright" }, (predicted) => masks.push(predicted));
    done -= turned.count;
  }
  const confusion = dataset.classNames.map(() => dataset.classNames.map(() => 0));
  for (const view of views) {
    const overlap = { both: 0, sum: 0 };
    let batch = 0;
    const evaluator = await look(turned, view, (predicted, labels) => {
      countOverlap(overlap, predicted, turnedMasks(masks[batch++], labels, turned, view, options), labels);
    });
    const entry = {
      score: evaluator.score,
      metrics: evaluator.metrics(),
      ...(maps && { consistency: overlap.sum === 0 ? 1 : (2 * overlap.both) / overlap.sum }),
    };
    if (view.kind === "turn") {
      if ("confusion" in entry.metrics) addTo(confusion, entry.metrics.confusion);
      result.angles.push({ angle: view.degrees, ...(volumes && { axis: view.axis }), ...entry });
    } else if (view.kind === "flip") result.flips.push({ direction: view.direction, ...entry });
  }
  if (result.angles.length > 0 && !maps) result.turnedConfusion = confusion;
  result.seconds = (performance.now() - started) / 1000;
  return result;
}

function addTo(sums: number[][], counts: readonly number[][]): void {
  counts.forEach((row, i) => {
    row.forEach((count, j) => {
      sums[i][j] += count;
    });
  });
}

/** The masks of upright images, turned or mirrored as the images were. */
function turnedMasks(
  masks: Int32Array,
  labels: Int32Array,
  { shape }: Dataset,
  view: View,
  { size }: EvaluationOptions,
): Int32Array {
  const sizes = size ?? shape.slice(0, -1);
  return seenAs(new Float32Array(labels.length), masks, [...sizes, 1], view).labels;
}

/** Adds up what both masks have of the classes but the background, where there are labels. */
function countOverlap(
  counts: { both: number; sum: number },
  a: Int32Array,
  b: Int32Array,
  labels: Int32Array,
): void {
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] === IGNORED || b[i] === IGNORED) continue;
    counts.sum += Number(a[i] > 0) + Number(b[i] > 0);
    counts.both += Number(a[i] > 0 && a[i] === b[i]);
  }
}

function viewsOf({ rotations, axes, flips }: EvaluationOptions, volumes: boolean): View[] {
  const angles =
    rotations === undefined
      ? []
      : Array.from({ length: Math.ceil(360 / rotations) }, (_, i) => i * rotations);
  const about: readonly (TurnAxis | undefined)[] = volumes ? (axes ?? ["D", "H", "W"]) : [undefined];
  const turns = about.flatMap((axis) => angles.map((degrees): View => ({ kind: "turn", degrees, axis })));
  const directions: FlipDirection[] = volumes
    ? ["horizontal", "vertical", "depth"]
    : ["horizontal", "vertical"];
  return [...turns, ...(flips ? directions.map((direction): View => ({ kind: "flip", direction })) : [])];
}

function nameOf(view: View): string {
  if (view.kind === "turn") return `${view.axis ? `${view.axis} ` : ""}${view.degrees}°`;
  return view.kind === "flip" ? view.direction : "upright";
}
