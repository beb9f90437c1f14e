// The classes that plain TensorFlow.js knows: a model that must load without this package may contain only these.

import { GmrError } from "@gmr-conv/core";
import type * as tf from "@tensorflow/tfjs";

/** What `@tensorflow/tfjs` 4.22 registers for model configs: layers, initialisers, regularisers, constraints. */
export const STOCK_CLASSES: ReadonlySet<string> = new Set(
  `InputLayer Model Functional Sequential ReLU LeakyReLU PReLU ELU ThresholdedReLU Softmax Conv2D Conv3D
  Conv2DTranspose Conv3DTranspose SeparableConv2D Conv1D Cropping2D UpSampling2D DepthwiseConv2D RNN SimpleRNNCell
  SimpleRNN GRUCell GRU LSTMCell LSTM StackedRNNCells ConvLSTM2DCell ConvLSTM2D Dropout SpatialDropout1D Dense Flatten
  Activation RepeatVector Reshape Permute Masking Embedding Add Multiply Average Maximum Minimum Concatenate Dot
  GaussianNoise GaussianDropout AlphaDropout BatchNormalization LayerNormalization ZeroPadding2D MaxPooling1D
  AveragePooling1D MaxPooling2D AveragePooling2D MaxPooling3D AveragePooling3D GlobalAveragePooling1D GlobalMaxPooling1D
  GlobalAveragePooling2D GlobalMaxPooling2D TimeDistributed Bidirectional Rescaling CenterCrop CategoryEncoding Resizing
  RandomWidth Zeros Ones Constant RandomUniform RandomNormal TruncatedNormal Identity VarianceScaling GlorotUniform
  GlorotNormal HeNormal HeUniform LeCunNormal LeCunUniform Orthogonal MaxNorm UnitNorm NonNeg MinMaxNorm L1L2`.split(
    /\s+/,
  ),
);

/**
 * Checks that a layer, and everything in its config, is of stock classes.
 * @throws GmrError `unsupported`, naming the layer and the class
 */
export function checkStock(layer: tf.layers.Layer): void {
  const foreign = [layer.getClassName(), ...classesIn(layer.getConfig())].find(
    (name) => !STOCK_CLASSES.has(name),
  );
  if (foreign === undefined) return;
  throw new GmrError("unsupported", `layer ${layer.name} of class ${foreign} has no stock equivalent`);
}

/** The classes of the serialised objects anywhere in a config. */
function classesIn(config: unknown): string[] {
  if (typeof config !== "object" || config === null) return [];
  const inside = Object.values(config).flatMap(classesIn);
  const named = "className" in config && "config" in config && typeof config.className === "string";
  return named ? [config.className as string, ...inside] : inside;
}
