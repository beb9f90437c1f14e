// GMR-UNet for images and volumes, and its dense twin (Falk et al. 2019, https://doi.org/10.1038/s41592-018-0261-2).

import { fusedBatchNormalization, instanceNormalization } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { Builder, type Symbolic } from "./builder.ts";
import { withHalvings } from "./halvings.ts";
import { MatchSize } from "./matchSize.ts";
import { planUNet, type UNetPlan } from "./planUNet.ts";
import { registerModelLayers } from "./register.ts";
import type { UNetOptions } from "./unetOptions.ts";

/**
 * A U-Net, images [N, H, W, C] or volumes [N, D, H, W, C] → logits [N, ...sizes, classes]. With `kind: "gmr"` and
 * `upsampling: "linear"` its output turns and mirrors with its input.
 *
 * Layers are named like the modules of the official network: `conv_0.conv_0.conv`, `down_1.convs.conv_0.adn.N`, …,
 * `final_conv`.
 *
 * @throws GmrError `invalid-argument`, naming the option and what was expected; `invalid-shape` for sides that cannot
 *   be halved that often, or are odd where upsampling needs even ones
 *
 * @example
 * const model = unet({ inputShape: [128, 128, 1], classes: 2 });
 * model.compile({ optimizer: "adam", loss: losses.diceCrossEntropy(), metrics: [metrics.meanIoU()] });
 */
export function unet(options: UNetOptions): tf.LayersModel {
  const plan = planUNet(options);
  registerModelLayers();
  const network = new UNetBuilder(plan);
  const input = tf.input({ shape: plan.inputShape, name: "images" });
  const { features, kernelSizes, levels } = plan;
  const images = withHalvings(input, "images.sides", {
    times: levels,
    oddSides: plan.oddSides === "symmetric" && plan.upsampling === "deconv" ? "refuse" : plan.oddSides,
    keepOne: false,
  });
  const encoded = [network.twoConv("conv_0", images, features[0], 0)];
  for (let level = 1; level <= levels; level++) {
    const halved = network.builder.pool(`down_${level}.max_pooling`, encoded[level - 1], plan.pooling);
    encoded.push(network.twoConv(`down_${level}.convs`, halved, features[level], level));
  }
  let x = encoded[levels];
  for (let level = levels; level >= 1; level--) {
    // The last step keeps the channels, as in the official network.
    const channels = x.shape[x.shape.length - 1] ?? 0;
    const up = network.double(`upcat_${level}`, x, encoded[level - 1], level > 1 ? channels >> 1 : channels);
    const both = tf.layers
      .concatenate({ name: `upcat_${level}.cat` })
      .apply([encoded[level - 1], up]) as Symbolic;
    const filters = level > 1 ? features[level - 1] : features[kernelSizes.length];
    x = network.twoConv(`upcat_${level}.convs`, both, filters, level - 1);
  }
  const logits = network.builder.denseConv("final_conv", x, plan.classes, 1, { useBias: true });
  return tf.model({ inputs: input, outputs: logits, name: plan.name });
}

class UNetBuilder {
  readonly builder: Builder;
  private readonly plan: UNetPlan;

  constructor(plan: UNetPlan) {
    this.plan = plan;
    this.builder = new Builder({
      ...plan,
      pooling: "average",
      fieldOfView: "square",
      denseStart: "pytorch",
    });
  }

  /** Two convolutions, each with its norm, dropout and rectifier. */
  twoConv(name: string, x: Symbolic, filters: number, level: number): Symbolic {
    const { kernelSizes, numRings, circular, mixture, kind, norm, dropout, slope } = this.plan;
    let y = x;
    for (const part of ["conv_0", "conv_1"]) {
      const channels = y.shape[y.shape.length - 1] ?? 1;
      const rings = numRings[level] ?? Math.floor(kernelSizes[level] / 2) + (circular ? 1 : 2);
      // The official layer uses the fan of the ring weights for its bias.
      const ring = kind === "gmr" ? { biasInitializer: this.builder.uniform(channels * rings) } : {};
      y = this.builder.conv(`${name}.${part}.conv`, y, filters, kernelSizes[level], {
        useBias: true,
        numRings: numRings[level],
        circular,
        mixture,
        ...ring,
      });
      // Dropout comes between them; without it, one kernel does both.
      const rectifies = norm !== "none" && dropout === 0;
      const args = { name: `${name}.${part}.adn.N`, ...(rectifies && { slope }) };
      if (norm === "instance") y = instanceNormalization(args).apply(y) as Symbolic;
      else if (norm === "batch") y = fusedBatchNormalization(args).apply(y) as Symbolic;
      if (rectifies) continue;
      if (dropout > 0) {
        y = tf.layers.dropout({ name: `${name}.${part}.adn.D`, rate: dropout }).apply(y) as Symbolic;
      }
      y = tf.layers.leakyReLU({ name: `${name}.${part}.adn.A`, alpha: slope }).apply(y) as Symbolic;
    }
    return y;
  }

  /** Resizes x to the sizes of `like`, about double its own, and changes its channels. */
  double(name: string, x: Symbolic, like: Symbolic, channels: number): Symbolic {
    if (this.plan.upsampling === "linear") {
      // The official network has no convolution if the number of channels stays the same.
      const y =
        channels === x.shape[x.shape.length - 1]
          ? x
          : this.builder.denseConv(`${name}.upsample.preconv`, x, channels, 1, { useBias: true });
      const mode = this.plan.oddSides === "floor" ? "double" : "linear";
      return new MatchSize({ name: `${name}.upsample`, mode }).apply([y, like]) as Symbolic;
    }
    const { rank } = this.plan;
    const fan = channels * 2 ** rank;
    const layer = (rank === 3 ? tf.layers.conv3dTranspose : tf.layers.conv2dTranspose)({
      name: `${name}.upsample.deconv`,
      filters: channels,
      kernelSize: 2,
      strides: 2,
      kernelInitializer: this.builder.uniform(fan),
      biasInitializer: this.builder.uniform(fan),
    });
    const y = layer.apply(x) as Symbolic;
    const known = [...y.shape.slice(1, -1), ...like.shape.slice(1, -1)].every((size) => size !== null);
    const same = y.shape.slice(1, -1).join() === like.shape.slice(1, -1).join();
    if (same && (known || this.plan.oddSides === "symmetric")) return y;
    return new MatchSize({ name: `${name}.pad`, mode: "replicate" }).apply([y, like]) as Symbolic;
  }
}
