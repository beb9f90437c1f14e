import { GmrError } from "@gmr-conv/core";
import { referenceGmrConv } from "@gmr-conv/core/reference";
import * as tf from "@tensorflow/tfjs";
import {
  addThenRelu,
  fusedBatchNormalization,
  type GmrConv,
  type GmrConvArgs,
  type GmrConvTransposeArgs,
  gmrConv1dLayer,
  gmrConv2dLayer,
  gmrConv2dTransposeLayer,
  gmrConv3dLayer,
  gmrConv3dTransposeLayer,
} from "../layers/index.ts";
import { checkClose } from "./compare.ts";
import { type ConformanceCase, defineCase } from "./conformanceCase.ts";
import { referenceBatchNorm } from "./reference.ts";

type Args = GmrConvArgs & GmrConvTransposeArgs;
type Factory = (args: Args) => GmrConv;

/** A layer and the shape of its input without the batch. */
type LayerTest = readonly [factory: Factory, shape: readonly number[], args: Args];

const IMAGE = [9, 8, 3];
const VOLUME = [4, 5, 6, 2];
const LAYERS: readonly LayerTest[] = [
  [gmrConv2dLayer, IMAGE, { filters: 4, kernelSize: 3 }],
  [
    gmrConv2dLayer,
    IMAGE,
    { filters: 6, kernelSize: 5, strides: [2, 1], padding: "same", groups: 3, activation: "relu" },
  ],
  [
    gmrConv2dLayer,
    IMAGE,
    { filters: 5, kernelSize: [3, 7], padding: [1, 3], padMode: "replicate", circular: false },
  ],
  [
    gmrConv2dLayer,
    IMAGE,
    { filters: 4, kernelSize: 5, mixture: false, useBias: false, numRings: 4, strategy: "dense" },
  ],
  [gmrConv2dLayer, IMAGE, { filters: 4, kernelSize: 3, trainMasks: true, dilationRate: 2 }],
  [gmrConv2dLayer, IMAGE, { filters: 4, kernelSize: 7, padding: "same", ringBasis: "rings" }],
  [gmrConv1dLayer, [20, 3], { filters: 4, kernelSize: 7, padding: "same" }],
  [gmrConv3dLayer, VOLUME, { filters: 4, kernelSize: 3, padding: 1, strides: [1, 2, 1], groups: 2 }],
  [gmrConv2dTransposeLayer, IMAGE, { filters: 2, kernelSize: 3, strides: 2, padding: 1, outputPadding: 1 }],
  [gmrConv3dTransposeLayer, VOLUME, { filters: 4, kernelSize: 3, strides: 2, groups: 2, padding: "same" }],
];

const SHAPE = [2, 9, 8, 3] as const;

/** The layers: build, call, serialise, load, and match the reference throughout. */
export function layerCases(): ConformanceCase[] {
  return [...LAYERS.map(convLayerCase), batchNormLayerCase(false), batchNormLayerCase(true), fitCase()];
}

function image(): tf.Tensor4D {
  return tf.randomNormal([...SHAPE], 0, 1, "float32", 11);
}

function convLayerCase([factory, shape, args]: LayerTest): ConformanceCase {
  const name = factory(args).getClassName();
  return defineCase(`layer ${name} ${JSON.stringify(args)}`, async () => {
    const layer = factory({ ...args, seed: 3, biasInitializer: "ones" });
    const model = tf.sequential({ layers: [tf.layers.inputLayer({ inputShape: [...shape] }), layer] });
    const x = tf.randomNormal([2, ...shape], 0, 1, "float32", 11);
    const y = predict(model, x);

    const parameters = new Map<string, ArrayLike<number>>();
    for (const weight of layer.weights) {
      parameters.set(weight.originalName.replace(/^.*\//, ""), await weight.read().data());
    }
    const rings = layer.readRings();
    parameters.set("rings", await rings.data());
    rings.dispose();
    const expected = referenceGmrConv(
      await x.data(),
      x.shape,
      {
        weights: parameters.get("rings") ?? [],
        logSigmas: parameters.get("log_sigmas"),
        masks: parameters.get("ring_masks"),
        bias: parameters.get("bias"),
      },
      {
        kernelSize: args.kernelSize,
        numRings: args.numRings,
        circular: args.circular,
        groups: args.groups,
        strides: args.strides,
        pad: args.padding,
        padMode: args.padMode,
        dilations: args.dilationRate,
        outputPadding: args.outputPadding,
        transposed: name.endsWith("Transpose"),
      },
    );
    const relu = (value: number) => (args.activation === "relu" ? Math.max(0, value) : value);
    await checkClose("y", "output", y, { data: expected.y.map(relu), shape: expected.shape });

    const { outputShape } = layer;
    if (String(outputShape.slice(1)) !== String(y.shape.slice(1))) {
      throw new GmrError("invalid-shape", `the layer predicts [${outputShape}], its output is [${y.shape}]`);
    }
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
    const expected = referenceBatchNorm(numbers, [1, 1, 1], [0, 0, 0], none, 1e-5, relu ? 0 : 1);
    await checkClose("y in training", "output", y, { data: expected.y, shape: x.shape });
    layer.dispose();
    tf.dispose([x, y]);
  });
}

/** A few training steps run on the backend and lower the loss. */
function fitCase(): ConformanceCase {
  return defineCase("layers in model.fit", async () => {
    const input = tf.input({ shape: SHAPE.slice(1) });
    const convolution = gmrConv2dLayer({ filters: 3, kernelSize: 5, padding: "same", seed: 1 });
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
