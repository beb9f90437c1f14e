import { useWasm } from "@gmr-conv/backend-wasm";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { groupResNet } from "../groupConv/index.ts";
import { resNet } from "../resnet.ts";
import { unet } from "../unet.ts";
import { checkpointedGradients } from "./checkpointedGradients.ts";
import { softmaxCrossEntropy } from "./crossEntropy.ts";
import { diceCrossEntropy } from "./dice.ts";
import { stageBoundaries, stageEnds } from "./segments.ts";

const small = { inputShape: [12, 12, 2], classes: 3, seed: 2, kernelSizes: [5, 3, 3], widths: [4, 5, 6] };
const threeStages = () => resNet({ ...small, depths: [2, 1, 1] });

type Loss = (...outputs: tf.Tensor[]) => tf.Scalar;

const variablesOf = (model: tf.LayersModel) => model.trainableWeights.map((w) => w.read() as tf.Variable);

/** The same gradients, without checkpoints. */
function plainGradients(model: tf.LayersModel, x: tf.Tensor, lossOf: Loss) {
  return tf.variableGrads(
    () => lossOf(...[model.apply(x, { training: true }) as tf.Tensor | tf.Tensor[]].flat()),
    variablesOf(model),
  );
}

const classify: Loss = (logits) => {
  const labels = tf.range(0, logits.shape[0], 1, "int32").mod<tf.Tensor>(tf.scalar(3, "int32"));
  return softmaxCrossEntropy(logits, labels, { labelSmoothing: 0.1 });
};
const segment: Loss = (logits) => diceCrossEntropy(logits, logits.argMax(-1));

function sequential(): tf.LayersModel {
  const conv = (seed: number) =>
    tf.layers.conv2d({
      filters: 3,
      kernelSize: 3,
      activation: "relu",
      name: `conv_${seed}`,
      kernelInitializer: tf.initializers.heNormal({ seed }),
    });
  const model = tf.sequential({
    layers: [
      tf.layers.inputLayer({ inputShape: [12, 12, 2] }),
      conv(1),
      tf.layers.batchNormalization({ name: "norm", momentum: 0.5 }),
      tf.layers.dropout({ rate: 0.3, seed: 7, name: "drop" }),
      conv(2),
      tf.layers.globalAveragePooling2d({ dataFormat: "channelsLast" }),
    ],
  });
  return model;
}

/** A layer called in two segments, and two outputs, one of which is made early. */
function twoOutputs(): tf.LayersModel {
  const input = tf.input({ shape: [12, 12, 2] });
  const shared = tf.layers.conv2d({
    filters: 2,
    kernelSize: 3,
    padding: "same",
    kernelInitializer: tf.initializers.heNormal({ seed: 3 }),
  });
  const norm = tf.layers.batchNormalization({ momentum: 0.5 });
  const a = norm.apply(shared.apply(input));
  const early = tf.layers.globalAveragePooling2d({ dataFormat: "channelsLast", name: "early" }).apply(a);
  const b = tf.layers.activation({ activation: "tanh", name: "middle" }).apply(a);
  const c = norm.apply(shared.apply(b));
  const sum = tf.layers.add({ name: "sum" }).apply([c as tf.SymbolicTensor, input]);
  const late = tf.layers.globalAveragePooling2d({ dataFormat: "channelsLast", name: "late" }).apply(sum);
  return tf.model({ inputs: input, outputs: [early, late] as tf.SymbolicTensor[] });
}

const cases: [string, () => tf.LayersModel, string[] | "all" | undefined, Loss][] = [
  ["GMR-ResNet, stages", threeStages, undefined, classify],
  ["GMR-ResNet, inside blocks", threeStages, ["layer1.0.bn1", "layer2.0.pool", "global_pool"], classify],
  [
    "GMR-ResNet with a disc as field of view, at all boundaries",
    () => resNet({ ...small, depths: [1, 1, 1], fieldOfView: "disc", pooling: "blur", headNorm: true }),
    "all",
    classify,
  ],
  [
    "dense twin",
    () => resNet({ ...small, kind: "dense", kernelSizes: undefined, depths: [1, 1, 1] }),
    undefined,
    classify,
  ],
  [
    "group convolutions",
    () =>
      groupResNet({
        inputShape: [12, 12, 2],
        classes: 3,
        depths: [1, 1],
        widths: [2, 3],
        group: "p4",
        seed: 1,
      }),
    undefined,
    classify,
  ],
  ["no cut", threeStages, [], classify],
  ["stock layers, seeded dropout", sequential, ["conv_1", "drop"], classify],
  [
    "GMR-UNet",
    () =>
      unet({
        inputShape: [12, 12, 2],
        classes: 3,
        levels: 2,
        features: [4, 5, 6, 4],
        kernelSizes: [5, 3, 3],
        norm: "batch",
        seed: 1,
      }),
    undefined,
    segment,
  ],
  [
    "shared layers and several outputs",
    twoOutputs,
    ["middle", "sum"],
    (early, late) => early.square().mean().add<tf.Scalar>(late.sub(1).square().mean()),
  ],
];

describe.each(["wasm", "cpu"])("on %s", (backend) => {
  beforeAll(async () => {
    if (backend === "wasm") await useWasm();
    else await tf.setBackend(backend);
  });

  it.each(cases)(
    "returns the gradients of the whole model, and updates statistics once: %s",
    (_name, make, stages, lossOf) => {
      const x = tf.randomNormal([4, 12, 12, 2], 0.5, 1, "float32", 5);
      const [plain, checkpointed] = [make(), make()];
      const expected = plainGradients(plain, x, lossOf);
      const before = tf.memory().numTensors;
      const variables = variablesOf(checkpointed);
      const cuts = stages === "all" ? stageBoundaries(checkpointed) : stages;
      const { value, grads } = checkpointedGradients(checkpointed, cuts, x, lossOf, variables);
      expect(tf.memory().numTensors).toBe(before + 1 + variables.length);
      expect(Object.keys(grads)).toEqual(variables.map(({ name }) => name));
      expect(value.dataSync()[0]).toBeCloseTo(expected.value.dataSync()[0], 5);
      variablesOf(plain).forEach(({ name }, i) => {
        expectNear(grads[variables[i].name], expected.grads[name]);
      });
      plain.weights.forEach((weight, i) => {
        expectNear(checkpointed.weights[i].read(), weight.read());
      });
      tf.dispose([x, value, grads, expected]);
      plain.dispose();
      checkpointed.dispose();
    },
  );

  it("trains to the same weights", () => {
    const x = tf.randomNormal([6, 12, 12, 2], 0, 1, "float32", 5);
    const [plain, checkpointed] = [threeStages(), threeStages()];
    const start = Array.from(plain.weights[0].read().dataSync());
    const tensors: number[] = [];
    for (let step = 0; step < 5; step++) {
      for (const model of [plain, checkpointed]) {
        const { value, grads } =
          model === plain
            ? plainGradients(model, x, classify)
            : checkpointedGradients(model, undefined, x, classify, variablesOf(model));
        tf.tidy(() => {
          for (const variable of variablesOf(model))
            variable.assign(variable.sub(grads[variable.name].mul(0.05)));
        });
        tf.dispose([value, grads]);
      }
      tensors.push(tf.memory().numTensors);
    }
    expect(new Set(tensors).size).toBe(1);
    plain.weights.forEach((weight, i) => {
      expectNear(checkpointed.weights[i].read(), weight.read());
    });
    const moved = Array.from(plain.weights[0].read().dataSync(), (value, i) => Math.abs(value - start[i]));
    expect(Math.max(...moved)).toBeGreaterThan(1e-3);
    x.dispose();
    plain.dispose();
    checkpointed.dispose();
  });

  it("needs less memory", async () => {
    const model = resNet({
      inputShape: [24, 24, 3],
      classes: 3,
      depths: [2, 2, 2],
      widths: [8, 16, 32],
      kernelSizes: [3, 3, 3],
      seed: 1,
    });
    const x = tf.zeros([4, 24, 24, 3]);
    const peak = async (gradients: () => tf.TensorContainer): Promise<number> => {
      const { numBytes } = tf.memory();
      const { peakBytes } = await tf.profile(() => {
        tf.dispose(gradients());
      });
      return peakBytes - numBytes;
    };
    const plain = await peak(() => plainGradients(model, x, classify));
    const through = (stages: string[]) =>
      peak(() => checkpointedGradients(model, stages, x, classify, variablesOf(model)));
    const byStage = plain / (await through(stageEnds(model)));
    const byBlock = plain / (await through(stageBoundaries(model)));
    console.log(
      `peak memory on ${backend}: plain ${(plain / 2 ** 20).toFixed(1)} MiB, ` +
        `${byStage.toFixed(2)} times less with cuts after stages, ${byBlock.toFixed(2)} times at all boundaries`,
    );
    expect(byStage).toBeGreaterThan(1.2);
    expect(byBlock).toBeGreaterThan(1.5);
    x.dispose();
    model.dispose();
  });
});

/** Equal within 1e-5 of the largest number. */
function expectNear(actual: tf.Tensor, expected: tf.Tensor): void {
  expect(actual.shape).toEqual(expected.shape);
  const values = expected.dataSync();
  const largest = Math.max(1e-3, ...values.map(Math.abs));
  actual.dataSync().forEach((value, i) => {
    expect(Math.abs(value - values[i])).toBeLessThanOrEqual(1e-5 * largest);
  });
}

describe("where to cut", () => {
  it("stageEnds: the last layers of all stages but the last", () => {
    expect(stageEnds(threeStages())).toEqual(["layer1.1.add_relu", "layer2.0.add_relu"]);
    const network = unet({
      inputShape: [16, 16, 1],
      classes: 2,
      levels: 1,
      features: [4, 4, 4],
      kernelSizes: [3, 3],
    });
    expect(stageEnds(network)).toEqual(["conv_0.conv_1.adn.N", "down_1.convs.conv_1.adn.N"]);
  });

  it("stageBoundaries: where everything passes through a single tensor", () => {
    expect(stageBoundaries(threeStages())).toEqual([
      "conv1",
      "bn1",
      "layer1.0.add_relu",
      "layer1.1.add_relu",
      "layer2.0.pool",
      "layer2.0.add_relu",
      "layer3.0.pool",
      "layer3.0.add_relu",
      "global_pool",
    ]);
    expect(stageBoundaries(twoOutputs())).toEqual([]);
  });
});

describe("rejects", () => {
  const x = () => tf.zeros([1, 12, 12, 2]);
  const gradients = (
    model: tf.LayersModel,
    stages?: string[],
    lossOf: Loss = classify,
    variables = variablesOf(model),
  ) => tf.tidy(() => void checkpointedGradients(model, stages, x(), lossOf, variables));
  const dropout = (args: Parameters<typeof tf.layers.dropout>[0]) =>
    tf.sequential({
      layers: [
        tf.layers.flatten({ inputShape: [12, 12, 2], name: "flat" }),
        tf.layers.dropout({ ...args, name: "drop" }),
        tf.layers.dense({ units: 3, name: "end" }),
      ],
    });

  it.each<[string, () => unknown, string, string]>([
    [
      "an unknown layer",
      () => gradients(threeStages(), ["layer9"]),
      "invalid-argument",
      'stages must name layers that are called once, before the last one: "layer9" has 0 call(s) in model gmr-resnet',
    ],
    [
      "the last layer",
      () => gradients(threeStages(), ["fc"]),
      "invalid-argument",
      'stages must name layers that are called once, before the last one: "fc" has 1 call(s) in model gmr-resnet',
    ],
    [
      "a model without stages and no names",
      () => gradients(Object.assign(dropout({ rate: 0 }), { name: "mine" })),
      "invalid-argument",
      'model mine has no stages with names such as "layer1.0.conv1": give the names of layers to cut after',
    ],
    [
      "dropout without a seed that is computed twice",
      () => gradients(dropout({ rate: 0.5 }), ["drop"]),
      "unsupported",
      "layer drop draws new random numbers (seed undefined), but is computed twice: " +
        "give it a seed other than 0, or cut before it and nowhere after",
    ],
    [
      "a loss that is not a scalar",
      () => gradients(threeStages(), undefined, (logits) => logits as tf.Scalar),
      "invalid-shape",
      "lossOf must return a scalar, got [1,3]",
    ],
    [
      "a loss that depends on no variable",
      () => gradients(dropout({ rate: 0 }), ["flat"], () => tf.scalar(1)),
      "invalid-argument",
      "the loss depends on none of the 2 variables",
    ],
    [
      "masks",
      () =>
        gradients(
          tf.sequential({
            layers: [
              tf.layers.masking({ inputShape: [12, 4], name: "mask" }),
              tf.layers.dense({ units: 3, name: "end" }),
            ],
          }),
          ["mask"],
        ),
      "unsupported",
      "layer mask makes a mask, which layers that are run one by one do not support",
    ],
    [
      "another number of inputs",
      () => checkpointedGradients(threeStages(), undefined, [], classify, []),
      "invalid-argument",
      "model gmr-resnet has 1 input(s), got 0",
    ],
  ])("%s", async (_name, action, code, message) => {
    await expectGmrError(action, code, message);
  });

  it("allows dropout that is computed once, after the last cut", () => {
    const model = dropout({ rate: 0.5 });
    gradients(model, ["flat"]);
    model.dispose();
  });
});
