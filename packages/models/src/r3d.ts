// GMR-R3D, the residual network for volumes.

import { checkKeys } from "@gmr-conv/core";
import type * as tf from "@tensorflow/tfjs";
import { ringStart } from "./optionChecks.ts";
import { RESNET_OPTIONS, type ResNetOptions } from "./resNetOptions.ts";
import { resNet } from "./resnet.ts";

/**
 * A residual network for volumes [N, D, H, W, C] → logits [N, classes], like the official `gmr_r3d_18` (`depths` [2,
 * 2, 2, 2], the default) and `gmr_r3d_9` ([1, 1, 1, 1]). Options as for {@link resNet}, with the official defaults:
 * kernels of size 3, a stem of 3×7×7. Because of that stem, logits are invariant to turns about the depth axis and to
 * mirroring along any axis; with `stemKernelSize: 5`, to all 48 symmetries of the cube.
 *
 * Layers are named like the modules of the official networks: `stem.0`, `layer1.0.conv1.1`, …, `fc`.
 *
 * @throws GmrError as {@link resNet}
 */
export function r3d(options: ResNetOptions): tf.LayersModel {
  checkKeys("the options of r3d", options, RESNET_OPTIONS);
  return resNet({
    ...options,
    kernelSizes: options.kernelSizes ?? (options.depths ?? [2, 2, 2, 2]).map(() => 3),
    stemKernelSize: options.stemKernelSize ?? [3, 7, 7],
    ...ringStart(options, "kaimingUniform"),
    layerNames: "r3d",
    name: options.name ?? `${options.kind ?? "gmr"}-r3d`,
  });
}
