// From an image to the probabilities of the classes.

import { type DecodeOptions, decodeImage, type ImageInput } from "@gmr-conv/data/node";
import { type PredictOptions, predict } from "@gmr-conv/training";
import type * as tf from "@tensorflow/tfjs";

/** A network that classifies images, and how it reads them. */
export interface ImageClassifier {
  model: tf.LayersModel;
  /** [height, width, channels] of its images. */
  shape: readonly number[];
  reading: Pick<DecodeOptions, "resize" | "background" | "range">;
}

/**
 * The probabilities of the classes of an image.
 * @throws GmrError as `decodeImage`
 */
export async function classifyImage(
  { model, shape, reading }: ImageClassifier,
  image: ImageInput,
  options: Pick<PredictOptions, "normalization" | "views">,
): Promise<Float32Array> {
  const [height, width, channels] = shape;
  const size = [height, width] as const;
  const { data } = await decodeImage(image, { ...reading, size, channels: channels as 1 | 3 });
  const pixels = data instanceof Uint8Array ? Float32Array.from(data, (byte) => byte / 255) : data;
  return predict(model, pixels, shape, options);
}
