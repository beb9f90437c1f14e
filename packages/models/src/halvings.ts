// Whether the sides of images can be halved as often as a network needs: checked when the network is made if they are
// known, otherwise for each batch.

import { checkKeys, GmrError, type KeysOf } from "@gmr-conv/core";
import { type FoldableLayer, LAYER_KEYS, type LayerArgs } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import type { OddSides } from "./networkOptions.ts";

interface Halvings {
  /** Number of times that sides are halved. */
  times: number;
  /** How odd sides are halved; `refuse`: all sides must be even. */
  oddSides: OddSides | "refuse";
  /** Whether a side of one stays as it is. */
  keepOne: boolean;
}

const KEYS: KeysOf<LayerArgs & Halvings> = { ...LAYER_KEYS, times: true, oddSides: true, keepOne: true };

/**
 * Checks sides; null ones always fit.
 * @throws GmrError `invalid-shape`, naming the sizes that cannot be halved and what to change
 */
function checkHalvings(sizes: readonly (number | null)[], halvings: Halvings): void {
  const { times, oddSides, keepOne } = halvings;
  let maps = [...sizes];
  for (let i = 0; i < times; i++) {
    if (maps.some((size) => size === 1) && !(keepOne && oddSides === "symmetric")) {
      throw new GmrError(
        "invalid-shape",
        `images of [${describe(sizes)}] cannot be halved ${times} times` +
          `${i > 0 ? `: after ${i} their maps are [${describe(maps)}]` : ""}; ` +
          `${keepOne ? 'use larger images or oddSides "symmetric"' : "use larger images or fewer levels"}`,
      );
    }
    if (oddSides === "refuse" && maps.some((size) => size !== null && size % 2 === 1)) {
      throw new GmrError(
        "invalid-shape",
        `images of [${describe(sizes)}] lead to maps of [${describe(maps)}]: ` +
          'upsampling "deconv" needs even sides, or oddSides "floor"',
      );
    }
    maps = maps.map((size) => size && (oddSides === "floor" ? Math.floor(size / 2) : Math.ceil(size / 2)));
  }
}

const describe = (sizes: readonly (number | null)[]): string => sizes.map((size) => size ?? "any").join(", ");

/** Passes images through after `checkHalvings`. */
export class HalvingsCheck extends tf.layers.Layer implements FoldableLayer {
  /** @nocollapse */
  static readonly className = "HalvingsCheck";
  private readonly halvings: Halvings;

  constructor(args: LayerArgs & Halvings) {
    super(checkKeys("the options of HalvingsCheck", args, KEYS));
    const { times, oddSides, keepOne } = args;
    this.halvings = { times, oddSides, keepOne };
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const x = Array.isArray(inputs) ? inputs[0] : inputs;
    checkHalvings(x.shape.slice(1, -1), this.halvings);
    return x.clone();
  }

  /** Drops the layer. */
  foldToStock([x]: readonly tf.SymbolicTensor[]): tf.SymbolicTensor {
    return x;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...this.halvings };
  }
}

/** Checks the sides of a network's images: now if they are known, otherwise in a layer called `name`. */
export function withHalvings(x: tf.SymbolicTensor, name: string, halvings: Halvings): tf.SymbolicTensor {
  const sizes = x.shape.slice(1, -1);
  checkHalvings(sizes, halvings);
  if (!sizes.includes(null) || (halvings.oddSides === "symmetric" && halvings.keepOne)) return x;
  return new HalvingsCheck({ name, ...halvings }).apply(x) as tf.SymbolicTensor;
}
