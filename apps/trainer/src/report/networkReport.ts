// What the report says about a network: its size, training and evaluation.

import { type Dataset, readFloats } from "@gmr-conv/data";
import { learnedKernels, modelCost } from "@gmr-conv/models/inspect";
import { GmrConv } from "@gmr-conv/tfjs";
import { type Evaluation, seenAs, type View, type ViewOptions } from "@gmr-conv/training";
import * as tf from "@tensorflow/tfjs";
import type { NetworkConfig } from "../config/schema.ts";
import type { Metric } from "../runs/metrics.ts";
import { imagePicture, maskPicture } from "./pictures.ts";
import type { EpochPoint, MaskPicture, MistakePicture, NetworkReport, SigmaCurve } from "./types.ts";

interface Description {
  network: NetworkConfig;
  model: tf.LayersModel;
  metrics: Metric[];
  evaluation: Evaluation;
  /** The test images. */
  test: Dataset;
  options: ViewOptions;
}

type Progress = Extract<Metric, { type: "progress" }>;

export async function describeNetwork(description: Description): Promise<NetworkReport> {
  const { network, model, metrics, evaluation, test } = description;
  const cost = modelCost(model);
  const progress = metrics.filter((metric) => metric.type === "progress");
  const validations = metrics.filter((metric) => metric.type === "validation");
  const last = progress.at(-1);
  const { upright, angles, flips, turnedConfusion, seconds } = evaluation;
  return {
    name: network.name,
    label: network.label,
    parameters: cost.parameters,
    multiplyAdds: cost.multiplyAdds,
    layers: cost.layers
      .filter((layer) => layer.parameters > 0)
      .map((l) => `${l.name} (${l.type}) → ${l.outputShape.slice(1).join("×")}: ${l.parameters} parameters`),
    history: progress.map(({ step, epoch, loss, accuracy }) => ({ step, epoch, loss, accuracy })),
    validations: validations.map(({ step, epochs, score, loss }) => ({ step, epochs, score, loss })),
    epochs: epochsOf(progress),
    ...(last
      ? {
          trainSeconds: last.seconds,
          imagesPerSecond: (last.step * (network.train.batchSize ?? 1)) / last.seconds,
        }
      : {}),
    evalSeconds: seconds,
    upright,
    angles: angles.map(({ angle, axis, score, metrics: own, consistency }) => ({
      angle,
      axis,
      score,
      interval: own.interval,
      consistency,
    })),
    flips: flips.map(({ direction, score, metrics: own, consistency }) => ({
      direction,
      score,
      interval: own.interval,
      consistency,
    })),
    ...(turnedConfusion && { turnedConfusion }),
    kernels: await learnedKernels(model),
    sigmas: sigmaCurves(validations),
    ...(test.task === "segmentation"
      ? { masks: await maskPictures(description) }
      : { mistakes: await mistakePictures(description) }),
  };
}

/** The widths of the Gaussians of a network, by layer. */
export async function sigmasOf(model: tf.LayersModel): Promise<Record<string, number[]>> {
  const found: Record<string, number[]> = {};
  for (const layer of model.layers) {
    const weight = layer.weights.find(({ originalName }) => originalName.endsWith("/log_sigmas"));
    if (layer instanceof GmrConv && weight)
      found[layer.name] = Array.from(await weight.read().data(), Math.exp);
  }
  return found;
}

function sigmaCurves(validations: Extract<Metric, { type: "validation" }>[]): SigmaCurve[] {
  const layers = Object.keys(validations[0]?.sigmas ?? {});
  return layers.map((layer) => ({
    layer,
    points: validations.flatMap(({ step, sigmas }) =>
      sigmas?.[layer] ? [{ step, sigmas: sigmas[layer] }] : [],
    ),
  }));
}

function epochsOf(metrics: Progress[]): EpochPoint[] {
  const epochs: EpochPoint[] = [];
  let before = 0;
  for (let epoch = 0; ; epoch++) {
    const own = metrics.filter((metric) => metric.epoch === epoch);
    const last = own.at(-1);
    if (!last) return epochs;
    const mean = (pick: (m: Progress) => number): number =>
      own.reduce((sum, m) => sum + pick(m), 0) / own.length;
    epochs.push({
      epoch,
      loss: mean((m) => m.loss),
      accuracy: mean((m) => m.accuracy),
      seconds: last.seconds - before,
    });
    before = last.seconds;
  }
}

async function mistakePictures({ evaluation, test, options }: Description): Promise<MistakePicture[]> {
  return Promise.all(
    evaluation.mistakes.map(async ({ index, label, predicted, confidence }): Promise<MistakePicture> => {
      const { images, labels } = await readFloats(test, [index]);
      const seen = seenAs(images, labels, test.shape, { kind: "upright" }, { size: options.size });
      return {
        picture: imagePicture(seen.images, seen.shape),
        label,
        predicted,
        confidence,
        source: test.source?.(index),
      };
    }),
  );
}

/** The views of images with masks. */
const VIEWS: readonly View[] = [
  { kind: "upright" },
  { kind: "turn", degrees: 45 },
  { kind: "turn", degrees: 90 },
];

async function maskPictures({ model, test, options }: Description): Promise<MaskPicture[]> {
  const pictures: MaskPicture[] = [];
  const { size, disc, interpolation, fill, normalization } = options;
  const plainly = { size, disc, interpolation, fill };
  for (let index = 0; index < Math.min(2, test.count); index++) {
    const { images, labels } = await readFloats(test, [index]);
    for (const view of VIEWS) {
      const plain = seenAs(images, labels, test.shape, view, plainly);
      const seen = seenAs(images, labels, test.shape, view, { ...plainly, normalization });
      const classes = tf.tidy(() =>
        (model.apply(tf.tensor(seen.images, [1, ...seen.shape])) as tf.Tensor).argMax(-1),
      );
      const predicted = await classes.data();
      classes.dispose();
      const sizes = seen.shape.slice(0, -1);
      pictures.push({
        title: `${view.kind === "turn" ? `turned by ${view.degrees}°` : "upright"}, image ${index + 1}`,
        image: imagePicture(plain.images, plain.shape),
        truth: maskPicture(seen.labels, sizes),
        predicted: maskPicture(predicted, sizes),
      });
    }
  }
  return pictures;
}
