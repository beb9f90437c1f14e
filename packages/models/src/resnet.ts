// GMR-ResNet for images and volumes, and its dense twin.
//
// A strided convolution would sample positions that a turn does not map to each other, so a block of stride 2 averages
// its input first and convolves with stride 1 (Du et al., section on network design). Averages over 2 positions are
// symmetric along even sides, averages over 3 positions with stride 2 along odd sides.

import * as tf from "@tensorflow/tfjs";
import { gaussianBlur } from "./blur.ts";
import { Builder, type Symbolic } from "./builder.ts";
import { withHalvings } from "./halvings.ts";
import { planResNet, type ResNetPlan, type Stage } from "./planResNet.ts";
import type { ResNetOptions } from "./resNetOptions.ts";

/**
 * A residual network, images [N, H, W, C] or volumes [N, D, H, W, C] → logits [N, classes]. With `kind: "gmr"` and
 * kernels of equal sides, its logits are invariant to turns by 90° and to mirroring.
 *
 * Layers are named like the modules of the official networks: `conv1`, `bn1`, `layer1.0.conv1`, …, `fc`.
 *
 * @throws GmrError `invalid-argument`, naming the option and what was expected; `unsupported` for options that are for
 *   images only
 *
 * @example
 * const model = resNet({ inputShape: [64, 64, 3], classes: 10 }); // a GMR-ResNet-18
 * const sizes = { depths: [1, 1], widths: [16, 32], kernelSizes: [9, 5] };
 * const small = resNet({ inputShape: [28, 28, 1], classes: 10, ...sizes });
 * model.compile({ optimizer: "adam", loss: losses.softmaxCrossEntropy(), metrics: ["accuracy"] });
 */
export function resNet(options: ResNetOptions): tf.LayersModel {
  const plan = planResNet(options);
  const build = new Builder(plan);
  const names = plan.layerNames === "r3d" ? R3D_NAMES : RESNET_NAMES;
  const input = tf.input({ shape: plan.inputShape, name: "images" });
  const images = withHalvings(prepare(input, plan), "images.sides", {
    times: plan.stages.filter(({ stride }) => stride === 2).length + Number(plan.stemPool),
    oddSides: plan.oddSides,
    keepOne: true,
  });
  const stem = build.conv(names.stem[0], images, plan.stemWidth, plan.stemKernelSize);
  let x = build.normRelu(names.stem[1], stem);
  if (plan.stemPool) x = build.pool("pool1", x);
  plan.stages.forEach((stage, s) => {
    for (let b = 0; b < stage.depth; b++) {
      x = residualBlock(build, names, `layer${s + 1}.${b}`, x, stage, b === 0, plan);
    }
  });
  let features = build.globalPool(x, plan.globalPooling);
  if (plan.headNorm) features = build.norm("head_norm", features);
  return tf.model({
    inputs: input,
    outputs: build.classifier("fc", features, plan.classes),
    name: plan.name,
  });
}

/** Names of a block's convolutions and norms, counted from 1. */
interface Names {
  stem: [conv: string, norm: string];
  /** @param pooled whether the block halves its input */
  conv: (block: string, i: number, pooled: boolean) => string;
  norm: (block: string, i: number) => string;
}

// The official networks pool inside the module of the convolution, which is therefore the second one there.
const RESNET_NAMES: Names = {
  stem: ["conv1", "bn1"],
  conv: (block, i, pooled) => `${block}.conv${i}${pooled ? ".1" : ""}`,
  norm: (block, i) => `${block}.bn${i}`,
};

/**
 * Index of a convolution in its module: 1 for a block's first k×k convolution, where pooling takes the first place.
 */
const placeOf = (i: number, strided: number): number => (i === strided ? 1 : 0);

function r3dNames(strided: number): Names {
  return {
    stem: ["stem.0", "stem.1"],
    conv: (block, i) => `${block}.conv${i}.${placeOf(i, strided)}`,
    norm: (block, i) => `${block}.conv${i}.${placeOf(i, strided) + 1}`,
  };
}

const R3D_NAMES = r3dNames(1);
const R3D_BOTTLENECK_NAMES = r3dNames(2);

/** Padding and blur of the images. */
function prepare(images: Symbolic, { inputPadding: padding, inputBlur }: ResNetPlan): Symbolic {
  let x = images;
  if (padding > 0) {
    const sides: [number, number] = [padding, padding];
    x = tf.layers.zeroPadding2d({ name: "pad", padding: [sides, sides] }).apply(x) as Symbolic;
  }
  if (inputBlur > 0) x = gaussianBlur(x, "blur", inputBlur);
  return x;
}

function residualBlock(
  build: Builder,
  given: Names,
  block: string,
  x: Symbolic,
  stage: Stage,
  first: boolean,
  plan: ResNetPlan,
): Symbolic {
  const { width, kernelSize, numRings } = stage;
  const bottleneck = plan.block === "bottleneck";
  const names = given === R3D_NAMES && bottleneck ? R3D_BOTTLENECK_NAMES : given;
  const pooled = first && stage.stride === 2;
  const ring = { numRings, dilationRate: first ? stage.dilation.first : stage.dilation.others };
  const outChannels = bottleneck ? 4 * width : width;
  let y: Symbolic;
  let shortcut = pooled ? build.pool(`${block}.pool`, x) : x;
  if (bottleneck) {
    y = build.denseConv(names.conv(block, 1, false), x, width, 1);
    y = build.normRelu(names.norm(block, 1), y);
    if (pooled) y = build.pool(`${block}.conv2.pool`, y);
    y = build.conv(names.conv(block, 2, pooled), y, width, kernelSize, ring);
    y = build.normRelu(names.norm(block, 2), y);
    y = build.denseConv(names.conv(block, 3, false), y, outChannels, 1);
    y = build.norm(names.norm(block, 3), y, plan.zeroInitResidual);
  } else {
    y = build.conv(names.conv(block, 1, pooled), shortcut, width, kernelSize, ring);
    y = build.normRelu(names.norm(block, 1), y);
    const second = { numRings, dilationRate: stage.dilation.others };
    y = build.conv(names.conv(block, 2, false), y, width, kernelSize, second);
    y = build.norm(names.norm(block, 2), y, plan.zeroInitResidual);
  }
  if (pooled || x.shape[x.shape.length - 1] !== outChannels) {
    shortcut = build.denseConv(`${block}.downsample.1`, shortcut, outChannels, 1);
    shortcut = build.norm(`${block}.downsample.2`, shortcut);
  }
  return build.addRelu(`${block}.add_relu`, y, shortcut);
}
