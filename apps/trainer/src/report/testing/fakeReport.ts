/** A report with made-up but plausible figures, for tests. */
import { Random } from "@gmr-conv/core";
import type { LearnedKernels } from "@gmr-conv/models/inspect";
import type { HistoryPoint, NetworkReport, RotationReport } from "../types.ts";

const EVALUATED = 2000;

/** A steady GMR network beside a dense one that fails on turned images. */
export function fakeReport(): RotationReport {
  const random = new Random(1);
  return {
    title: "GMR-ResNet on turned digits",
    createdAt: "2025-03-14T09:26:53.000Z",
    command: "npm run gmr -- quickstart --seed 1 --epochs 3",
    trainingCommand: "gmr train --preset mnist --set train.epochs=3",
    reportCommand: "npm run gmr -- quickstart --seed 1 --epochs 3",
    score: "accuracy",
    dataset: { name: "MNIST", train: 54_000, validation: 6_000, test: 10_000, evaluated: EVALUATED },
    environment: {
      backend: "wasm",
      threads: 2,
      node: "v20.19.0",
      platform: "linux x64",
      cpu: "Example Processor 9000",
      versions: { "@tensorflow/tfjs": "4.22.0", "@gmr-conv/tfjs": "0.1.0" },
    },
    config: {
      seed: 1,
      epochs: 3,
      batchSize: 128,
      augment: { translate: 2, subpixel: false },
      learningRate: { peak: 0.01, schedule: "cosine" },
      widths: [16, 32, 64],
    },
    networks: [gmr(random), dense(random)],
    classNames: Array.from({ length: 10 }, (_, digit) => String(digit)),
  };
}

/** A network that answers one class whatever it sees: as good at every angle. */
export function atChance(network: NetworkReport): NetworkReport {
  const confusion = Array.from({ length: 10 }, () => [1000, ...Array.from({ length: 9 }, () => 0)]);
  return {
    ...network,
    upright: { ...network.upright, score: 0.1, accuracy: 0.1, interval: [0.094, 0.106], confusion },
    angles: network.angles.map(({ angle }) => ({ angle, score: 0.1 })),
  } as NetworkReport;
}

function gmr(random: Random): NetworkReport {
  return {
    name: "gmr",
    label: "GMR-ResNet",
    parameters: 33_418,
    multiplyAdds: 4_214_000,
    receptiveField: 61,
    layers: ["stem: GmrConv2D 5×5, 1 → 16", "stage 1: GmrConv2D 9×9, 16 → 16", "head: Dense 64 → 10"],
    ...training(random, 0.16, 0.951, 41.3),
    upright: metrics(random, 0.953),
    angles: angles((radians) => 0.944 - 0.011 * Math.sin(2 * radians) ** 2 + 0.002 * random.normal()),
    flips: flips(0.9531, 0.9527),
    turnedConfusion: confusion(random, 35 * EVALUATED, 0.938),
    kernels: [
      kernels(random, "stem", 5, [0.41, 0.62, 0.88]),
      kernels(random, "stage1.conv1", 9, [0.38, 0.55, 0.72, 0.93, 1.21]),
      kernels(random, "stage2.conv1", 9, [0.47, 0.51, 0.66, 0.8, 1.02]),
      kernels(random, "stage3.conv1", 5, [0.52, 0.58, 0.61]),
    ],
  };
}

function dense(random: Random): NetworkReport {
  const accuracy = (radians: number) =>
    0.15 + 0.84 * Math.exp(-0.5 * (Math.min(radians, 2 * Math.PI - radians) / 0.75) ** 2);
  return {
    name: "dense",
    label: "Dense twin 3×3",
    parameters: 77_834,
    multiplyAdds: 9_830_000,
    receptiveField: 23,
    layers: ["stem: Conv2D 3×3, 1 → 16", "head: Dense 64 → 10"],
    ...training(random, 0.05, 0.987, 38.9),
    upright: metrics(random, 0.991),
    angles: angles(
      (radians) => accuracy(radians) + 0.26 * Math.exp(-0.5 * ((radians - Math.PI) / 0.35) ** 2),
    ),
    flips: flips(0.4312, 0.4574),
    turnedConfusion: confusion(random, 35 * EVALUATED, 0.44),
    kernels: [kernels(random, "stem", 3, [])],
  };
}

function angles(accuracy: (radians: number) => number) {
  return Array.from({ length: 36 }, (_, i) => ({ angle: 10 * i, score: accuracy((i * Math.PI) / 18) }));
}

function metrics(random: Random, accuracy: number): NetworkReport["upright"] {
  return {
    score: accuracy,
    count: 10_000,
    loss: 1.2 * (1 - accuracy),
    accuracy,
    interval: [accuracy - 0.004, accuracy + 0.004],
    top5: 0.999,
    balancedAccuracy: accuracy - 0.001,
    f1: accuracy - 0.002,
    auc: 0.9973,
    ece: 0.0123,
    confusion: confusion(random, 10_000, accuracy),
  };
}

const flips = (horizontal: number, vertical: number): NetworkReport["flips"] => [
  { direction: "horizontal", score: horizontal },
  { direction: "vertical", score: vertical },
];

function training(random: Random, loss: number, accuracy: number, seconds: number) {
  const history: HistoryPoint[] = Array.from({ length: 1404 }, (_, step) => {
    const start = Math.exp(-step / 90);
    return {
      step,
      epoch: Math.floor(step / 468),
      loss: (loss + 2.2 * start) * Math.exp(0.3 * random.normal()),
      accuracy: Math.min(1, Math.max(0.05, accuracy - 0.85 * start + 0.02 * random.normal())),
    };
  });
  const epochs = [0, 1, 2].map((epoch) => ({
    epoch,
    loss: loss * (3 - epoch),
    accuracy: accuracy - 0.03 * (2 - epoch),
    seconds,
  }));
  const validations = [468, 936, 1404].map((step, i) => ({
    step,
    epochs: i + 1,
    score: accuracy - 0.02 * (2 - i),
    loss: loss * (3 - i),
  }));
  return {
    history,
    epochs,
    validations,
    trainSeconds: 3 * seconds,
    imagesPerSecond: 60_000 / seconds,
    evalSeconds: 51.7,
  };
}

function confusion(random: Random, total: number, accuracy: number): number[][] {
  const perClass = Math.round(total / 10);
  return Array.from({ length: 10 }, (_, truth) => {
    const row = Array.from({ length: 10 }, () => 0);
    const wrong = Math.round(perClass * (1 - accuracy));
    row[truth] = perClass - wrong;
    for (let i = 0; i < wrong; i++) row[(truth + 1 + Math.floor(9 * random.uniform() ** 3)) % 10]++;
    return row;
  });
}

function kernels(random: Random, layer: string, kernelSize: number, sigmas: number[]): LearnedKernels {
  const centre = (kernelSize - 1) / 2;
  const pictures = Array.from({ length: 12 }, () => {
    const rings = Array.from({ length: centre + 1 }, () => 0.2 * random.normal());
    const values = Array.from({ length: kernelSize ** 2 }, (_, i) => {
      if (sigmas.length === 0) return 0.2 * random.normal();
      const radius = Math.hypot((i % kernelSize) - centre, Math.floor(i / kernelSize) - centre);
      return rings[Math.round(radius)] ?? 0;
    });
    return { width: kernelSize, height: kernelSize, values };
  });
  return { layer, kernelSize, pictures, sigmas };
}
