import { isFoldableConv } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { activationLayers } from "./activations.ts";
import { convLayers, writeFoldedConv } from "./convLayers.ts";
import { dense } from "./denseLayer.ts";
import { discFieldOfView } from "./discFieldOfView.ts";
import type { Value } from "./graph.ts";
import { type LayerCall, unsupportedLayer, type WriteLayer } from "./layerCall.ts";
import { matchSize } from "./matchSize.ts";
import { mergeLayers } from "./mergeLayers.ts";
import { normLayers } from "./normLayers.ts";
import { poolingLayers } from "./poolingLayers.ts";
import { shapeLayers } from "./shapeLayers.ts";

/** Layers that do nothing outside training. */
const identity: WriteLayer = ({ inputs: [x] }) => x;

const WRITERS: Readonly<Record<string, WriteLayer>> = {
  ...activationLayers,
  ...convLayers,
  ...mergeLayers,
  ...normLayers,
  ...poolingLayers,
  ...shapeLayers,
  Dense: dense,
  DiscFieldOfView: discFieldOfView,
  MatchSize: matchSize,
  Dropout: identity,
  SpatialDropout1D: identity,
  GaussianNoise: identity,
  GaussianDropout: identity,
  AlphaDropout: identity,
};

/** Whether {@link writeLayer} has nodes for a layer. */
export function isWritable(layer: tf.layers.Layer): boolean {
  return isFoldableConv(layer) || Object.hasOwn(WRITERS, layer.getClassName());
}

/** Writes one call of a layer. @throws GmrError `unsupported`, naming the layer and its class */
export function writeLayer(call: LayerCall): Value {
  const { layer } = call;
  if (isFoldableConv(layer)) return writeFoldedConv(call, layer.foldedConv());
  if (!isWritable(layer)) throw unsupportedLayer(layer);
  return WRITERS[layer.getClassName()](call);
}
