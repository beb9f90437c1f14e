// Layers that merge several tensors.

import { fileAxis, type GraphBuilder, type Value } from "./graph.ts";
import { configOf, type LayerCall, unsupportedLayer, type WriteLayer } from "./layerCall.ts";

/**
 * Inputs with equal rank and order: those of lower rank get axes of size 1 after the batch axis, as in TensorFlow.js.
 */
function aligned({ graph, inputs }: LayerCall): Value[] {
  const rank = Math.max(...inputs.map(({ shape }) => shape.length));
  const values = inputs.map((x) => {
    const added = Array.from({ length: rank - x.shape.length }, (_, i) => i + 1);
    if (added.length === 0) return x;
    const plain = graph.inOrder(x, false);
    const [batch, ...sizes] = x.shape;
    return {
      name: graph.node("Unsqueeze", [plain.name, graph.integers(added)]),
      shape: [batch, ...added.map(() => 1), ...sizes],
      moved: false,
    };
  });
  return graph.inCommonOrder(values);
}

/** A binary operator, folded over the inputs. */
function chain(type: string): WriteLayer {
  return (call) => {
    const [first, ...others] = aligned(call);
    const name = others.reduce((sum, { name }) => call.graph.node(type, [sum, name]), first.name);
    return { name, shape: call.shape, moved: first.moved };
  };
}

/** An operator on any number of tensors. */
function variadic(type: string): WriteLayer {
  return (call) => {
    const values = aligned(call);
    const name = call.graph.node(
      type,
      values.map((value) => value.name),
    );
    return { name, shape: call.shape, moved: values[0].moved };
  };
}

/** x / √(max(Σx², ε)) */
function normalize(graph: GraphBuilder, x: string, axis: number): string {
  const squares = graph.node("ReduceSumSquare", [x], { axes: [axis], keepdims: 1 });
  const norm = graph.node("Sqrt", [graph.node("Max", [squares, graph.scalar(1e-7)])]);
  return graph.node("Div", [x, norm]);
}

export const mergeLayers: Readonly<Record<string, WriteLayer>> = {
  Add: chain("Add"),
  Multiply: chain("Mul"),
  Average: variadic("Mean"),
  Maximum: variadic("Max"),
  Minimum: variadic("Min"),

  AddThenRelu: (call) => call.graph.elementwise("Relu", chain("Add")(call)),

  Concatenate(call) {
    const values = call.graph.inCommonOrder(call.inputs);
    const axis = fileAxis(values[0], configOf<{ axis: number }>(call.layer).axis);
    const name = call.graph.node(
      "Concat",
      values.map((value) => value.name),
      { axis },
    );
    return { name, shape: call.shape, moved: values[0].moved };
  },

  Dot({ graph, layer, inputs, shape }) {
    const config = configOf<{ axes: number | number[]; normalize: boolean }>(layer);
    const ranks = inputs.map((value) => value.shape.length);
    const axes = ranks.map((rank, i) => {
      const axis = [config.axes].flat().at(i) ?? [config.axes].flat()[0];
      return axis < 0 ? axis + rank : axis;
    });
    if (axes.includes(0))
      throw unsupportedLayer(layer, "sums over the batch, which cannot be written in ONNX");
    const [x, y] = inputs.map((value, i) => {
      const { name } = graph.inOrder(value, false);
      return config.normalize ? normalize(graph, name, axes[i]) : name;
    });
    // [N, ..., k] · [N, k, ...], where vectors are a row and a column.
    const row =
      ranks[0] === 2 ? graph.node("Unsqueeze", [x, graph.integers([1])]) : lastTwo(graph, x, axes[0] === 1);
    const column =
      ranks[1] === 2 ? graph.node("Unsqueeze", [y, graph.integers([2])]) : lastTwo(graph, y, axes[1] === 2);
    const product = graph.node("MatMul", [row, column]);
    const single = ranks[0] === 2 ? [1] : ranks[1] === 2 ? [2] : [];
    const name = single.length > 0 ? graph.node("Squeeze", [product, graph.integers(single)]) : product;
    return { name, shape, moved: false };
  },
};

/** Swaps the last two of three axes, or leaves them. */
function lastTwo(graph: GraphBuilder, x: string, swap: boolean): string {
  return graph.transpose(x, swap ? [0, 2, 1] : [0, 1, 2]);
}
