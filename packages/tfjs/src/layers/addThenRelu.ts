import { describeValue, GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { addRelu } from "../addRelu.ts";

/** The end of a residual block as a layer: max(a + b, 0) of two inputs of equal shape. */
export class AddThenRelu extends tf.layers.Layer {
  /** @nocollapse */
  static readonly className = "AddThenRelu";

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    return pair(inputShape)[0];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, {});
      const [a, b] = Array.isArray(inputs) ? inputs : [inputs, inputs];
      return addRelu(a, b);
    });
  }
}

function pair(shapes: tf.Shape | tf.Shape[]): tf.Shape[] {
  if (shapes.length === 2 && Array.isArray(shapes[0])) return shapes as tf.Shape[];
  throw new GmrError("invalid-shape", `AddThenRelu needs two inputs, got shapes ${describeValue(shapes)}`);
}
