import type * as tf from "@tensorflow/tfjs";
import { AddThenRelu } from "./addThenRelu.ts";
import { FusedBatchNormalization, type FusedBatchNormalizationArgs } from "./fusedBatchNormalization.ts";
import { GmrConv2D, type GmrConv2DArgs } from "./gmrConv2D.ts";
import { registerLayers } from "./register.ts";

export type { FusedBatchNormalizationArgs } from "./fusedBatchNormalization.ts";
export type { GmrConv2DArgs, RingInitializer } from "./gmrConv2D.ts";
export { AddThenRelu, FusedBatchNormalization, GmrConv2D, registerLayers };

/** A Gaussian mixture ring convolution layer, in the manner of `tf.layers.conv2d`. */
export function gmrConv2D(args: GmrConv2DArgs): GmrConv2D {
  registerLayers();
  return new GmrConv2D(args);
}

/** A batch normalisation layer with the fused training kernel, in the manner of `tf.layers.batchNormalization`. */
export function fusedBatchNormalization(args: FusedBatchNormalizationArgs = {}): FusedBatchNormalization {
  registerLayers();
  return new FusedBatchNormalization(args);
}

/** A layer that adds two inputs of equal shape and sets negative sums to zero, in one kernel. */
export function addThenRelu(args: ConstructorParameters<typeof tf.layers.Layer>[0] = {}): AddThenRelu {
  registerLayers();
  return new AddThenRelu(args);
}
