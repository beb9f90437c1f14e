import * as tf from "@tensorflow/tfjs";
import { refuseForeignInputs, warnOfCopies } from "../copies.ts";
import { registerGradients } from "../gradients.ts";
import { AddThenRelu } from "./addThenRelu.ts";
import { FusedBatchNormalization } from "./fusedBatchNormalization.ts";
import { GmrConv1D, GmrConv2D, GmrConv2DTranspose, GmrConv3D, GmrConv3DTranspose } from "./gmrConv.ts";
import { InstanceNormalization } from "./instanceNormalization.ts";
import { predictNothing } from "./predictNothing.ts";
import { SymmetricPooling } from "./symmetricPooling.ts";

let registered = false;

/**
 * Makes the layers known to `tf.loadLayersModel`, and mends what TensorFlow.js has wrong and networks need: some gradients,
 * and `predict` for batches of no images. The factories of layers and the backends call it; call it yourself
 * before loading a model in a program that uses neither.
 */
export function registerLayers(): void {
  warnOfCopies();
  if (registered) return;
  registered = true;
  refuseForeignInputs();
  registerGradients();
  predictNothing();
  tf.serialization.registerClass(GmrConv1D);
  tf.serialization.registerClass(GmrConv2D);
  tf.serialization.registerClass(GmrConv3D);
  tf.serialization.registerClass(GmrConv2DTranspose);
  tf.serialization.registerClass(GmrConv3DTranspose);
  tf.serialization.registerClass(FusedBatchNormalization);
  tf.serialization.registerClass(AddThenRelu);
  tf.serialization.registerClass(InstanceNormalization);
  tf.serialization.registerClass(SymmetricPooling);
}
