import { once } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { refuseForeignInputs, warnOfCopies } from "../copies.ts";
import { mendGradients } from "../gradients.ts";
import { AddThenRelu } from "./addThenRelu.ts";
import { FusedBatchNormalization } from "./fusedBatchNormalization.ts";
import { GmrConv1D, GmrConv2D, GmrConv2DTranspose, GmrConv3D, GmrConv3DTranspose } from "./gmrConvLayers.ts";
import { InstanceNormalization } from "./instanceNormalization.ts";
import { predictNothing } from "./predictNothing.ts";
import { SymmetricPooling } from "./symmetricPooling.ts";

const CLASSES = [
  ...[GmrConv1D, GmrConv2D, GmrConv3D, GmrConv2DTranspose, GmrConv3DTranspose],
  ...[FusedBatchNormalization, AddThenRelu, InstanceNormalization, SymmetricPooling],
];

const register = once((): void => {
  refuseForeignInputs();
  mendGradients();
  predictNothing();
  for (const layerClass of CLASSES) tf.serialization.registerClass(layerClass);
});

/**
 * Registers the layers with `tf.loadLayersModel`, and corrects what networks need and TensorFlow.js gets wrong: some
 * gradients, and `predict` for empty batches. The layer factories and the backends call it; in a program that uses
 * neither, call it yourself before loading a model.
 */
export function registerLayers(): void {
  warnOfCopies();
  register();
}
