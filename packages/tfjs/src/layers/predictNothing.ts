import * as tf from "@tensorflow/tfjs";

type Predict = tf.LayersModel["predict"];

let done = false;

/**
 * Lets `predict` of layers models accept empty batches and return empty results. The stock method joins the results of
 * parts of the batch, and fails if there are none.
 */
export function predictNothing(): void {
  if (done) return;
  done = true;
  const { predict } = tf.LayersModel.prototype;
  tf.LayersModel.prototype.predict = function (this: tf.LayersModel, ...[x, args]: Parameters<Predict>) {
    const inputs = [x].flat();
    const isNothing = inputs.length > 0 && inputs.every((input) => input.shape[0] === 0);
    return isNothing ? tf.tidy(() => this.apply(x) as tf.Tensor | tf.Tensor[]) : predict.call(this, x, args);
  };
}
