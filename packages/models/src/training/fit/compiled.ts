// TensorFlow.js compares the shape of targets with that of outputs before a loss sees them, and lets class indices
// through for one loss only, its own sparseCategoricalCrossentropy. It also takes `metrics: ["accuracy"]` for the
// accuracy of one-hot labels with any loss but that. For models that are compiled with one of our losses both are
// corrected, as soon as they are fitted or evaluated. (Not earlier: `model.compile` has been looked up when its
// arguments, in which our loss is made, are evaluated.)

import { GmrError, once } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import type { FitFunction } from "./labels.ts";

/** Our losses, with the metrics that stand for TensorFlow.js' names. */
const losses = new WeakMap<object, StringMetrics>();

type StringMetrics = Readonly<Record<"acc" | "ce", FitFunction>>;

/** What a compiled model keeps. Its declaration hides this. */
interface Compiled {
  lossFunctions: FitFunction[];
  feedOutputShapes: (number[] | null)[];
  metrics: unknown;
  metricsTensors: [metric: FitFunction, output: number][];
  metricsNames: string[];
}

/** Makes a function a loss that takes labels of any shape, with metrics for `"accuracy"` and `"crossentropy"`. */
export function asLoss(loss: FitFunction, metrics: StringMetrics): FitFunction {
  correctModels();
  losses.set(loss, metrics);
  return loss;
}

/** The methods that run before anything is computed: for tensors, and for training and testing of any kind. */
const ENTRIES = ["standardizeUserDataXY", "makeTrainFunction", "makeTestFunction"];

const correctModels = once(() => {
  for (const entry of ENTRIES) {
    const stock: unknown = Reflect.get(tf.LayersModel.prototype, entry);
    if (typeof stock !== "function") continue;
    Reflect.set(tf.LayersModel.prototype, entry, function (this: tf.LayersModel, ...args: unknown[]) {
      correct(this, this as object as Compiled);
      return Reflect.apply(stock, this, args);
    });
  }
});

function correct(model: tf.LayersModel, compiled: Compiled): void {
  compiled.lossFunctions?.forEach((loss, output) => {
    const metrics = losses.get(loss);
    if (!metrics) return;
    checkLogits(model.outputs[output]);
    compiled.feedOutputShapes[output] = null; // not compared
    const given = new Set<unknown>([compiled.metrics ?? []].flatMap(flatten));
    compiled.metricsTensors.forEach((entry, i) => {
      if (entry[1] !== output || entry[0] === loss || given.has(entry[0])) return;
      const [, name] = /(?:^|_)(acc|ce)$/.exec(namesOf(compiled)[i] ?? "") ?? [];
      if (name === "acc" || name === "ce") entry[0] = metrics[name];
    });
  });
}

/** The first name is that of the total loss. */
const namesOf = ({ metricsNames }: Compiled): string[] => metricsNames.slice(1);

/** The functions and names among metrics: one, a list, or by output. */
function flatten(metrics: unknown): unknown[] {
  if (typeof metrics !== "object" || metrics === null) return [metrics];
  return Object.values(metrics).flatMap(flatten);
}

/** @throws GmrError `invalid-argument` for an output that is a softmax already */
function checkLogits({ sourceLayer }: tf.SymbolicTensor): void {
  if (sourceLayer instanceof tf.LayersModel) return; // its configuration holds all its layers
  if (sourceLayer.getClassName() !== "Softmax" && sourceLayer.getConfig().activation !== "softmax") return;
  throw new GmrError(
    "invalid-argument",
    `layer ${sourceLayer.name} ends the model with a softmax, but this loss takes logits: leave its activation out, ` +
      'or use a loss of TensorFlow.js such as "categoricalCrossentropy"',
  );
}
