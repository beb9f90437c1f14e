// Gradient checkpointing (Chen et al. 2016, https://arxiv.org/abs/1604.06174): backpropagation needs the outputs of
// every layer, which take most of the memory of training. Here a model is cut into segments; the forward pass keeps
// only what crosses the cuts, and the backward pass recomputes each segment when it gets there.

import { describeValue, GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { runNodes, type Values } from "./runNodes.ts";
import { cutModel, type Segment, stageEnds } from "./segments.ts";

/**
 * The loss of a model in training mode and its gradients, as from `tf.variableGrads` of the whole model, with less
 * memory: that of the tensors at the cuts and of one segment at a time. All segments but the last are computed twice.
 * Weights that are not trained, such as the moving averages of batch normalisation, are updated once.
 *
 * A cut may go through several tensors (the skip connections of a U-Net); {@link stageBoundaries} lists the cuts
 * through a single one.
 *
 * @param stages names of the layers to cut after; default: after each stage but the last ({@link stageEnds})
 * @param x the model's input, or its inputs
 * @param lossOf computes the loss, a scalar, from the model's outputs
 * @returns `value`, the loss, and `grads`, gradients by name of the variable, in the variables' order, as from
 *   `tf.variableGrads`; the caller disposes of them
 * @throws GmrError `invalid-argument` for stages where the model cannot be cut, a wrong number of inputs, or a loss
 *   that depends on none of the variables; `invalid-shape` for a loss that is not a scalar; `unsupported` if a layer
 *   that is computed twice draws random numbers that cannot be repeated (dropout needs a seed), keeps state between
 *   calls, or uses masks
 *
 * @example
 * const lossOf = (logits) => softmaxCrossEntropy(logits, labels);
 * const { value, grads } = checkpointedGradients(model, undefined, images, lossOf, variables);
 * optimizer.applyGradients(grads);
 * tf.dispose([value, grads]);
 */
export function checkpointedGradients(
  model: tf.LayersModel,
  stages: readonly string[] | undefined,
  x: tf.Tensor | readonly tf.Tensor[],
  lossOf: (...outputs: tf.Tensor[]) => tf.Scalar,
  variables: readonly tf.Variable[],
): { value: tf.Scalar; grads: tf.NamedTensorMap } {
  const inputs = x instanceof tf.Tensor ? [x] : x;
  if (inputs.length !== model.inputs.length) {
    throw new GmrError(
      "invalid-argument",
      `model ${model.name} has ${model.inputs.length} input(s), got ${inputs.length}`,
    );
  }
  const segments = cutModel(model, stages ?? stageEnds(model));
  segments.slice(0, -1).forEach(checkRepeatable);
  return tf.tidy(() => {
    const values: Values = new Map(model.inputs.map((input, i) => [input, inputs[i]]));
    for (const segment of segments.slice(0, -1)) {
      const made = tf.tidy(() => runNodes(segment.nodes, values, segment.makes));
      segment.makes.forEach((tensor, i) => {
        values.set(tensor, made[i]);
      });
    }
    const backward = new Backward(new Set(model.inputs), values, variables);
    const loss = backward.pass(segments[segments.length - 1], model.outputs, (outputs) => lossOf(...outputs));
    if (loss.rank !== 0)
      throw new GmrError("invalid-shape", `lossOf must return a scalar, got [${loss.shape}]`);
    for (const segment of segments.slice(0, -1).reverse()) backward.repeat(segment);
    // In the order of the variables, which the stock optimisers rely on.
    const found = variables.filter(({ name }) => backward.grads[name]);
    if (found.length === 0) {
      throw new GmrError("invalid-argument", `the loss depends on none of the ${variables.length} variables`);
    }
    const grads = Object.fromEntries(found.map(({ name }) => [name, backward.grads[name]]));
    return { value: loss as tf.Scalar, grads };
  });
}

/** The backward pass, from the last segment to the first. */
class Backward {
  readonly grads: tf.NamedTensorMap = {};
  private readonly inputs: ReadonlySet<tf.SymbolicTensor>;
  private readonly values: Values;
  private readonly variables: readonly tf.Variable[];
  /** Gradients of the tensors that cross the cuts. */
  private readonly incoming: Values = new Map();

  constructor(inputs: ReadonlySet<tf.SymbolicTensor>, values: Values, variables: readonly tf.Variable[]) {
    this.inputs = inputs;
    this.values = values;
    this.variables = variables;
  }

  /** Recomputes a segment without updating its untrained weights, and backpropagates through it. */
  repeat(segment: Segment): void {
    const dys = segment.makes.map((tensor) => this.incoming.get(tensor));
    tf.dispose(segment.makes.map((tensor) => this.values.get(tensor)!));
    if (dys.every((dy) => dy === undefined)) return;
    const kept = segment.nodes
      .flatMap(({ layer }) => layer.nonTrainableWeights)
      .map((weight) => ({ weight: weight.read() as tf.Variable, value: weight.read().clone() }));
    tf.dispose(this.pass(segment, segment.makes, (made) => meeting(made, dys)));
    for (const { weight, value } of kept) weight.assign(value);
    tf.dispose(kept.map(({ value }) => value));
  }

  /** Backpropagates `end`, made from a segment's results, adds up the gradients, and returns the value. */
  pass(
    segment: Segment,
    results: readonly tf.SymbolicTensor[],
    end: (values: tf.Tensor[]) => tf.Tensor,
  ): tf.Tensor {
    const { values, variables, grads, incoming } = this;
    const reads = segment.reads.filter(
      (tensor) => !this.inputs.has(tensor) && values.get(tensor)?.dtype === "float32",
    );
    const from = reads.map((tensor) => values.get(tensor)!);
    const { value, grads: found } = tf
      .engine()
      .gradients(
        () => end(runNodes(segment.nodes, values, results)),
        [...from, ...variables],
        undefined,
        true,
      );
    reads.forEach((tensor, i) => {
      const sum = total(incoming.get(tensor), found[i]);
      if (sum) incoming.set(tensor, sum);
    });
    variables.forEach(({ name }, i) => {
      const sum = total(grads[name], found[reads.length + i]);
      if (sum) grads[name] = sum;
    });
    return value;
  }
}

/** The sum of gradients, perhaps of none; they are disposed of. */
function total(a: tf.Tensor | undefined, b: tf.Tensor | undefined): tf.Tensor | undefined {
  if (!a || !b) return a ?? b;
  const sum = a.add(b);
  tf.dispose([a, b]);
  return sum;
}

/** A scalar with the given gradients, which are disposed of when they are used. */
function meeting(tensors: tf.Tensor[], dys: readonly (tf.Tensor | undefined)[]): tf.Tensor {
  const op = tf.customGrad(() => ({
    value: tf.scalar(0),
    gradFunc: () =>
      dys.map((dy, i) => {
        // Clones, since backpropagation frees gradients as soon as it can.
        const own = dy?.clone() ?? tf.zeros(tensors[i].shape);
        dy?.dispose();
        return own;
      }),
  }));
  return op(...tensors);
}

/** Checks that layers do the same when recomputed. Custom layers that draw random numbers are not recognised. */
function checkRepeatable({ nodes }: Pick<Segment, "nodes">): void {
  for (const { layer } of nodes) {
    const parts = layer instanceof tf.LayersModel ? layer.layers : [];
    checkRepeatable({ nodes: parts.map((part) => ({ layer: part, inputs: [], outputs: [], kwargs: {} })) });
    // Noise of the stock layers: all kinds of dropout, Gaussian noise, recurrent layers. They treat a seed of 0 as
    // none.
    const { rate, stddev, dropout, recurrentDropout, seed } = layer.getConfig();
    const noise = [rate, stddev, dropout, recurrentDropout].find(
      (share) => typeof share === "number" && share > 0,
    );
    if (noise !== undefined && !seed) {
      throw new GmrError(
        "unsupported",
        `layer ${layer.name} draws new random numbers (seed ${describeValue(seed)}), but is computed twice: ` +
          "give it a seed other than 0, or cut before it and nowhere after",
      );
    }
    if (layer.stateful && parts.length === 0) {
      throw new GmrError(
        "unsupported",
        `layer ${layer.name} keeps state between calls, but is computed twice`,
      );
    }
  }
}
