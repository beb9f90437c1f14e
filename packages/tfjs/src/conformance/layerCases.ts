import { GmrError, referenceGmrConv } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { addThenRelu, fusedBatchNormalization, type GmrConv2DArgs, gmrConv2D } from "../layers/index.ts";
import { checkClose } from "./compare.ts";
import { type ConformanceCase, defineCase } from "./conformanceCase.ts";
import { referenceBatchNorm } from "./reference.ts";

const LAYERS: readonly GmrConv2DArgs[] = [
  { filters: 4, kernelSize: 3 },
  { filters: 6, kernelSize: 5, strides: [2, 1], padding: "same", groups: 3, activation: "relu" },
  { filters: 5, kernelSize: [3, 7], padding: [1, 3], padMode: "replicate", dilationRate: 1, circular: false },
  { filters: 4, kernelSize: 5, mixture: false, useBias: false, numRings: 4, strategy: "dense" },
];

const SHAPE = [2, 9, 8, 3] as const;

/** The layers: build, call, serialise, load, and agree with the reference throughout. */
export function layerCases(): ConformanceCase[] {
  return [...LAYERS.map(convLayerCase), batchNormLayerCase(false), batchNormLayerCase(true), fitCase()];
}

function image(): tf.Tensor4D {
  return tf.randomNormal([...SHAPE], 0, 1, "float32", 11);
}

function convLayerCase(args: GmrConv2DArgs): ConformanceCase {
  return defineCase(`layer GmrConv2D ${JSON.stringify(args)}`, async () => {
    const layer = gmrConv2D({ ...args, seed: 3, biasInitializer: "ones" });
    const model = tf.sequential({ layers: [tf.layers.inputLayer({ inputShape: SHAPE.slice(1) }), layer] });
    const x = image();
    const y = predict(model, x);

    const [weights, ...others] = layer.getWeights();
    const data = async (tensor: tf.Tensor | undefined) => tensor && (await tensor.data());
    const logSigmas = args.mixture === false ? undefined : others.shift();
    const expected = referenceGmrConv(
      await x.data(),
      x.shape,
      {
        weights: await weights.data(),
        logSigmas: await data(logSigmas),
        bias: await data(others[0]),
      },
      { ...args, pad: args.padding, dilations: args.dilationRate },
    );
    const relu = (value: number) => (args.activation === "relu" ? Math.max(0, value) : value);
    await checkClose("y", "output", y, { data: expected.y.map(relu), shape: expected.shape });

    const loaded = await reload(model);
    const again = predict(loaded, x);
    await checkClose("y of the model that was saved and loaded", "output", again, {
      data: await y.data(),
      shape: y.shape,
    });
    tf.dispose([x, y, again]);
    model.dispose();
    loaded.dispose();
  });
}

function batchNormLayerCase(relu: boolean): ConformanceCase {
  return defineCase(`layer FusedBatchNormalization${relu ? ", relu" : ""}`, async () => {
    const layer = fusedBatchNormalization({ relu });
    const x = image();
    const y = layer.apply(x, { training: true }) as tf.Tensor;
    const numbers = await x.data();
    const none = new Float32Array(numbers.length);
    const expected = referenceBatchNorm(numbers, [1, 1, 1], [0, 0, 0], none, 1e-5, relu);
    await checkClose("y in training", "output", y, { data: expected.y, shape: x.shape });
    layer.dispose();
    tf.dispose([x, y]);
  });
}

/** A few steps of training run on the backend and lower the loss. */
function fitCase(): ConformanceCase {
  return defineCase("layers in model.fit", async () => {
    const input = tf.input({ shape: SHAPE.slice(1) });
    const convolution = gmrConv2D({ filters: 3, kernelSize: 5, padding: "same", seed: 1 });
    const branch = fusedBatchNormalization({ relu: true }).apply(convolution.apply(input));
    const sum = addThenRelu().apply([input, branch as tf.SymbolicTensor]);
    const pooled = tf.layers.globalAveragePooling2d({}).apply(sum);
    const dense = tf.layers.dense({ units: 2, activation: "softmax", kernelInitializer: "zeros" });
    const model = tf.model({ inputs: input, outputs: dense.apply(pooled) as tf.SymbolicTensor });
    const optimizer = tf.train.adam(0.05);
    model.compile({ optimizer, loss: "categoricalCrossentropy" });
    const x = image();
    const y = tf.eye(2);
    const { history } = await model.fit(x, y, { epochs: 8, batchSize: 2, verbose: 0 });
    const losses = history.loss.map(Number);
    if (!(losses[losses.length - 1] < losses[0])) {
      throw new GmrError("invalid-data", `training should lower the loss, got ${losses}`);
    }
    tf.dispose([x, y]);
    model.dispose();
    optimizer.dispose();
  });
}

function predict(model: tf.LayersModel, x: tf.Tensor): tf.Tensor {
  return model.predict(x) as tf.Tensor;
}

/** Saves a model to memory and loads it. */
async function reload(model: tf.LayersModel): Promise<tf.LayersModel> {
  let saved: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    }),
  );
  if (!saved) throw new GmrError("internal", "the model was not saved");
  return tf.loadLayersModel(tf.io.fromMemory(saved));
}
