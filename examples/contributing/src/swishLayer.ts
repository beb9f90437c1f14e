// The layer of docs/contributing/layer.md.

import type { FoldableLayer, UniqueName } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { swish } from "./swish.ts";

export type SwishLayerArgs = NonNullable<ConstructorParameters<typeof tf.layers.Layer>[0]> & {
  /** How steep the sigmoid is. Default 1. */
  beta?: number | undefined;
};

/** x → x · σ(βx), number by number. */
export class SwishLayer extends tf.layers.Layer implements FoldableLayer {
  /** @nocollapse */
  static readonly className = "SwishLayer";
  private readonly beta: number;

  constructor(args: SwishLayerArgs = {}) {
    super(args);
    this.beta = args.beta ?? 1;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, {});
      return swish(Array.isArray(inputs) ? inputs[0] : inputs, this.beta);
    });
  }

  foldToStock([x]: readonly tf.SymbolicTensor[], name: UniqueName): tf.SymbolicTensor {
    const layers = [
      tf.layers.rescaling({ scale: this.beta, name: name(`${this.name}.scaled`) }),
      tf.layers.activation({ activation: "sigmoid", name: name(`${this.name}.sigmoid`) }),
    ];
    const sigmoid = layers.reduce((input, layer) => layer.apply(input) as tf.SymbolicTensor, x);
    return tf.layers.multiply({ name: name() }).apply([x, sigmoid]) as tf.SymbolicTensor;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), beta: this.beta };
  }
}

tf.serialization.registerClass(SwishLayer);
