import { useWasm } from "@gmr-conv/backend-wasm";
import { type ImageSet, subset } from "@gmr-conv/data";
import { loadMnist } from "@gmr-conv/data/node";
import { foldModel } from "@gmr-conv/tfjs";
import { checkEquivariance } from "@gmr-conv/tfjs/equivariance";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { modelCost } from "./cost.ts";
import { diceCrossEntropy, diceScore } from "./training/index.ts";
import { unet } from "./unet.ts";
import type { UNetOptions } from "./unetOptions.ts";

beforeAll(() => useWasm());

const small = {
  inputShape: [16, 16, 1],
  classes: 2,
  levels: 2,
  features: [3, 4, 5, 3],
  kernelSizes: [5, 3, 3],
  seed: 1,
} satisfies UNetOptions;

describe("unet", () => {
  it("has the parameters of the official networks", () => {
    const official = {
      inputShape: [32, 32, 1],
      classes: 3,
      features: [4, 4, 8, 8, 16, 4],
      upsampling: "deconv",
    } as const;
    const count = (options: Partial<UNetOptions>) => {
      const model = unet({ ...official, ...options });
      const { parameters } = modelCost(model);
      model.dispose();
      return parameters;
    };
    expect(count({ circular: false, mixture: false })).toBe(5595);
    expect(count({})).toBe(4555);
    expect(count({ inputShape: [32, 32, 32, 1], circular: false, mixture: false })).toBe(6427);
  });

  const variants: [string, Partial<UNetOptions>][] = [
    ["even sides", {}],
    ["odd sides", { inputShape: [21, 21, 2] }],
    ["odd sides, average pooling", { inputShape: [19, 19, 1], pooling: "average" }],
    [
      "four levels, batch norm",
      {
        inputShape: [32, 32, 1],
        levels: 4,
        features: [2, 2, 3, 3, 4, 2],
        kernelSizes: undefined,
        norm: "batch",
      },
    ],
    ["one level, no norm", { levels: 1, features: [3, 4, 3], kernelSizes: [5, 3], norm: "none" }],
    ["volumes", { inputShape: [8, 8, 8, 1] }],
    ["volumes of odd sides", { inputShape: [9, 9, 9, 1] }],
  ];
  it.each(variants)("turns its output with its input: %s", async (_, options) => {
    const model = unet({ ...small, ...options });
    const { kind, exact } = await checkEquivariance(model, { angles: [] });
    expect(kind).toBe("equivariance");
    expect(exact.elements.length).toBe((options.inputShape?.length ?? 3) === 4 ? 48 : 8);
    expect(exact.skipped).toEqual([]);
    expect(exact.worst).toBeLessThan(1e-4);
    model.dispose();
  });

  it("does not turn it with a deconvolution, nor in the dense twin", async () => {
    for (const options of [{ upsampling: "deconv" }, { kind: "dense" }] as const) {
      const model = unet({ ...small, ...options });
      const { exact } = await checkEquivariance(model, { angles: [] });
      expect(exact.worst).toBeGreaterThan(0.01);
      model.dispose();
    }
  });

  it.each<[string, Partial<UNetOptions>]>([
    ["linear, odd sides", { inputShape: [21, 18, 1] }],
    [
      "deconvolution, odd sides as in the official network",
      { inputShape: [21, 18, 1], upsampling: "deconv", oddSides: "floor" },
    ],
    ["volumes", { inputShape: [9, 8, 8, 1] }],
    ["batch norm, dropout", { norm: "batch", dropout: 0.2 }],
  ])("computes the same folded to stock layers, and saved and loaded: %s", async (_, options) => {
    const model = unet({ ...small, ...options });
    const folded = foldModel(model);
    const artifacts: tf.io.ModelArtifacts[] = [];
    await model.save(
      tf.io.withSaveHandler(async (given) => {
        artifacts.push(given);
        return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
      }),
    );
    const loaded = await tf.loadLayersModel(tf.io.fromMemory(artifacts[0]));
    const [error, change] = tf.tidy(() => {
      const x = tf.randomNormal(
        [2, ...(options.inputShape ?? small.inputShape)] as number[],
        0,
        1,
        "float32",
        3,
      );
      const [y, z, again] = [model, folded, loaded].map((m) => m.predict(x) as tf.Tensor);
      expect(y.shape.slice(1, -1)).toEqual(x.shape.slice(1, -1));
      const scale = y.abs().max();
      return [z, again].map((other) => y.sub(other).abs().max().div(scale).dataSync()[0]);
    });
    expect(error).toBeLessThan(1e-5);
    expect(change).toBe(0);
    for (const m of [model, folded, loaded]) m.dispose();
  });

  it.each<[string, string, Partial<UNetOptions>]>([
    ["invalid-argument", "levels must be 1, 2, 3 or 4, got 5", { levels: 5 }],
    [
      "invalid-argument",
      "features must be a list of 4 numbers (one for each of the 3 sizes of maps, and the end of the decoder), got [4]",
      { features: [4] },
    ],
    ["invalid-argument", "kernelSizes[1] must be odd, got 4", { kernelSizes: [3, 4, 3] }],
    ["invalid-argument", "slope must be a number in [0, 1), got 1", { slope: 1 }],
    [
      "invalid-argument",
      'norm must be one of "instance", "batch", "none", got "group"',
      { norm: "group" as never },
    ],
    [
      "invalid-shape",
      "images of [2, 2] cannot be halved 2 times: after 1 their maps are [1, 1]; use larger images or fewer levels",
      { inputShape: [2, 2, 1] },
    ],
    [
      "invalid-shape",
      "layer down_2.convs.conv_0.adn.N cannot normalise maps of one position, got [null, 1, 1, 4]: the output is " +
        "always beta, so no earlier layer learns; use larger images or fewer levels",
      { inputShape: [4, 4, 1], features: [4, 4, 4, 4] },
    ],
    [
      "invalid-shape",
      'images of [18, 18] lead to maps of [9, 9]: upsampling "deconv" needs even sides, or oddSides "floor"',
      { inputShape: [18, 18, 1], upsampling: "deconv" },
    ],
  ])("%s: %s", (code, message, options) =>
    expectGmrError(() => unet({ ...small, ...options }), code, message),
  );
});

/**
 * Digits on 32×32 positions, each with a class: 0 for background, 1 for ink of an even digit, 2 for ink of an odd one.
 */
function segmented({ images, labels, count }: ImageSet): { x: tf.Tensor4D; classes: tf.Tensor3D } {
  const pixels = new Float32Array(count * 32 * 32);
  const classes = new Int32Array(pixels.length);
  for (let i = 0; i < count * 28 * 28; i++) {
    const [n, row, column] = [Math.floor(i / 784), Math.floor(i / 28) % 28, i % 28];
    const at = (n * 32 + row + 2) * 32 + column + 2;
    pixels[at] = images[i] / 255;
    if (images[i] > 127) classes[at] = 1 + (labels[n] % 2);
  }
  return {
    x: tf.tensor4d(pixels, [count, 32, 32, 1]),
    classes: tf.tensor3d(classes, [count, 32, 32], "int32"),
  };
}

it("memorises eight real images: which pixels are ink, and of which digits", async () => {
  const { x, classes } = segmented(subset((await loadMnist()).test, [0, 1, 2, 3, 4, 5, 6, 7]));
  const model = unet({
    inputShape: [32, 32, 1],
    classes: 3,
    levels: 3,
    features: [8, 16, 24, 32, 12],
    kernelSizes: [9, 5, 5, 3],
    seed: 3,
  });
  const steps = 150;
  const optimizer = new Adam();
  const train = (step: number) => {
    optimizer.setLearningRate(0.02 * Math.min(1, step / 20) * (1 - (0.95 * step) / steps));
    optimizer.minimize(() => diceCrossEntropy(model.apply(x, { training: true }) as tf.Tensor, classes));
  };
  train(1);
  const tensors = tf.memory().numTensors;
  for (let step = 2; step <= steps; step++) train(step);
  expect(tf.memory().numTensors).toBe(tensors);
  const scores = tf.tidy(() => diceScore(model.predict(x) as tf.Tensor, classes));
  for (const score of await scores.data()) expect(score).toBeGreaterThan(0.95);
  tf.dispose([x, classes, scores]);
  model.dispose();
  optimizer.dispose();
}, 300_000);

/** Adam with a learning rate that can be changed. */
class Adam extends tf.AdamOptimizer {
  constructor() {
    super(0.01, 0.9, 0.999);
  }

  setLearningRate(rate: number): void {
    this.learningRate = rate;
  }
}
