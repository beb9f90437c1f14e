// How fast a small network learns, as it is and with its convolutions swapped for ring convolutions.

import type { RingBasis } from "@gmr-conv/core/bases";
import { type Dataset, pickEvenly, readFloats, rotateImages } from "@gmr-conv/data";
import { loadDataset } from "@gmr-conv/data/node";
import { convertToGmr } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

interface LearningBench {
  /** Training images, the first of MNIST. */
  images: number;
  epochs: number;
  /** Number of trainings per network, with seeds from 1 on. */
  seeds: number;
  /** Kernel sizes of the ring convolutions. */
  kernelSizes: readonly number[];
}

export interface LearningResult {
  kernelSize: number;
  /** The basis of the ring weights; undefined for the dense network. */
  ringBasis: RingBasis | undefined;
  seed: number;
  parameters: number;
  /** Accuracy on the training images, on 2,000 held-out ones, and on these turned by 45°. */
  training: number;
  heldOut: number;
  turned: number;
  seconds: number;
}

/** The kernel size of the original network. */
const DENSE_KERNEL = 5;
const HELD_OUT = 2000;

/** Trains every network by `model.fit` with Adam at its usual rate, and reports each result. */
export async function benchLearning(
  { images, epochs, seeds, kernelSizes }: LearningBench,
  onResult: (result: LearningResult) => void,
): Promise<void> {
  const data = await loadDataset({ name: "mnist" });
  const train = await read(data.train, images);
  const heldOut = await read(pickEvenly(data.validation as Dataset, HELD_OUT), HELD_OUT);
  const turned = { ...heldOut, x: rotated(heldOut.x) };
  const networks: Pick<LearningResult, "kernelSize" | "ringBasis">[] = [
    { kernelSize: DENSE_KERNEL, ringBasis: undefined },
    ...kernelSizes.flatMap((kernelSize) =>
      (["rings", "halfWhite", "white"] as const).map((ringBasis) => ({ kernelSize, ringBasis })),
    ),
  ];
  for (const network of networks) {
    for (let seed = 1; seed <= seeds; seed++) {
      const model = build(network, seed);
      model.compile({ optimizer: tf.train.adam(0.001), loss: "categoricalCrossentropy" });
      const started = performance.now();
      await model.fit(train.x, train.y, { epochs, batchSize: 32, verbose: 0 });
      const seconds = (performance.now() - started) / 1000;
      const scores = [train, heldOut, turned].map((part) => accuracyOf(model, part));
      onResult({
        ...network,
        seed,
        parameters: model.countParams(),
        training: scores[0],
        heldOut: scores[1],
        turned: scores[2],
        seconds,
      });
      model.dispose();
    }
  }
  tf.dispose([train, heldOut, turned]);
}

interface Part {
  [name: string]: tf.Tensor;
  x: tf.Tensor4D;
  y: tf.Tensor;
}

async function read(dataset: Dataset, count: number): Promise<Part> {
  const { images, labels } = await readFloats(
    dataset,
    Int32Array.from({ length: count }, (_, i) => i),
  );
  return tf.tidy(() => ({
    x: tf.tensor4d(images, [count, 28, 28, 1]),
    y: tf.oneHot(tf.tensor1d(labels, "int32"), 10),
  }));
}

const rotated = (x: tf.Tensor4D): tf.Tensor4D =>
  tf.tensor4d(rotateImages(x.dataSync<"float32">(), [28, 28, 1], 45), x.shape);

/** Three convolutions with pooling, as in many tutorials. */
function build(
  { kernelSize, ringBasis }: Pick<LearningResult, "kernelSize" | "ringBasis">,
  seed: number,
): tf.LayersModel {
  const dense = tf.sequential();
  const initializer = tf.initializers.glorotUniform({ seed });
  [16, 32, 64].forEach((filters, i) => {
    dense.add(
      tf.layers.conv2d({
        filters,
        kernelSize: DENSE_KERNEL,
        padding: "same",
        activation: "relu",
        kernelInitializer: initializer,
        ...(i === 0 ? { inputShape: [28, 28, 1] } : {}),
      }),
    );
    if (i < 2) dense.add(tf.layers.maxPooling2d({ poolSize: 2 }));
  });
  dense.add(tf.layers.globalMaxPooling2d({}));
  dense.add(tf.layers.dense({ units: 10, activation: "softmax", kernelInitializer: initializer }));
  return ringBasis === undefined ? dense : convertToGmr(dense, { kernelSize, ringBasis, seed }).model;
}

function accuracyOf(model: tf.LayersModel, { x, y }: Part): number {
  return tf.tidy(() => {
    const predicted = (model.predict(x, { batchSize: 250 }) as tf.Tensor).argMax(-1);
    return predicted.equal(y.argMax(-1)).mean().dataSync()[0];
  });
}
