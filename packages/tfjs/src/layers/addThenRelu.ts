import { checkKeys, describeValue, GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { addRelu } from "../addRelu.ts";
import { applyLayer } from "../graph/cloneLayer.ts";
import type { UniqueName } from "../graph/rebuild.ts";
import type { FoldableLayer } from "./foldable.ts";
import { LAYER_KEYS, type LayerArgs } from "./layerKeys.ts";

/** The end of a residual block as a layer: max(a + b, 0) of two inputs of equal shape. */
export class AddThenRelu extends tf.layers.Layer implements FoldableLayer {
  /** @nocollapse */
  static readonly className = "AddThenRelu";

  constructor(args: LayerArgs = {}) {
    super(checkKeys("the options of AddThenRelu", args, LAYER_KEYS));
  }

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

  foldToStock(inputs: readonly tf.SymbolicTensor[], name: UniqueName): tf.SymbolicTensor {
    const sum = applyLayer(tf.layers.add({ name: name() }), inputs);
    return applyLayer(tf.layers.activation({ activation: "relu", name: name(`${this.name}.relu`) }), sum)[0];
  }
}

function pair(shapes: tf.Shape | tf.Shape[]): tf.Shape[] {
  if (shapes.length === 2 && Array.isArray(shapes[0])) return shapes as tf.Shape[];
  throw new GmrError("invalid-shape", `AddThenRelu needs two inputs, got shapes ${describeValue(shapes)}`);
}
