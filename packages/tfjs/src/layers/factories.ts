// Layers in the style of `tf.layers`: functions instead of classes.

import { AddThenRelu } from "./addThenRelu.ts";
import { FusedBatchNormalization, type FusedBatchNormalizationArgs } from "./fusedBatchNormalization.ts";
import type { GmrConv } from "./gmrConv.ts";
import type { GmrConvArgs, GmrConvTransposeArgs } from "./gmrConvArgs.ts";
import { GmrConv1D, GmrConv2D, GmrConv2DTranspose, GmrConv3D, GmrConv3DTranspose } from "./gmrConvLayers.ts";
import { InstanceNormalization, type InstanceNormalizationArgs } from "./instanceNormalization.ts";
import type { LayerArgs } from "./layerKeys.ts";
import { registerLayers } from "./register.ts";
import { SymmetricPooling, type SymmetricPoolingArgs } from "./symmetricPooling.ts";

/**
 * A Gaussian mixture ring convolution layer in the style of `tf.layers.conv2d`, [N, H, W, Cin] → [N, H', W', filters],
 * which turns and mirrors with its input: by 90° where both axes have the same sizes and strides. Strides above 1 keep
 * this only on sizes where windows lie symmetrically (`symmetricAxes` of `@gmr-conv/core`): for an odd kernel, strides
 * 2 and padding "same", on odd sizes but not on even ones. Average pooling before a convolution of stride 1 keeps it
 * on all sizes ({@link symmetricPooling}), as the networks do.
 *
 * @example
 * const layer = gmrConv2dLayer({ filters: 16, kernelSize: 9, padding: "same", activation: "relu" });
 * const model = tf.sequential();
 * model.add(gmrConv2dLayer({ filters: 8, kernelSize: 5, inputShape: [32, 32, 3] })); // for tf.layers.conv2d
 */
export function gmrConv2dLayer(args: GmrConvArgs): GmrConv {
  registerLayers();
  return new GmrConv2D(args);
}

/**
 * As {@link gmrConv2dLayer}, [N, W, Cin] → [N, W', filters], the same for the mirror image of its input.
 *
 * @example
 * tf.sequential({ layers: [gmrConv1dLayer({ filters: 8, kernelSize: 9, padding: "same", inputShape: [256, 1] })] });
 */
export function gmrConv1dLayer(args: GmrConvArgs): GmrConv {
  registerLayers();
  return new GmrConv1D(args);
}

/**
 * As {@link gmrConv2dLayer}, [N, D, H, W, Cin] → [N, D', H', W', filters], which turns and mirrors with its input by
 * all 48 symmetries of the cube.
 *
 * @example
 * const first = { inputShape: [32, 32, 32, 1] };
 * tf.sequential({ layers: [gmrConv3dLayer({ ...first, filters: 8, kernelSize: 5, padding: "same" })] });
 */
export function gmrConv3dLayer(args: GmrConvArgs): GmrConv {
  registerLayers();
  return new GmrConv3D(args);
}

/**
 * The transposed convolution, in the style of `tf.layers.conv2dTranspose`: [N, H, W, Cin] → [N, H', W', filters].
 *
 * @example
 * gmrConv2dTransposeLayer({ filters: 8, kernelSize: 3, strides: 2, padding: "same" }); // twice as large
 */
export function gmrConv2dTransposeLayer(args: GmrConvTransposeArgs): GmrConv {
  registerLayers();
  return new GmrConv2DTranspose(args);
}

/**
 * The transposed convolution, in the style of `tf.layers.conv3dTranspose`: [N, D, H, W, Cin] → [N, D', H', W',
 * filters].
 *
 * @example
 * gmrConv3dTransposeLayer({ filters: 8, kernelSize: 3, strides: 2, padding: "same" }); // twice as large
 */
export function gmrConv3dTransposeLayer(args: GmrConvTransposeArgs): GmrConv {
  registerLayers();
  return new GmrConv3DTranspose(args);
}

/**
 * A batch normalisation layer with the fused training kernel, in the style of `tf.layers.batchNormalization`.
 *
 * @example
 * const y = fusedBatchNormalization({ relu: true }).apply(x); // in the place of tf.layers.batchNormalization and a ReLU
 */
export function fusedBatchNormalization(args: FusedBatchNormalizationArgs = {}): FusedBatchNormalization {
  registerLayers();
  return new FusedBatchNormalization(args);
}

/** An instance normalisation layer with the fused training kernel, with a scale and an offset per channel. */
export function instanceNormalization(args: InstanceNormalizationArgs = {}): InstanceNormalization {
  registerLayers();
  return new InstanceNormalization(args);
}

/**
 * A pooling layer whose windows lie symmetrically on sides of any size; their size is chosen at call time.
 *
 * @example
 * const half = symmetricPooling({ strides: [2, 2] }).apply(x); // averages of [N, H, W, C]
 */
export function symmetricPooling(args: SymmetricPoolingArgs): SymmetricPooling {
  registerLayers();
  return new SymmetricPooling(args);
}

/** A layer that adds two inputs of equal shape and rectifies the sum, in one kernel. */
export function addThenRelu(args: LayerArgs = {}): AddThenRelu {
  registerLayers();
  return new AddThenRelu(args);
}
