// The network of docs/contributing/model.md.

import { checkPositiveInteger } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { Builder, type Symbolic } from "../../../packages/models/src/builder.ts";
import { SwishLayer } from "./swishLayer.ts";

export interface SwishNetOptions {
  /** [height, width, channels] */
  inputShape: readonly [number, number, number];
  classes: number;
  /** Channels of each stage, the first of which has the images' size. Default [8, 16]. */
  widths?: readonly number[] | undefined;
  kind?: "gmr" | "dense" | undefined;
  seed?: number | undefined;
  name?: string | undefined;
}

/** @throws GmrError `invalid-argument`, naming the option */
export function checkSwishNetOptions({ classes, widths = [8, 16] }: SwishNetOptions): void {
  checkPositiveInteger("classes", classes);
  for (const width of widths) checkPositiveInteger("widths", width);
}

/** A plain network of ring convolutions and swish, images [N, H, W, C] → logits [N, classes]. */
export function swishNet(options: SwishNetOptions): tf.LayersModel {
  checkSwishNetOptions(options);
  const { inputShape, classes, widths = [8, 16], kind = "gmr", seed, name = "swish-net" } = options;
  const build = new Builder({
    rank: 2,
    kind,
    seed,
    ringBasis: "white",
    ringInitializer: "ringMean",
    decaySigma: false,
    pooling: "average",
    oddSides: "symmetric",
    fieldOfView: "square",
  });
  const images = tf.input({ shape: [...inputShape], name: "images" });
  let x = images as Symbolic;
  for (const [stage, width] of widths.entries()) {
    if (stage > 0) x = build.pool(`pool${stage}`, x);
    x = build.norm(`norm${stage}`, build.conv(`conv${stage}`, x, width, 5));
    x = new SwishLayer({ name: `swish${stage}` }).apply(x) as Symbolic;
  }
  const outputs = build.classifier("fc", build.globalPool(x, "average"), classes);
  return tf.model({ inputs: images, outputs, name });
}

/** What the registry is told of it. */
export const swishNetEntry = {
  description: "Plain network for images, 5×5 ring convolutions and swish",
  build: (options: SwishNetOptions) => swishNet(options),
  check: (options: SwishNetOptions) => checkSwishNetOptions(options),
  defaults: { name: "gmr-swish" },
  example: { inputShape: [32, 32, 3], classes: 10 },
};
