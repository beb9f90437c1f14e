// Models, layers and functions alike: from images to their outputs, both as plain arrays.

import { checkPositiveInteger, describeValue, GmrError } from "@gmr-conv/core";
import type { ImageBatch } from "@gmr-conv/core/equivariance";
import * as tf from "@tensorflow/tfjs";
import { copiesError } from "../copies.ts";

/** What can be checked: anything that maps a tensor [N, ...spatial, C] to one tensor. */
export type EquivarianceTarget =
  | tf.LayersModel
  | tf.layers.Layer
  | ((x: tf.Tensor) => tf.Tensor | Promise<tf.Tensor>);

/** Images or feature maps [N, ...spatial, C], or [N, K], read from a tensor. */
export type Images = ImageBatch<Float32Array>;

/**
 * The target as a function of images. A synchronous target runs inside `tf.tidy`; one that returns a promise disposes
 * of its own intermediate tensors. Its output is disposed of once it is read.
 */
export function evaluator(target: EquivarianceTarget): (images: Images) => Promise<Images> {
  const call = callable(target);
  return async ({ image, shape }) => {
    const x = tf.tensor(image, [...shape], "float32");
    let y: unknown;
    try {
      y = await runTidily(() => call(x));
      if (!(y instanceof tf.Tensor)) {
        throw new GmrError("unsupported", `the target must return one tensor, got ${describeValue(y)}`);
      }
      const values = Float32Array.from(await y.data());
      if (!values.every(Number.isFinite)) {
        throw new GmrError("invalid-data", "the target's output must be finite, got NaN or infinite values");
      }
      return { image: values, shape: y.shape };
    } finally {
      tf.dispose([x, y as tf.TensorContainer]);
    }
  };
}

/**
 * The input shape [N, ...spatial, C] that a target states, with batch size `batch` if left open.
 * @throws GmrError `invalid-argument` if it states none or leaves other sizes open
 */
export function statedShape(target: EquivarianceTarget, batch: number): number[] {
  const stated = sizesOf(target);
  if (!stated?.slice(1).every((size) => size !== null)) {
    const state = stated ? `leaves sizes open: ${describeValue(stated)}` : "does not state its input's sizes";
    throw new GmrError("invalid-argument", `inputs or inputShape must be given, the target ${state}`);
  }
  return stated.map((size) => checkPositiveInteger("the target's input size", size ?? batch));
}

/** The spatial sizes that a model requires; null where any will do. */
export function fixedSizes(target: EquivarianceTarget): readonly (number | null)[] {
  return target instanceof tf.LayersModel ? target.inputs[0].shape.slice(1, -1) : [];
}

function sizesOf(target: EquivarianceTarget): readonly (number | null)[] | undefined {
  if (target instanceof tf.LayersModel) return target.inputs[0].shape;
  return target instanceof tf.layers.Layer ? target.batchInputShape : undefined;
}

function callable(target: EquivarianceTarget): (x: tf.Tensor) => unknown {
  if (target instanceof tf.LayersModel) {
    if (target.inputs.length !== 1 || target.outputs.length !== 1) {
      throw new GmrError(
        "unsupported",
        "the model must have one input and one output, " +
          `got ${target.inputs.length} and ${target.outputs.length}: pass a function that calls it`,
      );
    }
    return (x) => target.predict(x);
  }
  if (target instanceof tf.layers.Layer) return (x) => target.apply(x);
  if (typeof target === "function") return target;
  if (typeof target === "object" && target !== null && "layers" in target) throw copiesError("the target");
  throw new GmrError(
    "invalid-argument",
    `target must be a model, a layer or a function, got ${describeValue(target)}`,
  );
}

/** Disposes of what a synchronous `run` leaves behind; what a still running one has created so far must stay. */
async function runTidily(run: () => unknown): Promise<unknown> {
  let result: unknown;
  tf.tidy(() => {
    result = run();
    const running = typeof result === "object" && result !== null && "then" in result;
    return running ? [...tf.engine().state.activeScope.track] : (result as tf.TensorContainer);
  });
  return result;
}
