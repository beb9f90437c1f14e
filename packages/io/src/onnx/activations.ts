// Activations by their names in TensorFlow.js, and the layers that only apply one.

import { fileAxis, float, type GraphBuilder, inFileOrder, type Value } from "./graph.ts";
import { configOf, type LayerCall, unsupportedLayer, type WriteLayer, weightOf } from "./layerCall.ts";

type Activation = (graph: GraphBuilder, x: Value) => Value;

function unary(type: string, attributes = {}): Activation {
  return (graph, x) => graph.elementwise(type, x, [], attributes);
}

/** x · factor(x) */
function gated(factor: Activation): Activation {
  return (graph, x) => graph.elementwise("Mul", x, [factor(graph, x).name]);
}

function scaled(graph: GraphBuilder, x: Value, factor: number): Value {
  return graph.elementwise("Mul", x, [graph.scalar(factor)]);
}

function shifted(graph: GraphBuilder, x: Value, summand: number): Value {
  return graph.elementwise("Add", x, [graph.scalar(summand)]);
}

function lastAxis(type: string): Activation {
  return (graph, x) => graph.elementwise(type, x, [], { axis: fileAxis(x, -1) });
}

const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  linear: (_, x) => x,
  elu: unary("Elu"),
  selu: unary("Selu"),
  relu: unary("Relu"),
  relu6: (graph, x) => clip(graph, x, 6),
  sigmoid: unary("Sigmoid"),
  hardSigmoid: unary("HardSigmoid", { alpha: float(0.2), beta: float(0.5) }),
  softplus: unary("Softplus"),
  softsign: unary("Softsign"),
  tanh: unary("Tanh"),
  softmax: lastAxis("Softmax"),
  logSoftmax: lastAxis("LogSoftmax"),
  swish: gated(unary("Sigmoid")),
  mish: gated((graph, x) => graph.elementwise("Tanh", graph.elementwise("Softplus", x))),
  // ½(1 + erf(x / √2))
  gelu: gated((graph, x) => {
    const erf = graph.elementwise("Erf", scaled(graph, x, Math.SQRT1_2));
    return scaled(graph, shifted(graph, erf, 1), 0.5);
  }),
  // ½(1 + tanh(√(2/π) x (1 + 0.044715 x²)))
  gelu_new: gated((graph, x) => {
    const square = graph.elementwise("Mul", x, [x.name]);
    const factor = shifted(graph, scaled(graph, square, 0.044715), 1);
    const inner = scaled(graph, graph.elementwise("Mul", factor, [x.name]), Math.sqrt(2 / Math.PI));
    return scaled(graph, shifted(graph, graph.elementwise("Tanh", inner), 1), 0.5);
  }),
};

function clip(graph: GraphBuilder, x: Value, largest: number): Value {
  return graph.elementwise("Clip", x, [graph.scalar(0), graph.scalar(largest)]);
}

/** Negative numbers times `slope`: 0 for a rectifier, 1 for none. */
export function rectified(graph: GraphBuilder, x: Value, slope: number): Value {
  if (slope === 1) return x;
  return slope === 0
    ? graph.elementwise("Relu", x)
    : graph.elementwise("LeakyRelu", x, [], { alpha: float(slope) });
}

/** Adds what follows the sums of a convolution: the rectifier of the norm that was merged into it, or its activation. */
export function finish(call: LayerCall, x: Value, activation: string): Value {
  return call.norm ? rectified(call.graph, x, call.norm.slope) : activate(call, x, activation);
}

/** Adds the activation of a layer. @throws GmrError `unsupported` for one that is not of TensorFlow.js */
export function activate({ graph, layer }: LayerCall, x: Value, name: string): Value {
  if (!Object.hasOwn(ACTIVATIONS, name)) {
    throw unsupportedLayer(layer, `has the activation ${name}, which cannot be written in ONNX`);
  }
  return ACTIVATIONS[name](graph, x);
}

export const activationLayers: Readonly<Record<string, WriteLayer>> = {
  Activation: (call) =>
    activate(call, call.inputs[0], configOf<{ activation: string }>(call.layer).activation),

  ReLU({ graph, layer, inputs: [x] }) {
    const { maxValue } = configOf<{ maxValue?: number | null }>(layer);
    return maxValue == null ? graph.elementwise("Relu", x) : clip(graph, x, maxValue);
  },

  LeakyReLU({ graph, layer, inputs: [x] }) {
    return rectified(graph, x, configOf<{ alpha: number }>(layer).alpha);
  },

  PReLU({ graph, layer, inputs: [x] }) {
    const slope = graph.weight(layer, x.moved ? "moved_alpha" : "alpha", () => {
      const alpha = weightOf(layer, "alpha")!.expandDims(0);
      const axes = alpha.shape.map((_, axis) => axis);
      return alpha.transpose(inFileOrder(axes, x.moved)).squeeze([0]);
    });
    return graph.elementwise("PRelu", x, [slope]);
  },

  ELU: ({ graph, inputs: [x] }) => graph.elementwise("Elu", x),

  ThresholdedReLU({ graph, layer, inputs: [x] }) {
    const { theta } = configOf<{ theta: number }>(layer);
    return graph.elementwise("ThresholdedRelu", x, [], { alpha: float(theta) });
  },

  Softmax({ graph, layer, inputs: [x] }) {
    const axes = [configOf<{ axis: number | number[] }>(layer).axis].flat().map((axis) => fileAxis(x, axis));
    if (axes.length === 1) return graph.elementwise("Softmax", x, [], { axis: axes[0] });
    const logSum = graph.elementwise("ReduceLogSumExp", x, [], { axes, keepdims: 1 });
    return graph.elementwise("Exp", graph.elementwise("Sub", x, [logSum.name]));
  },
};
