// Golden cases of whole networks: weights from both file formats, logits, training loss and gradients, the folded and
// ONNX forms, and the state dictionary written back.

import { existsSync } from "node:fs";
import path from "node:path";
import { describeValue, GmrError } from "@gmr-conv/core";
import { maxRelativeError } from "@gmr-conv/core/equivariance";
import { readTorch, type StoredTensor, toFloat32 } from "@gmr-conv/io";
import { loadStateDict, stateDictOf } from "@gmr-conv/io/layers";
import { readFileBytes } from "@gmr-conv/io/node";
import { exportOnnx } from "@gmr-conv/io/onnx";
import { r3d, resNet, unet } from "@gmr-conv/models";
import { foldModel } from "@gmr-conv/tfjs";
import { modelVariables } from "@gmr-conv/training";
import * as tf from "@tensorflow/tfjs";
import { type NetworkCase, readCase } from "./cases.ts";
import type { ParityResult } from "./check.ts";
import { runOnnx } from "./runOnnx.ts";
import { TOLERANCE } from "./tolerance.ts";

/** Gradients may differ by this many times PyTorch's own float32 error. */
const GRADIENT_FACTOR = 10;

/** Runs the case of a network on the active backend. @throws GmrError for missing or unsuitable files */
export async function checkNetworkCase(folder: string, test: NetworkCase): Promise<ParityResult> {
  const stored = await readCase(folder, `${test.name}.io`);
  const find = (name: string): StoredTensor => {
    const tensor = stored.get(name);
    if (tensor) return tensor;
    throw new GmrError("invalid-data", `case ${test.name} has no tensor ${name}`);
  };
  const x = find("x");
  const expected = toFloat32(find("logits"));
  const weights = await readCase(folder, `${test.name}.weights`);
  const model = networkOf(test, [...x.shape.slice(2), x.shape[1]]);
  const images = channelsLast(x);
  const errors: Record<string, number> = {};
  const logitsOf = async (network: tf.LayersModel): Promise<Float32Array> => {
    const logits = tf.tidy(() => channelsFirst(network.predict(images) as tf.Tensor));
    const values = Float32Array.from(await logits.data());
    logits.dispose();
    return values;
  };

  loadStateDict(model, weights);
  errors.logits = maxRelativeError(await logitsOf(model), expected);
  const checkpoint = path.join(folder, `${test.name}.weights.pth`);
  if (existsSync(checkpoint)) {
    loadStateDict(model, readTorch(await readFileBytes(checkpoint), checkpoint).tensors);
    errors.logits_pth = maxRelativeError(await logitsOf(model), expected);
  }
  const folded = foldModel(model);
  errors.folded = maxRelativeError(await logitsOf(folded), expected);
  folded.dispose();
  errors.onnx = maxRelativeError(await runOnnx(await exportOnnx(model), x), expected);
  errors.state_dict = stateDictError(await stateDictOf(model), weights);
  if (stored.has("train_loss")) {
    const gradients = [...stored].filter(([name]) => name.startsWith("grad/"));
    const trained = await trainingNumbers(model, images, test.classes);
    errors.train_loss = maxRelativeError([trained.loss], toFloat32(find("train_loss")));
    errors.gradients = gradients.reduce((worst, [name, tensor]) => {
      const actual = trained.gradients.get(name.slice("grad/".length));
      if (!actual) return Number.POSITIVE_INFINITY;
      return Math.max(worst, maxRelativeError(toFloat32(actual), toFloat32(tensor)));
    }, 0);
  }
  images.dispose();
  model.dispose();

  const limits: Record<string, number> = {
    gradients: GRADIENT_FACTOR * test.gradientError,
    state_dict: 0,
  };
  const ok = Object.entries(errors).every(([name, error]) => error <= (limits[name] ?? TOLERANCE.networks));
  return { name: test.name, backend: tf.getBackend(), ok, strategies: ["auto"], errors };
}

/** The network of a case, in the basis of the official one, whose gradients the file has. */
function networkOf({ name, config }: NetworkCase, inputShape: number[]): tf.LayersModel {
  const numbers = (key: string) => config[key] as number[];
  const architecture = String(config.architecture);
  if (architecture.startsWith("gmr_resnet")) {
    const width = Number(config.width);
    return resNet({
      inputShape,
      classes: Number(config.num_classes),
      block: config.block as "basic" | "bottleneck",
      depths: numbers("depths"),
      widths: numbers("depths").map((_, stage) => width * 2 ** stage),
      kernelSizes: numbers("kernel_sizes"),
      stemPool: Boolean(config.stem_pool),
      oddSides: "floor",
      ringBasis: "rings",
    });
  }
  if (architecture === "gmr_r3d_9" || architecture === "gmr_r3d_18") {
    const depth = architecture === "gmr_r3d_9" ? 1 : 2;
    return r3d({
      inputShape,
      classes: Number(config.num_classes),
      depths: [depth, depth, depth, depth],
      kernelSizes: numbers("kernel_sizes"),
      oddSides: "floor",
      ringBasis: "rings",
    });
  }
  if (architecture === "gmr_unet") {
    return unet({
      inputShape,
      classes: Number(config.out_channels),
      levels: Number(config.levels),
      features: numbers("features"),
      kernelSizes: numbers("kernel_sizes"),
      circular: Boolean(config.circular),
      mixture: Boolean(config.mixture),
      pooling: config.pooling as "max" | "average",
      upsampling: config.upsample === "deconv" ? "deconv" : "linear",
      oddSides: "floor",
      ringBasis: "rings",
    });
  }
  throw new GmrError(
    "invalid-data",
    `case ${name} has the unknown architecture ${describeValue(config.architecture)}`,
  );
}

/** [N, C, ...sizes] → [N, ...sizes, C]. */
function channelsLast(tensor: StoredTensor): tf.Tensor {
  const spatial = tensor.shape.slice(2).map((_, axis) => axis + 2);
  return tf.tidy(() => tf.tensor(toFloat32(tensor), tensor.shape).transpose([0, ...spatial, 1]));
}

function channelsFirst(tensor: tf.Tensor): tf.Tensor {
  const spatial = tensor.shape.slice(1, -1).map((_, axis) => axis + 1);
  return tensor.transpose([0, tensor.rank - 1, ...spatial]);
}

/** 0 if names and weights are equal; `num_batches_tracked` counts steps, which we do not. */
function stateDictError(actual: Map<string, StoredTensor>, expected: Map<string, StoredTensor>): number {
  const names = (state: Map<string, StoredTensor>) => [...state.keys()].sort().join();
  if (names(actual) !== names(expected)) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (const [name, tensor] of expected) {
    if (name.endsWith("num_batches_tracked")) continue;
    const other = actual.get(name);
    if (other?.shape.join() !== tensor.shape.join()) return Number.POSITIVE_INFINITY;
    worst = Math.max(worst, maxRelativeError(toFloat32(other), toFloat32(tensor)));
  }
  return worst;
}

/** Cross entropy in training mode with labels 0, 1, 2, …, and its gradients with PyTorch's names and layouts. */
async function trainingNumbers(
  model: tf.LayersModel,
  images: tf.Tensor,
  classes: number,
): Promise<{ loss: number; gradients: Map<string, StoredTensor> }> {
  const labels = tf.tidy(() =>
    tf.oneHot(
      tf.tensor1d(
        Array.from({ length: images.shape[0] }, (_, i) => i % classes),
        "int32",
      ),
      classes,
    ),
  );
  const variables = modelVariables(model, true);
  const { value, grads } = tf.tidy(() =>
    tf.variableGrads(
      () => tf.losses.softmaxCrossEntropy(labels, model.apply(images, { training: true }) as tf.Tensor),
      [...variables.values()],
    ),
  );
  const [loss] = await value.data();
  // With gradients in place of weights, the state dictionary holds the gradients.
  for (const variable of variables.values()) variable.assign(grads[variable.name]);
  tf.dispose([labels, value, grads]);
  return { loss, gradients: await stateDictOf(model) };
}
