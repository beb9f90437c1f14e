import type * as tf from "@tensorflow/tfjs";

/**
 * The shape [...spatial, C] of the map that was flattened for the input of a layer; undefined if none was, or if it has
 * a single position.
 */
export function flattenedMap(layer: tf.layers.Layer): number[] | undefined {
  for (let node = layer.inboundNodes[0]; node?.inputTensors.length === 1; ) {
    const [{ shape }] = node.inputTensors;
    const [source] = node.inboundLayers;
    node = source?.inboundNodes[node.nodeIndices[0]];
    if (shape.length !== 2 || node?.inputTensors.length !== 1) return undefined;
    const map = node.inputTensors[0].shape.slice(1);
    const size = map.reduce<number>((a, b) => a * (b ?? 0), 1);
    if (map.length > 1 && size === shape[1]) return size > (map.at(-1) ?? 0) ? map.map(Number) : undefined;
    if (source.weights.some(({ originalName }) => originalName.endsWith("kernel"))) return undefined;
  }
  return undefined;
}
