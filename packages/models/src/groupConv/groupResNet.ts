// A residual network of group convolutions, of the same topology as `resNet` with basic blocks.

import { checkKeys, describeValue, GmrError, type KeysOf, oneOf } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { gaussianBlur } from "../blur.ts";
import { Builder, type Symbolic } from "../builder.ts";
import type { GlobalPooling } from "../networkOptions.ts";
import { planResNet, type ResNetPlan } from "../planResNet.ts";
import type { ResNetOptions } from "../resNetOptions.ts";
import { GroupBatchNormalization } from "./groupBatchNormalization.ts";
import { GroupConv2D } from "./groupConv2D.ts";
import { GroupPooling } from "./groupPooling.ts";
import { checkGroup, groupElements, type PlaneGroup } from "./groups.ts";
import { registerGroupLayers } from "./register.ts";

/** As {@link ResNetOptions}, for images; only differences are documented here. */
export interface GroupResNetOptions
  extends Pick<
    ResNetOptions,
    | "inputShape"
    | "classes"
    | "depths"
    | "strides"
    | "stemPool"
    | "pooling"
    | "globalPooling"
    | "fieldOfView"
    | "inputPadding"
    | "inputBlur"
    | "headNorm"
    | "zeroInitResidual"
    | "seed"
  > {
  /** Default `p4m`, whose 8 symmetries are those of a GMR network. */
  group?: PlaneGroup | undefined;
  /**
   * Channels per stage and element of the group. Default 64/√|G|, doubled from stage to stage and rounded: a kernel
   * has |G|·C·F weights per position, so the network has about as many as its dense twin.
   */
  widths?: readonly number[] | undefined;
  /** Kernel size per stage, odd; default 3. */
  kernelSizes?: readonly number[] | undefined;
  /** Channels of the stem per element; default: those of the first stage. */
  stemWidth?: number | undefined;
  /** Kernel size of the stem, odd; default 3. */
  stemKernelSize?: number | undefined;
  /** How the features of the elements are combined after global pooling. Default: as `globalPooling`. */
  groupPooling?: GlobalPooling | undefined;
  /** The model's name; default `p4-resnet` or `p4m-resnet`. */
  name?: string | undefined;
}

const OPTIONS: KeysOf<GroupResNetOptions> = {
  inputShape: true,
  classes: true,
  depths: true,
  strides: true,
  stemPool: true,
  pooling: true,
  globalPooling: true,
  fieldOfView: true,
  inputPadding: true,
  inputBlur: true,
  headNorm: true,
  zeroInitResidual: true,
  seed: true,
  group: true,
  widths: true,
  kernelSizes: true,
  stemWidth: true,
  stemKernelSize: true,
  groupPooling: true,
  name: true,
};

/**
 * A residual network of group convolutions (Cohen & Welling 2016, arXiv 1602.07576), the equivariant counterpart of
 * `resNet`: images [N, H, W, C] → logits [N, classes], invariant to turns by 90°, and with `p4m` to mirroring.
 * Strided blocks average first, so that the symmetry is exact on even and odd sides.
 *
 * Layers are named as in `resNet`: `conv1`, `bn1`, `layer1.0.conv1`, …, `fc`.
 *
 * @throws GmrError `invalid-argument`, naming the option and what was expected; `unsupported` for volumes
 */
export function groupResNet(options: GroupResNetOptions): tf.LayersModel {
  const { plan, group, groupPooling } = planGroupResNet(options);
  registerGroupLayers();
  const build = new GroupBuilder(plan, group);
  const input = tf.input({ shape: plan.inputShape, name: "images" });
  const stem = build.conv("conv1", prepare(input, plan), plan.stemWidth, plan.stemKernelSize[0], true);
  let x = build.normRelu("bn1", stem);
  if (plan.stemPool) x = build.stock.pool("pool1", x);
  plan.stages.forEach(({ depth, width, kernelSize, stride }, s) => {
    for (let b = 0; b < depth; b++) {
      const pooled = b === 0 && stride === 2;
      x = residualBlock(build, `layer${s + 1}.${b}`, x, { width, kernelSize, pooled }, plan.zeroInitResidual);
    }
  });
  const pool = new GroupPooling({ name: "group_pool", group, pooling: groupPooling });
  let features = pool.apply(build.stock.globalPool(x, plan.globalPooling)) as Symbolic;
  if (plan.headNorm) features = build.stock.norm("head_norm", features);
  return tf.model({
    inputs: input,
    outputs: build.stock.classifier("fc", features, plan.classes),
    name: plan.name,
  });
}

/** Checks the options of a network without making it. @throws GmrError `invalid-argument`, naming the option */
export function checkGroupResNetOptions(options: GroupResNetOptions): void {
  planGroupResNet(options);
}

function planGroupResNet(options: GroupResNetOptions): {
  plan: ResNetPlan;
  group: PlaneGroup;
  groupPooling: GlobalPooling;
} {
  const what = "the options of groupResNet";
  const { group: named, groupPooling: pooled, ...rest } = checkKeys(what, options, OPTIONS);
  const group = checkGroup(named ?? "p4m");
  const plan = planOf(rest, group);
  return {
    plan,
    group,
    groupPooling: oneOf("groupPooling", pooled ?? plan.globalPooling, ["average", "max"]),
  };
}

function planOf(options: GroupResNetOptions, group: PlaneGroup): ResNetPlan {
  const plan = planResNet({
    ...options,
    kind: "dense",
    block: "basic",
    oddSides: "symmetric",
    name: options.name ?? `${group}-resnet`,
  });
  if (plan.rank === 3) {
    throw new GmrError(
      "unsupported",
      `group convolutions are for images [height, width, channels], got inputShape ${describeValue(plan.inputShape)}`,
    );
  }
  if (options.widths) return plan;
  const share = 1 / Math.sqrt(groupElements(group).length);
  const stages = plan.stages.map((stage) => ({ ...stage, width: Math.round(stage.width * share) }));
  return { ...plan, stages, stemWidth: options.stemWidth ?? stages[0].width };
}

/** Padding and blur of the images. */
function prepare(images: Symbolic, { inputPadding: padding, inputBlur }: ResNetPlan): Symbolic {
  let x = images;
  if (padding > 0) x = tf.layers.zeroPadding2d({ name: "pad", padding }).apply(x) as Symbolic;
  if (inputBlur > 0) x = gaussianBlur(x, "blur", inputBlur);
  return x;
}

interface BlockPlan {
  width: number;
  kernelSize: number;
  /** Whether the block halves its input. */
  pooled: boolean;
}

function residualBlock(
  build: GroupBuilder,
  block: string,
  x: Symbolic,
  { width, kernelSize, pooled }: BlockPlan,
  zeroGamma: boolean,
): Symbolic {
  let shortcut = pooled ? build.stock.pool(`${block}.pool`, x) : x;
  let y = build.conv(`${block}.conv1${pooled ? ".1" : ""}`, shortcut, width, kernelSize);
  y = build.normRelu(`${block}.bn1`, y);
  y = build.conv(`${block}.conv2`, y, width, kernelSize);
  y = build.norm(`${block}.bn2`, y, zeroGamma);
  if (pooled || x.shape[3] !== y.shape[3]) {
    shortcut = build.conv(`${block}.downsample.1`, shortcut, width, 1);
    shortcut = build.norm(`${block}.downsample.2`, shortcut);
  }
  return build.stock.addRelu(`${block}.add_relu`, y, shortcut);
}

/** Adds the layers that depend on the group; `stock` adds the others, from the same stream of seeds. */
class GroupBuilder {
  readonly stock: Builder;
  private readonly group: PlaneGroup;

  constructor(plan: ResNetPlan, group: PlaneGroup) {
    this.stock = new Builder(plan);
    this.group = group;
  }

  conv(name: string, x: Symbolic, filters: number, kernelSize: number, lifting = false): Symbolic {
    const { group } = this;
    const seed = this.stock.seed();
    const layer = new GroupConv2D({ name, group, filters, kernelSize, lifting, useBias: false, seed });
    return layer.apply(x) as Symbolic;
  }

  norm(name: string, x: Symbolic, zeroGamma = false): Symbolic {
    return new GroupBatchNormalization({ name, group: this.group, zeroGamma }).apply(x) as Symbolic;
  }

  normRelu(name: string, x: Symbolic): Symbolic {
    const layer = new GroupBatchNormalization({ name, group: this.group, relu: true });
    return this.stock.view(name, layer.apply(x) as Symbolic);
  }
}
