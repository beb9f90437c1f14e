// How well a network does on upright, turned and mirrored images.

import { checkKeys, GmrError, type KeysOf } from "@gmr-conv/core";
import { type Dataset, type FlipDirection, pickEvenly, type TurnAxis } from "@gmr-conv/data";
import { type Communicator, singleProcess } from "@gmr-conv/distributed";
import * as tf from "@tensorflow/tfjs";
import { MaskConsistency, type MaskListener } from "./maskConsistency.ts";
import type { Mistake } from "./metrics/classification.ts";
import { merged, shardOf } from "./ranks/shards.ts";
import { type Evaluator, type Metrics, type Task, taskFor } from "./tasks.ts";
import { batchSizeFor, VIEW_KEYS, type View, type ViewOptions, viewBatches } from "./views.ts";

export interface EvaluationOptions extends ViewOptions {
  /** Degrees between the angles that images are turned by; without it, none are turned. */
  rotations?: number | undefined;
  /** The axes to turn volumes about. Default all. */
  axes?: readonly TurnAxis[] | undefined;
  /** Mirror the images as well. */
  flips?: boolean | undefined;
  /** Number of images to turn and mirror, spread over the set. Default all. */
  turnedImages?: number | undefined;
  /** Images at a time. */
  batchSize?: number | undefined;
  /** Called after each batch with the number of images read, of how many, and the current view. */
  onProgress?: ((done: number, total: number, view: string, score: number) => void) | undefined;
  signal?: { readonly aborted: boolean } | undefined;
  /** The processes that share the images; each gets the whole result. Default: this process alone. */
  communicator?: Communicator | undefined;
}

const KEYS: KeysOf<EvaluationOptions> = {
  ...VIEW_KEYS,
  rotations: true,
  axes: true,
  flips: true,
  turnedImages: true,
  batchSize: true,
  onProgress: true,
  signal: true,
  communicator: true,
};

export interface TurnedScore {
  angle: number;
  /** For volumes. */
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
  /** What the scores measure. */
  score: "accuracy" | "Dice";
  upright: Metrics & { score: number };
  angles: TurnedScore[];
  flips: FlippedScore[];
  /** Over all angles: [true class][predicted class]. */
  turnedConfusion?: number[][] | undefined;
  /** The most confident mistakes on upright images. */
  mistakes: Mistake[];
  uprightImages: number;
  turnedImages: number;
  seconds: number;
}

/** Number of mistakes to keep. */
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
  checkKeys("the options of evaluate", options, KEYS);
  const task = taskFor(model, dataset, options.size);
  const volumes = dataset.shape.length === 4;
  const turned = pickEvenly(dataset, Math.min(options.turnedImages ?? dataset.count, dataset.count));
  const views = viewsOf(options, volumes);
  const started = performance.now();
  const reader = new Reader(model, task, options, dataset.count + views.length * turned.count);
  const upright = await reader.read(dataset, { kind: "upright" });
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
  const { communicator = singleProcess() } = options;
  const masks = task.score === "Dice" && views.length > 0 ? await reader.uprightMasks(turned) : undefined;
  const confusion = dataset.classNames.map(() => dataset.classNames.map(() => 0));
  for (const view of views) {
    const consistency = masks && new MaskConsistency(masks, turned, view, options.size);
    const evaluator = await reader.read(turned, view, consistency);
    const entry = {
      score: evaluator.score,
      metrics: evaluator.metrics(),
      ...(consistency && { consistency: await consistency.dice(communicator) }),
    };
    if (view.kind === "turn") {
      if ("confusion" in entry.metrics) addTo(confusion, entry.metrics.confusion);
      result.angles.push({ angle: view.degrees, ...(volumes && { axis: view.axis }), ...entry });
    } else if (view.kind === "flip") result.flips.push({ direction: view.direction, ...entry });
  }
  if (result.angles.length > 0 && !masks) result.turnedConfusion = confusion;
  result.seconds = (performance.now() - started) / 1000;
  return result;
}

/** Reads data sets with a network, one view at a time. */
class Reader {
  private readonly model: tf.LayersModel;
  private readonly task: Task;
  private readonly options: EvaluationOptions;
  private readonly total: number;
  private done = 0;

  constructor(model: tf.LayersModel, task: Task, options: EvaluationOptions, total: number) {
    this.model = model;
    this.task = task;
    this.options = options;
    this.total = total;
  }

  /** @param listener receives the predicted masks of each of this rank's batches, with its labels */
  async read(set: Dataset, view: View, listener?: MaskListener): Promise<Evaluator> {
    const { communicator = singleProcess() } = this.options;
    const evaluator = this.task.evaluator(set.classNames.length);
    await this.stopTogether(communicator);
    const own = shardOf(set, communicator);
    // Progress counts the images of all ranks, as if each had done as many as this one.
    if (own) await this.readAll(own, view, evaluator, set.count / own.count, listener);
    return merged(communicator, this.task, set.classNames.length, evaluator);
  }

  /** Several ranks stop between views only, all of them. @throws GmrError `interrupted` if any was asked to */
  private async stopTogether(communicator: Communicator): Promise<void> {
    if (communicator.size === 1) return;
    const votes = Float64Array.of(Number(this.options.signal?.aborted ?? false));
    await communicator.allReduce(votes, "max");
    if (votes[0] > 0) throw stopped();
  }

  private async readAll(
    set: Dataset,
    view: View,
    evaluator: Evaluator,
    progress: number,
    listener?: MaskListener,
  ): Promise<void> {
    const { model, options, total } = this;
    const alone = (options.communicator?.size ?? 1) === 1;
    const batchSize = options.batchSize ?? batchSizeFor(set.shape);
    const { normalization, size, disc, interpolation, fill } = options;
    const seen = { normalization, size, disc, interpolation, fill };
    for await (const { images, labels, indices } of viewBatches(set, seen, batchSize, view)) {
      if (options.signal?.aborted && alone) {
        images.dispose();
        throw stopped();
      }
      const logits = tf.tidy(() => model.apply(images) as tf.Tensor);
      await evaluator.add(labels, logits);
      if (listener) {
        const classes = logits.argMax(-1);
        listener.add(Int32Array.from(await classes.data()), labels);
        classes.dispose();
      }
      tf.dispose([images, logits]);
      this.done += indices.length * progress;
      options.onProgress?.(Math.round(this.done), total, nameOf(view), evaluator.score);
    }
  }

  /** The predicted masks of upright images, batch by batch; does not count as progress. */
  async uprightMasks(set: Dataset): Promise<Int32Array[]> {
    const masks: Int32Array[] = [];
    await this.read(set, { kind: "upright" }, { add: (predicted) => masks.push(predicted) });
    this.done -= set.count;
    return masks;
  }
}

const stopped = (): GmrError => new GmrError("interrupted", "the evaluation was stopped");

function addTo(sums: number[][], counts: readonly number[][]): void {
  counts.forEach((row, i) => {
    row.forEach((count, j) => {
      sums[i][j] += count;
    });
  });
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
