// The predictions of a trained network, optionally averaged over several views of each image.

import { checkKeys, type KeysOf } from "@gmr-conv/core";
import { imageSize, type SampleShape } from "@gmr-conv/data";
import * as tf from "@tensorflow/tfjs";
import { pause } from "./pause.ts";
import { seenAs, type View, type ViewOptions } from "./views.ts";

/** Views to average probabilities over: the image alone, its mirror images, or all eight turns by 90° and flips. */
export type TestTimeViews = "none" | "flips" | "all";

export interface PredictOptions extends Pick<ViewOptions, "normalization"> {
  /** Default `"none"`: a GMR network predicts the same for all eight; dense ones gain. Images only, not volumes. */
  views?: TestTimeViews | undefined;
  /** Stops between two views; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

const KEYS: KeysOf<PredictOptions> = { normalization: true, views: true, signal: true };

/**
 * Probabilities of the classes.
 * @param images [N, ...sizes, C] flat, from 0 to 1
 * @returns [N, K], or [N, ...sizes, K] for segmentation
 * @throws the signal's reason
 */
export async function predict(
  model: tf.LayersModel,
  images: Float32Array,
  shape: SampleShape,
  options: PredictOptions = {},
): Promise<Float32Array> {
  const { normalization, views = "none", signal } = checkKeys("the options of predict", options, KEYS);
  const count = images.length / imageSize(shape);
  const { images: seen } = seenAs(images, new Int32Array(count), shape, { kind: "upright" } satisfies View, {
    normalization,
  });
  const x = tf.tensor(seen, [count, ...shape]);
  const maps = model.outputs[0].shape.length > 2;
  const results: tf.Tensor[] = [];
  try {
    for (const { to, back } of symmetriesOf(views)) {
      await pause(signal);
      results.push(
        tf.tidy(() => {
          const p = tf.softmax(model.apply(to(x)) as tf.Tensor);
          return maps ? back(p) : p;
        }),
      );
    }
    const mean = tf.tidy(() => tf.addN(results).div(results.length));
    results.push(mean);
    return Float32Array.from(await mean.data());
  } finally {
    tf.dispose([x, ...results]);
  }
}

interface Symmetry {
  to: (x: tf.Tensor) => tf.Tensor;
  back: (x: tf.Tensor) => tf.Tensor;
}

/** Turns by 90° and mirror images of [N, H, W, C], with their inverses. */
function symmetriesOf(views: TestTimeViews): Symmetry[] {
  const same = (x: tf.Tensor): tf.Tensor => x;
  const mirror = (x: tf.Tensor): tf.Tensor => x.reverse(2);
  const turn =
    (times: number) =>
    (x: tf.Tensor): tf.Tensor => {
      let y = x;
      for (let i = 0; i < (times + 4) % 4; i++) y = y.transpose([0, 2, 1, 3]).reverse(1);
      return y;
    };
  if (views === "none") return [{ to: same, back: same }];
  const upsideDown = (x: tf.Tensor): tf.Tensor => x.reverse(1);
  if (views === "flips") {
    return [
      { to: same, back: same },
      { to: mirror, back: mirror },
      { to: upsideDown, back: upsideDown },
    ];
  }
  return [0, 1, 2, 3].flatMap((times) => [
    { to: turn(times), back: turn(-times) },
    { to: (x) => turn(times)(mirror(x)), back: (x) => mirror(turn(-times)(x)) },
  ]);
}
