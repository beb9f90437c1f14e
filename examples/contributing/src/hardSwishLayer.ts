// The layer of docs/contributing/layer.md.

import { checkKeys, type KeysOf } from "@gmr-conv/core";
import { type FoldableLayer, LAYER_KEYS, type LayerArgs, type UniqueName } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { hardSwish } from "./hardSwish.ts";

export interface HardSwishLayerArgs extends LayerArgs {
  /** Slope of the gate. Default 0.2. */
  beta?: number | undefined;
}

const KEYS: KeysOf<HardSwishLayerArgs> = { ...LAYER_KEYS, beta: true };

/** x → x · min(1, max(0, βx + ½)), number by number. */
export class HardSwishLayer extends tf.layers.Layer implements FoldableLayer {
  /** @nocollapse */
  static readonly className = "HardSwishLayer";
  private readonly beta: number;

  constructor(args: HardSwishLayerArgs = {}) {
    super(checkKeys("the options of HardSwishLayer", args, KEYS));
    this.beta = args.beta ?? 0.2;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, {});
      return hardSwish(Array.isArray(inputs) ? inputs[0] : inputs, this.beta);
    });
  }

  foldToStock([x]: readonly tf.SymbolicTensor[], name: UniqueName): tf.SymbolicTensor {
    // The stock hard sigmoid of z is min(1, max(0, 0.2z + ½)).
    const gate = [
      tf.layers.rescaling({ scale: 5 * this.beta, name: name(`${this.name}.scaled`) }),
      tf.layers.activation({ activation: "hardSigmoid", name: name(`${this.name}.gate`) }),
    ].reduce((input, layer) => layer.apply(input) as tf.SymbolicTensor, x);
    return tf.layers.multiply({ name: name() }).apply([x, gate]) as tf.SymbolicTensor;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), beta: this.beta };
  }
}

tf.serialization.registerClass(HardSwishLayer);
