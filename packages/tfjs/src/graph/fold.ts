// Folding: a model with our layers becomes a stock model that computes the same.

import { checkKeys, type KeysOf, oneOf } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { checkModel } from "../checks.ts";
import { writesItself } from "../layers/foldable.ts";
import { isFoldableConv } from "../layers/foldedConv.ts";
import { mergeIntoStock } from "./mergeIntoStock.ts";
import { normAffine, planMerges } from "./merges.ts";
import { type GraphNode, nestedGraphs } from "./nodes.ts";
import { rebuildModel, type UniqueName } from "./rebuild.ts";
import { SharedLayers } from "./sharedLayers.ts";
import { checkStock } from "./stockClasses.ts";
import { stockConv } from "./stockConv.ts";
import { stockRectifier } from "./stockRectifier.ts";
import { tidied } from "./tidied.ts";

export interface FoldOptions {
  /** Merge a convolution and the batch normalisation after it into one layer. Default true. */
  mergeBatchNorm?: boolean | undefined;
  /**
   * What becomes of GMR convolutions: `"fold"` (default) turns them into stock convolutions; `"keep"` leaves them and
   * their norms unchanged, and replaces only the other non-stock layers.
   */
  rings?: "fold" | "keep" | undefined;
}

const KEYS: KeysOf<FoldOptions> = { mergeBatchNorm: true, rings: true };

/**
 * A stock model that computes what `model` computes at inference, with its own weights. It needs this package neither
 * to run nor to load. `model` is not modified.
 *
 * GMR convolutions become dense ones, padding included; batch normalisation after a convolution is merged into its
 * kernel. Layers of other packages take part by a method `foldToStock` (`FoldableLayer`). What is shared stays shared,
 * except weights that differ after merging.
 *
 * @throws GmrError `unsupported` for a layer without a stock equivalent, or padding that no stock layer does for inputs
 *   of unknown size, naming the layer; `invalid-argument` for an unknown option
 *
 * @example
 * await foldModel(model).save("downloads://stock-model"); // loads in plain TensorFlow.js
 */
export function foldModel(model: tf.LayersModel, options: FoldOptions = {}): tf.LayersModel {
  checkModel(model);
  const { mergeBatchNorm = true, rings = "fold" } = checkKeys("the options of foldModel", options, KEYS);
  oneOf("rings", rings, ["fold", "keep"]);
  for (const { nodes } of nestedGraphs(model)) {
    for (const { layer } of nodes) if (!isFoldable(layer)) checkStock(layer);
  }
  const mergeable = (layer: tf.layers.Layer): boolean =>
    isFoldableConv(layer) ? rings === "fold" : layer.getConfig().dataFormat !== "channelsFirst";
  const merges = mergeBatchNorm ? planMerges(model, mergeable) : new Map<number, GraphNode>();
  const folder = new Folder(merges, rings);
  return tidied(() =>
    rebuildModel(model, (node, inputs, name) => {
      const folded = folder.fold(node, inputs, name);
      return folded && [folded];
    }),
  );
}

function isFoldable(layer: tf.layers.Layer): boolean {
  return layer instanceof tf.LayersModel || isFoldableConv(layer) || writesItself(layer);
}

/** Expresses layers as stock layers. Use inside `tf.tidy`. */
class Folder {
  private readonly rings: "fold" | "keep";
  private readonly layers = new SharedLayers();
  private readonly mergedConvs: ReadonlySet<tf.layers.Layer>;
  /** The convolution of a merge, by the id of its norm's output. */
  private readonly convOf: ReadonlyMap<number, GraphNode>;
  private readonly names = new Map<tf.layers.Layer, string>();

  constructor(merges: ReadonlyMap<number, GraphNode>, rings: "fold" | "keep") {
    this.rings = rings;
    this.mergedConvs = new Set([...merges.values()].map(({ layer }) => layer));
    this.convOf = merges;
  }

  /** The replacement for a call, or undefined to keep its layer. */
  fold(
    { layer, outputs }: GraphNode,
    inputs: readonly tf.SymbolicTensor[],
    name: UniqueName,
  ): tf.SymbolicTensor | undefined {
    if (this.mergedConvs.has(layer)) {
      this.names.set(layer, name());
      return inputs[0]; // emitted in place of its norm
    }
    const conv = this.convOf.get(outputs[0].id);
    if (conv) return this.merge(conv.layer, layer, inputs[0], name);
    if (isFoldableConv(layer)) {
      if (this.rings === "keep") return undefined;
      return stockConv(layer, layer.foldedConv(), inputs[0], undefined, name, this.layers);
    }
    return writesItself(layer) ? layer.foldToStock(inputs, name, this.layers) : undefined;
  }

  private merge(
    conv: tf.layers.Layer,
    norm: tf.layers.Layer,
    input: tf.SymbolicTensor,
    name: UniqueName,
  ): tf.SymbolicTensor {
    const affine = normAffine(norm);
    const own: UniqueName = (wanted) => (wanted === undefined ? this.names.get(conv)! : name(wanted));
    const merged = isFoldableConv(conv)
      ? stockConv(conv, conv.foldedConv(), input, affine, own, this.layers)
      : mergeIntoStock(conv, affine, input, own());
    return affine.slope === 0 ? merged : stockRectifier(merged, affine.slope, norm.name, name);
  }
}
