// The network of docs/contributing/model.md.

import { checkKeys, checkPositiveInteger, describeValue, GmrError, type KeysOf } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { Builder, type Symbolic } from "../../../packages/models/src/builder.ts";
import { HardSwishLayer } from "./hardSwishLayer.ts";

export interface PlainNetOptions {
  /** [height, width, channels] */
  inputShape: readonly number[];
  classes: number;
  /** Channels of each stage, the first of which has the images' size. Default [8, 16]. */
  widths?: readonly number[] | undefined;
  kind?: "gmr" | "dense" | undefined;
  seed?: number | undefined;
  name?: string | undefined;
}

const OPTIONS: KeysOf<PlainNetOptions> = {
  inputShape: true,
  classes: true,
  widths: true,
  kind: true,
  seed: true,
  name: true,
};

/** @throws GmrError `invalid-argument`, naming the option */
export function checkPlainNetOptions(options: PlainNetOptions): void {
  const { inputShape, classes, widths = [8, 16] } = checkKeys("the options of plainNet", options, OPTIONS);
  if (inputShape.length !== 3) {
    const got = describeValue(inputShape);
    throw new GmrError("invalid-argument", `inputShape must be [height, width, channels], got ${got}`);
  }
  checkPositiveInteger("classes", classes);
  for (const width of widths) checkPositiveInteger("widths", width);
}

/** A plain network of ring convolutions and hard swish, images [N, H, W, C] → logits [N, classes]. */
export function plainNet(options: PlainNetOptions): tf.LayersModel {
  checkPlainNetOptions(options);
  const { inputShape, classes, widths = [8, 16], kind = "gmr", seed, name = "plain-net" } = options;
  const build = new Builder({
    rank: 2,
    kind,
    seed,
    ringBasis: "white",
    kernelInitializer: "ringMean",
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
    x = new HardSwishLayer({ name: `hardSwish${stage}` }).apply(x) as Symbolic;
  }
  const outputs = build.classifier("fc", build.globalPool(x, "average"), classes);
  return tf.model({ inputs: images, outputs, name });
}

/** What the registry is told of it. */
export const plainNetEntry = {
  description: "Plain network for images, 5×5 ring convolutions and hard swish",
  build: (options: PlainNetOptions) => plainNet(options),
  check: (options: PlainNetOptions) => checkPlainNetOptions(options),
  defaults: { name: "gmr-plain" },
  example: { inputShape: [32, 32, 3], classes: 10 },
};
