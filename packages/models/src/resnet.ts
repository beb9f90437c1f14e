// GMR-ResNet and its dense twin.
//
// Strided convolutions would sample positions that a turn does not map to each other, so a block of stride 2
// averages its input first and convolves with stride 1 (Du et al., section on network design). On even sides 2×2
// averages are symmetric; on odd sides 3×3 averages with stride 2 are, and are used there.

import { Random } from "@gmr-conv/core";
import { addThenRelu, fusedBatchNormalization, gmrConv2D } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { gaussianBlur } from "./blur.ts";
import { DiscFieldOfView, registerFieldOfView } from "./fieldOfView.ts";
import { planResNet, type ResNetOptions, type ResNetPlan, type Stage } from "./options.ts";

type Symbolic = tf.SymbolicTensor;

/**
 * A residual network of basic blocks, images [N, H, W, C] → logits [N, classes]. With `kind: "gmr"` its logits
 * are the same for every turn by 90° and every mirror image.
 *
 * Layers are named as the modules of the official networks: `conv1`, `bn1`, `layer1.0.conv1`, …, `fc`.
 *
 * @throws GmrError `invalid-argument`, naming the option and what was expected
 */
export function resNet(options: ResNetOptions): tf.LayersModel {
  const plan = planResNet(options);
  const build = new Builder(plan);
  const input = tf.input({ shape: plan.inputShape, name: "images" });
  const images = build.prepare(input);
  let x = build.normRelu("bn1", build.conv("conv1", images, plan.stemWidth, plan.stemKernelSize));
  if (plan.stemPool) x = build.pool("pool1", x);
  plan.stages.forEach((stage, s) => {
    for (let b = 0; b < stage.depth; b++) {
      x = build.basicBlock(`layer${s + 1}.${b}`, x, stage, b === 0 ? stage.stride : 1);
    }
  });
  return tf.model({ inputs: input, outputs: build.head(x), name: plan.name });
}

/** Adds layers to a graph; every weight is drawn from one seeded stream, in order of construction. */
class Builder {
  private readonly plan: ResNetPlan;
  private readonly random: Random | undefined;

  constructor(plan: ResNetPlan) {
    this.plan = plan;
    this.random = plan.seed === undefined ? undefined : new Random(plan.seed);
  }

  /** Padding and blur of the images. */
  prepare(images: Symbolic): Symbolic {
    const { inputPadding, inputBlur, inputShape } = this.plan;
    let x = images;
    if (inputPadding > 0) {
      const padding = inputPadding;
      const layer = tf.layers.zeroPadding2d({
        name: "pad",
        padding: [
          [padding, padding],
          [padding, padding],
        ],
      });
      x = layer.apply(x) as Symbolic;
    }
    if (inputBlur > 0) x = gaussianBlur("blur", inputBlur, inputShape[2]).apply(x) as Symbolic;
    return x;
  }

  /** Limits a map to the field of view. */
  private view(name: string, x: Symbolic): Symbolic {
    if (this.plan.fieldOfView === "square") return x;
    registerFieldOfView();
    return new DiscFieldOfView({ name: `${name}.view` }).apply(x) as Symbolic;
  }

  private seed(): number | undefined {
    return this.random?.int(2 ** 31);
  }

  conv(name: string, x: Symbolic, filters: number, kernelSize: number, numRings?: number): Symbolic {
    const seed = this.seed();
    const layer =
      this.plan.kind === "gmr"
        ? gmrConv2D({
            name,
            filters,
            kernelSize,
            padding: "same",
            useBias: false,
            numRings,
            decaySigma: this.plan.decaySigma,
            kernelInitializer: this.plan.ringInitializer,
            seed,
          })
        : this.denseConv(name, filters, kernelSize, seed);
    return layer.apply(x) as Symbolic;
  }

  private denseConv(name: string, filters: number, kernelSize: number, seed?: number): tf.layers.Layer {
    return tf.layers.conv2d({
      name,
      filters,
      kernelSize,
      padding: "same",
      useBias: false,
      kernelInitializer: tf.initializers.varianceScaling({
        scale: 2,
        mode: "fanOut",
        distribution: "normal",
        ...(seed === undefined ? {} : { seed }),
      }),
    });
  }

  norm(name: string, x: Symbolic, zeroGamma = false): Symbolic {
    return fusedBatchNormalization({ name, zeroGamma }).apply(x) as Symbolic;
  }

  normRelu(name: string, x: Symbolic): Symbolic {
    return this.view(name, fusedBatchNormalization({ name, relu: true }).apply(x) as Symbolic);
  }

  /** Halves the sides of x. */
  pool(name: string, x: Symbolic): Symbolic {
    const average = (suffix: string, poolSize: number, strides: number, input: Symbolic): Symbolic =>
      tf.layers
        .averagePooling2d({ name: name + suffix, poolSize, strides, padding: "same" })
        .apply(input) as Symbolic;
    const [, height, width] = x.shape;
    const blurred = this.plan.pooling === "blur" ? average(".blur", 3, 1, x) : x;
    const odd = (height ?? 0) % 2 === 1 || (width ?? 0) % 2 === 1;
    return average("", odd ? 3 : 2, 2, blurred);
  }

  basicBlock(name: string, x: Symbolic, stage: Stage, stride: 1 | 2): Symbolic {
    const { width, kernelSize, numRings } = stage;
    const input = stride === 2 ? this.pool(`${name}.pool`, x) : x;
    // The official networks pool inside the first convolution's module, which makes it the second there.
    const first = stride === 2 ? `${name}.conv1.1` : `${name}.conv1`;
    let y = this.conv(first, input, width, kernelSize, numRings);
    y = this.normRelu(`${name}.bn1`, y);
    y = this.conv(`${name}.conv2`, y, width, kernelSize, numRings);
    y = this.norm(`${name}.bn2`, y, this.plan.zeroInitResidual);
    const shortcut =
      stride === 1 && input.shape[3] === width
        ? input
        : this.norm(
            `${name}.downsample.2`,
            this.denseConv(`${name}.downsample.1`, width, 1, this.seed()).apply(input) as Symbolic,
          );
    return this.view(name, addThenRelu({ name: `${name}.add_relu` }).apply([y, shortcut]) as Symbolic);
  }

  head(x: Symbolic): Symbolic {
    const pooling =
      this.plan.globalPooling === "max" ? tf.layers.globalMaxPooling2d : tf.layers.globalAveragePooling2d;
    let features = pooling({ name: "global_pool", dataFormat: "channelsLast" }).apply(x) as Symbolic;
    if (this.plan.headNorm) features = this.norm("head_norm", features);
    const seed = this.seed();
    return tf.layers
      .dense({
        name: "fc",
        units: this.plan.classes,
        kernelInitializer: tf.initializers.glorotUniform(seed === undefined ? {} : { seed }),
      })
      .apply(features) as Symbolic;
  }
}
