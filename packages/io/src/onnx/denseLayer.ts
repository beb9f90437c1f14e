import { finish } from "./activations.ts";
import type { Value } from "./graph.ts";
import { biasOf, configOf, type LayerCall, weightOf } from "./layerCall.ts";

/** A matrix product over the last axis; for images in the file's order, a convolution of size one. */
export function dense(call: LayerCall): Value {
  const { graph, layer, inputs, norm, shape } = call;
  const [x] = inputs;
  const rank = x.shape.length;
  const asConv = x.moved && rank > 2;
  const kernel = graph.weight(layer, asConv ? `kernel_${rank - 2}d` : "kernel", () => {
    const weights = weightOf(layer, "kernel")!;
    const scaled = norm ? weights.mul(norm.scale) : weights;
    const [inner, units] = weights.shape;
    return asConv ? scaled.transpose().reshape([units, inner, ...x.shape.slice(2).map(() => 1)]) : scaled;
  });
  const ownBias = weightOf(layer, "bias");
  const bias = ownBias || norm ? [graph.weight(layer, "bias", () => biasOf(ownBias, norm))] : [];
  let name: string;
  if (asConv) {
    name = graph.node("Conv", [x.name, kernel, ...bias]);
  } else if (rank === 2) {
    name = graph.node("Gemm", [x.name, kernel, ...bias]);
  } else {
    name = graph.node("MatMul", [x.name, kernel]);
    if (bias.length > 0) name = graph.node("Add", [name, ...bias]);
  }
  const { activation } = configOf<{ activation: string }>(layer);
  return finish(call, { name, shape, moved: x.moved }, activation);
}
