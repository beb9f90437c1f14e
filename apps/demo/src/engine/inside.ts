// What goes on inside the networks: feature maps of turned images, turned back.

import { flip, type ImageShape, turnImage } from "@gmr-conv/core/equivariance";
import { featureExtractor } from "@gmr-conv/models";
import { type LearnedKernels, learnedKernels } from "@gmr-conv/models/inspect";
import { weightNamed } from "@gmr-conv/tfjs";
import { checkEquivariance } from "@gmr-conv/tfjs/equivariance";
import * as tf from "@tensorflow/tfjs";
import type { Networks } from "./networks.ts";
import { posed, SHAPE } from "./posed.ts";
import type { Equivariance, LayerMaps, PerNetwork, Pose } from "./types.ts";

/** Channels shown of a layer: those with the strongest answers. */
const CHANNELS = 6;

/** Kernels of all convolutions of both networks; their layers have the same names. */
export async function kernelsOf({ gmr, dense }: Networks): Promise<PerNetwork<LearnedKernels[]>> {
  return { gmr: await learnedKernels(gmr), dense: await learnedKernels(dense) };
}

/** Sets the widths of a layer's Gaussians. @returns what they were before */
export async function setSigmas(
  { gmr }: Networks,
  layer: string,
  sigmas: readonly number[],
): Promise<number[]> {
  const weight = weightNamed(gmr.getLayer(layer), "log_sigmas");
  if (!weight) throw new Error(`layer ${layer} has no Gaussians`);
  const before = Array.from(await weight.read().data(), Math.exp);
  tf.tidy(() => {
    weight.write(tf.tensor1d(sigmas.map(Math.log)));
  });
  return before;
}

/** The maps of an image as it is and as it lies, the latter put upright again. */
export async function mapsOf(
  model: tf.LayersModel,
  image: Float32Array,
  pose: Pose,
  layer: string,
): Promise<LayerMaps> {
  const inputs = new Float32Array(2 * image.length);
  inputs.set(image);
  inputs.set(posed(image, pose), image.length);
  const output = tf.tidy(
    () => featureExtractor(model, [layer]).predict(tf.tensor(inputs, [2, ...SHAPE])) as tf.Tensor4D,
  );
  const [, height, width, channels] = output.shape;
  const values = Float32Array.from(await output.data());
  output.dispose();
  const size = height * width * channels;
  const upright = values.subarray(0, size);
  const back = unposed(values.slice(size), [1, height, width, channels], pose);
  const strength = Array.from({ length: channels }, (_, channel) => {
    let largest = 0;
    for (let i = channel; i < size; i += channels) largest = Math.max(largest, Math.abs(upright[i]));
    return largest;
  });
  const shown = Array.from(strength.keys())
    .sort((a, b) => strength[b] - strength[a])
    .slice(0, CHANNELS);
  const channelOf = (maps: Float32Array, channel: number): Float32Array =>
    Float32Array.from({ length: height * width }, (_, i) => maps[i * channels + channel]);
  return {
    width,
    height,
    channels: shown.map((channel) => {
      const [a, b] = [channelOf(upright, channel), channelOf(back, channel)];
      return { channel, upright: a, back: b, difference: a.map((value, i) => b[i] - value) };
    }),
    largest: Math.max(...strength),
  };
}

/** Undoes a pose: turned back first, then mirrored. */
function unposed(maps: Float32Array, shape: ImageShape, { degrees, mirrorX, mirrorY }: Pose): Float32Array {
  let result = turnImage(maps, shape, -degrees);
  if (mirrorY) result = flip(result, shape, 1).image;
  if (mirrorX) result = flip(result, shape, 2).image;
  return result;
}

/** How far a layer's output is from turning with the image. */
export async function equivarianceOf(
  model: tf.LayersModel,
  image: Float32Array,
  degrees: number,
  layer: string,
): Promise<Equivariance> {
  const inputs = tf.tensor(image, [1, ...SHAPE]);
  try {
    const report = await checkEquivariance(featureExtractor(model, [layer]), { inputs, angles: [degrees] });
    const [turned] = report.angles?.curve ?? [];
    return {
      exact: report.exact.worst,
      turned: turned?.error ?? 0,
      interpolation: turned?.interpolation ?? 0,
    };
  } finally {
    inputs.dispose();
  }
}
