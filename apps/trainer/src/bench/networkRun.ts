// A network that is trained or used over and over on one made-up batch.

import { Random } from "@gmr-conv/core";
import { resNet } from "@gmr-conv/models";
import * as tf from "@tensorflow/tfjs";
import { Optimizer } from "../training/optimizer.ts";
import { trainStep } from "../training/train.ts";
import { modelVariables } from "../training/variables.ts";
import type { NetworkImpl, NetworkPass } from "./measurements.ts";

/** The size of a network and of its images, which are square and have three channels. */
export interface NetworkShape {
  batch: number;
  imageSize: number;
  /** One entry per stage. */
  depths: readonly number[];
  widths: readonly number[];
  /** Of the GMR network; its dense twin has 3×3 kernels. */
  kernelSizes: readonly number[];
  classes: number;
}

const LEARNING_RATE = 0.01;

/** A function that does one pass: a step of SGD with momentum, or the logits of a batch. */
export function networkRun(shape: NetworkShape, impl: NetworkImpl, pass: NetworkPass): () => Promise<void> {
  const { batch, imageSize, depths, widths, classes } = shape;
  const model = resNet({
    inputShape: [imageSize, imageSize, 3],
    classes,
    kind: impl,
    depths,
    widths,
    kernelSizes: impl === "gmr" ? shape.kernelSizes : undefined,
    seed: 1,
  });
  const random = new Random(1);
  const images = Float32Array.from({ length: batch * imageSize ** 2 * 3 }, () => random.normal());
  const labels = Int32Array.from({ length: batch }, (_, i) => i % classes);
  if (pass === "inference") {
    return async () => {
      const logits = tf.tidy(() => {
        const x = tf.tensor(images, [batch, imageSize, imageSize, 3]);
        return model.apply(x, { training: false }) as tf.Tensor;
      });
      await logits.data();
      logits.dispose();
    };
  }
  const variables = modelVariables(model, true);
  const optimizer = new Optimizer(
    { name: "sgd", learningRate: LEARNING_RATE, momentum: 0.9, weightDecay: 0, warmup: 0 },
    variables,
    new Set(),
  );
  const settings = { labelSmoothing: 0, learningRate: LEARNING_RATE };
  return async () => {
    await trainStep(model, optimizer, [...variables.values()], { images, labels, count: batch }, settings);
  };
}
