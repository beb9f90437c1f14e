// Layers in the manner of `tf.layers`: functions instead of classes.

import type * as tf from "@tensorflow/tfjs";
import { AddThenRelu } from "./addThenRelu.ts";
import { FusedBatchNormalization, type FusedBatchNormalizationArgs } from "./fusedBatchNormalization.ts";
import { GmrConv1D, GmrConv2D, GmrConv2DTranspose, GmrConv3D, GmrConv3DTranspose } from "./gmrConv.ts";
import type { GmrConvArgs, GmrConvTransposeArgs } from "./gmrConvArgs.ts";
import { InstanceNormalization, type InstanceNormalizationArgs } from "./instanceNormalization.ts";
import { registerLayers } from "./register.ts";
import { SymmetricPooling, type SymmetricPoolingArgs } from "./symmetricPooling.ts";

/** A Gaussian mixture ring convolution layer, in the manner of `tf.layers.conv2d`. */
export function gmrConv2D(args: GmrConvArgs): GmrConv2D {
  registerLayers();
  return new GmrConv2D(args);
}

/** A Gaussian mixture ring convolution layer, in the manner of `tf.layers.conv1d`. */
export function gmrConv1D(args: GmrConvArgs): GmrConv1D {
  registerLayers();
  return new GmrConv1D(args);
}

/** A Gaussian mixture ring convolution layer, in the manner of `tf.layers.conv3d`. */
export function gmrConv3D(args: GmrConvArgs): GmrConv3D {
  registerLayers();
  return new GmrConv3D(args);
}

/** A transposed Gaussian mixture ring convolution layer, in the manner of `tf.layers.conv2dTranspose`. */
export function gmrConv2DTranspose(args: GmrConvTransposeArgs): GmrConv2DTranspose {
  registerLayers();
  return new GmrConv2DTranspose(args);
}

/** A transposed Gaussian mixture ring convolution layer, in the manner of `tf.layers.conv3dTranspose`. */
export function gmrConv3DTranspose(args: GmrConvTransposeArgs): GmrConv3DTranspose {
  registerLayers();
  return new GmrConv3DTranspose(args);
}

/** A batch normalisation layer with the fused training kernel, in the manner of `tf.layers.batchNormalization`. */
export function fusedBatchNormalization(args: FusedBatchNormalizationArgs = {}): FusedBatchNormalization {
  registerLayers();
  return new FusedBatchNormalization(args);
}

/** An instance normalisation layer with the fused training kernel, with a scale and an offset per channel. */
export function instanceNormalization(args: InstanceNormalizationArgs = {}): InstanceNormalization {
  registerLayers();
  return new InstanceNormalization(args);
}

/** A pooling layer whose windows lie symmetrically on sides of any size, chosen when it is called. */
export function symmetricPooling(args: SymmetricPoolingArgs): SymmetricPooling {
  registerLayers();
  return new SymmetricPooling(args);
}

/** A layer that adds two inputs of equal shape and sets negative sums to zero, in one kernel. */
export function addThenRelu(args: ConstructorParameters<typeof tf.layers.Layer>[0] = {}): AddThenRelu {
  registerLayers();
  return new AddThenRelu(args);
}
