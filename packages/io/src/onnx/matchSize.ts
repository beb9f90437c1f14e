import type { GraphBuilder } from "./graph.ts";
import { configOf, spatialSizes, type WriteLayer } from "./layerCall.ts";

/**
 * `MatchSize` of `@gmr-conv/models`: resizes the first input to the spatial sizes of the second, by linear
 * interpolation with aligned corners or by repeating the last positions; `double` interpolates to twice the sizes, then
 * repeats. Unknown sizes are read from the tensors when the file runs.
 */
export const matchSize: WriteLayer = ({ graph, layer, inputs, shape }) => {
  const { mode } = configOf<{ mode: "linear" | "replicate" | "double" }>(layer);
  const [x, like] = inputs.map((input) => graph.inOrder(input, true));
  const value = { shape, moved: true };
  const [from, to] = [x, like].map((input) => spatialSizes(input));
  const known = [...from, ...to].every((size) => size !== null);
  if (known && from.join() === to.join()) return { name: x.name, ...value };
  const wanted = spatialShape(graph, like.name, to);
  if (mode === "linear") return { name: resized(graph, x.name, wanted), ...value };
  let [name, sizes] = [x.name, spatialShape(graph, x.name, from)];
  if (mode === "double") {
    sizes = graph.node("Mul", [sizes, graph.integers(to.map(() => 2))]);
    name = resized(graph, name, sizes);
  }
  const none = graph.integers(new Array<number>(to.length + 4).fill(0));
  const pads = graph.node("Concat", [none, graph.node("Sub", [wanted, sizes])], { axis: 0 });
  return { name: graph.node("Pad", [name, pads], { mode: "edge" }), ...value };
};

/** The name of a list of spatial sizes. */
function spatialShape(graph: GraphBuilder, name: string, sizes: readonly (number | null)[]): string {
  if (sizes.every((size) => size !== null)) return graph.integers(sizes);
  return graph.node("Gather", [graph.node("Shape", [name]), graph.integers(sizes.map((_, i) => i + 2))]);
}

/** Linear interpolation with aligned corners. */
function resized(graph: GraphBuilder, name: string, sizes: string): string {
  const first = graph.node("Gather", [graph.node("Shape", [name]), graph.integers([0, 1])]);
  const all = graph.node("Concat", [first, sizes], { axis: 0 });
  return graph.node("Resize", [name, "", "", all], {
    mode: "linear",
    coordinate_transformation_mode: "align_corners",
  });
}
