// Losses and metrics at extreme values: infinite logits, NaN, labels that are not classes.

import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import {
  accuracy,
  diceCrossEntropy,
  diceLoss,
  losses,
  metrics,
  softmaxCrossEntropy,
  topKAccuracy,
} from "../training/index.ts";
import type { NetworkCase } from "./networkCase.ts";

const { POSITIVE_INFINITY: INFINITY, NaN: NONE } = Number;

/** Logits of the first of two positions, its label, the loss and its gradient; the second position is ignored. */
const LIMITS: readonly [logits: number[], label: number, loss: number, gradient: number[]][] = [
  [[1, -INFINITY, 1], 0, Math.log(2), [-0.5, 0, 0.5]],
  [[1, -INFINITY, 1], 1, INFINITY, [0.5, -1, 0.5]],
  [[1, INFINITY, 2], 1, 0, [0, 0, 0]],
  [[INFINITY, 5, INFINITY], 2, Math.log(2), [0.5, 0, -0.5]],
];

export function lossCases(): NetworkCase[] {
  return [
    { name: "the cross entropy of infinite logits", run: checkLimits },
    { name: "NaN is not a class", run: checkNaN },
    { name: "labels that are not classes", run: checkStrangers },
    { name: "gradients of the losses' gradients", run: checkCurvature },
    { name: "losses and metrics of fit", run: checkFit },
  ];
}

async function checkLimits(): Promise<void> {
  for (const [logits, label, loss, gradient] of LIMITS) {
    const { value, grad, dice } = tf.tidy(() => {
      const labels = tf.tensor1d([label, 255], "int32");
      const z = tf.tensor2d([...logits, NONE, INFINITY, -INFINITY], [2, 3]);
      const lossOf = (x: tf.Tensor) => softmaxCrossEntropy(x, labels, { ignoreLabel: 255 });
      const maps = labels.reshape([1, 2, 1]);
      const dice = diceLoss(z.reshape([1, 2, 1, 3]), maps, { ignoreLabel: 255, smooth: 0 });
      return { ...tf.valueAndGrad(lossOf)(z), dice };
    });
    const what = `of logits ${logits} for label ${label}`;
    expectNear(`the loss ${what}`, await value.data(), [loss]);
    expectNear(`the gradient ${what}`, await grad.data(), [...gradient, 0, 0, 0]);
    const [ratio] = await dice.data();
    if (!(ratio >= 0 && ratio <= 1)) throw wrong(`the Dice loss ${what}`, ratio, "a number from 0 to 1");
    tf.dispose([value, grad, dice]);
  }
}

async function checkNaN(): Promise<void> {
  const share = tf.tidy(() =>
    accuracy(tf.tensor2d([NONE, NONE, 1, NONE, 3, 1], [3, 2]), tf.tensor1d([0, 0, 0], "int32")),
  );
  expectNear("the share of positions recognised", await share.data(), [1 / 3]);
  share.dispose();
}

/** Labels that came from the CPU are rejected; those computed on a GPU make the loss NaN. */
async function checkStrangers(): Promise<void> {
  for (const computed of [false, true]) {
    const labels = tf.tidy(() => {
      const given = tf.tensor1d([0, 1, 2], "int32");
      return computed ? given.add(tf.scalar(0, "int32")) : given.clone();
    });
    let loss = NONE;
    try {
      const value = tf.tidy(() => softmaxCrossEntropy(tf.zeros([3, 2]), labels));
      [loss] = await value.data();
      value.dispose();
    } catch (error) {
      if (!(error instanceof GmrError) || error.code !== "invalid-data") throw error;
    }
    labels.dispose();
    if (!Number.isNaN(loss)) throw wrong("the loss for label 2 of two classes", loss, "an error or NaN");
  }
}

/** The slope of |∂L/∂logits|² along a direction, against finite differences. */
async function checkCurvature(): Promise<void> {
  const losses: Readonly<Record<string, (z: tf.Tensor, labels: tf.Tensor) => tf.Scalar>> = {
    "the cross entropy": (z, labels) => softmaxCrossEntropy(z, labels, { labelSmoothing: 0.1 }),
    "the Dice loss": (z, labels) => diceLoss(z, labels, { ignoreLabel: 2 }),
  };
  for (const [name, lossOf] of Object.entries(losses)) {
    const [slope, difference] = tf.tidy(() => {
      const labels = tf.tensor([0, 1, 2, 1, 0, 0], [1, 2, 3], "int32");
      const [z, direction] = [1, 2].map((seed) => tf.randomNormal([1, 2, 3, 3], 0, 1, "float32", seed));
      const penalty = (at: tf.Tensor): tf.Tensor =>
        tf
          .grad((x) => lossOf(x, labels))(at)
          .square()
          .sum();
      const h = 2 ** -7;
      const ends = [h, -h].map((step) => penalty(z.add(direction.mul(step))));
      return [tf.grad(penalty)(z).mul(direction).sum(), ends[0].sub(ends[1]).div(2 * h)];
    });
    const [[actual], [expected]] = [await slope.data(), await difference.data()];
    tf.dispose([slope, difference]);
    if (!(Math.abs(actual - expected) <= 0.01 * Math.abs(expected))) {
      throw wrong(`the slope of the gradient of ${name}`, actual, String(expected));
    }
  }
}

/** Losses and metrics for `model.compile` against those for training loops, with labels in every form. */
async function checkFit(): Promise<void> {
  const { numTensors } = tf.memory();
  const pairs = [
    [losses.softmaxCrossEntropy(), softmaxCrossEntropy],
    [losses.dice(), diceLoss],
    [losses.diceCrossEntropy(), diceCrossEntropy],
    [metrics.accuracy(), accuracy],
    [metrics.topKAccuracy(), topKAccuracy],
  ] as const;
  for (const [inFit, inLoops] of pairs) {
    const [expected, ...actual] = tf.tidy(() => {
      const logits = tf.randomNormal([2, 3, 4, 7], 0, 1, "float32", 1);
      const labels = tf.range(0, 24, 1, "int32").mod<tf.Tensor>(tf.scalar(7, "int32")).reshape([2, 3, 4]);
      const forms = [labels, labels.expandDims(-1), labels.cast("float32"), tf.oneHot(labels, 7)];
      return [inLoops(logits, labels), ...forms.map((form) => inFit(form, logits).mean())];
    });
    const [value] = await expected.data();
    for (const tensor of actual) expectNear(inFit.name, await tensor.data(), [value]);
    tf.dispose([expected, actual]);
  }
  const leaked = tf.memory().numTensors - numTensors;
  if (leaked !== 0) throw wrong("the number of tensors left", leaked, "none");
}

function expectNear(what: string, actual: ArrayLike<number>, expected: readonly number[]): void {
  expected.forEach((value, i) => {
    if (actual[i] === value || Math.abs(actual[i] - value) < 1e-5) return;
    throw wrong(what, actual[i], String(value));
  });
}

const wrong = (what: string, got: number, expected: string): GmrError =>
  new GmrError("invalid-data", `${what} is ${got} on backend "${tf.getBackend()}", expected ${expected}`);
