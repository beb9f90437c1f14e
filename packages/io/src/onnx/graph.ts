// An ONNX graph under construction. `shape` has the order of TensorFlow.js, while the file's tensor may have the
// channels second, as ONNX convolutions require; a Transpose is added where an operator needs the other order.

import { freshName } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { Attributes, FloatAttribute, OnnxNode, OnnxTensor } from "./encodeModel.ts";

/** A tensor of the graph. */
export interface Value {
  readonly name: string;
  /** In the order of TensorFlow.js; null for an unknown size. */
  readonly shape: readonly (number | null)[];
  /** Whether the last axis of `shape` is the second one of the file's tensor. */
  readonly moved: boolean;
}

/**
 * How ring kernels are stored: `fold` as ordinary ones, `keep` as rings from which the file makes ordinary ones, `sums`
 * as sums of inputs over each ring times a matrix.
 */
export type RingForm = "fold" | "keep" | "sums";

export class GraphBuilder {
  readonly nodes: OnnxNode[] = [];
  /** Numbers in memory. */
  readonly constants: OnnxTensor[] = [];
  /** Numbers still on a backend. */
  readonly weights: { readonly name: string; readonly tensor: tf.Tensor; readonly least: number }[] = [];
  /** How ring kernels are stored. */
  rings: RingForm = "fold";
  /** The layer being written, the prefix of added names. */
  owner = "";
  private readonly names = new Set<string>();
  private readonly constantNames = new Map<string, string>();
  private readonly weightNames = new Map<tf.layers.Layer, Map<string, string>>();
  /** Names of transposed tensors, by name and order. */
  private readonly transposed = new Map<string, string>();

  /** The wanted name, with a number appended if it is taken. */
  unique(wanted: string): string {
    const name = freshName(wanted, (candidate) => !this.names.has(candidate));
    this.names.add(name);
    return name;
  }

  /** Adds a node with one output; returns the output's name. */
  node(type: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const name = this.unique(`${this.owner}/${type}`);
    this.nodes.push({ type, name, inputs, outputs: [name], attributes });
    return name;
  }

  /** An elementwise node, which works for any order of axes. */
  elementwise(type: string, value: Value, others: readonly string[] = [], attributes?: Attributes): Value {
    return { ...value, name: this.node(type, [value.name, ...others], attributes) };
  }

  /** A constant list of integers. */
  integers(values: readonly number[]): string {
    const key = `integers_${values.join("_")}`;
    const create = () =>
      ({ type: "int64", shape: [values.length], data: BigInt64Array.from(values, BigInt) }) as const;
    return this.constant(key, create, values.length > 8 ? "integers" : key);
  }

  /** A constant integer. */
  integer(value: number): string {
    return this.constant(`integer_${value}`, () => ({
      type: "int64",
      shape: [],
      data: BigInt64Array.of(BigInt(value)),
    }));
  }

  /** A constant list of floats. */
  numbers(values: readonly number[]): string {
    return this.constant(`numbers_${values.join("_")}`, () => ({
      type: "float32",
      shape: [values.length],
      data: Float32Array.from(values),
    }));
  }

  /** A constant number. */
  scalar(value: number): string {
    return this.constant(`number_${value}`, () => ({
      type: "float32",
      shape: [],
      data: Float32Array.of(value),
    }));
  }

  /** The 0/1 masks of a partition into rings, [R, 1, ...k]. @param index the ring of each position, or -1 */
  ringMasks(numRings: number, kernelSize: readonly number[], index: Int32Array): string {
    const key = `masks_${kernelSize.join("x")}_${numRings}_${index.join("_")}`;
    const create = () => {
      const data = new Float32Array(numRings * index.length);
      index.forEach((ring, position) => {
        if (ring >= 0) data[ring * index.length + position] = 1;
      });
      return { type: "float32", shape: [numRings, 1, ...kernelSize], data } as const;
    };
    return this.constant(key, create, `masks_${kernelSize.join("x")}`);
  }

  private constant(key: string, create: () => Omit<OnnxTensor, "name">, wanted = key): string {
    const known = this.constantNames.get(key);
    if (known !== undefined) return known;
    const name = this.unique(wanted);
    this.constantNames.set(key, name);
    this.constants.push({ name, ...create() });
    return name;
  }

  /**
   * A constant made from a layer's weights, with the smallest valid number. Written once, however often the layer is
   * called.
   */
  weight(
    layer: tf.layers.Layer,
    key: string,
    create: () => tf.Tensor,
    least = Number.NEGATIVE_INFINITY,
  ): string {
    const names = this.weightNames.get(layer) ?? new Map<string, string>();
    this.weightNames.set(layer, names);
    const known = names.get(key);
    if (known !== undefined) return known;
    const name = this.unique(`${layer.name}/${key}`);
    names.set(key, name);
    // A clone, since a weight itself belongs to the model.
    this.weights.push({ name, tensor: create().clone(), least });
    return name;
  }

  /** A Transpose, if the order changes. */
  transpose(name: string, order: readonly number[]): string {
    return order.every((from, to) => from === to) ? name : this.node("Transpose", [name], { perm: order });
  }

  /** The value in the given order: with the channels second, or as in TensorFlow.js. */
  inOrder(value: Value, moved: boolean): Value {
    if (value.moved === moved || value.shape.length < 3) return { ...value, moved };
    const key = (name: string, to: boolean): string => `${name} ${to}`;
    let name = this.transposed.get(key(value.name, moved));
    if (name === undefined) {
      name = this.transpose(value.name, moved ? toMoved(value.shape.length) : toPlain(value.shape.length));
      this.transposed.set(key(value.name, moved), name);
      this.transposed.set(key(name, value.moved), value.name);
    }
    return { ...value, name, moved };
  }

  /** Values of equal rank in the same order: with the channels second if any of them has. */
  inCommonOrder(values: readonly Value[]): Value[] {
    const moved = values.some((value) => value.moved && value.shape.length > 2);
    return values.map((value) => this.inOrder(value, moved));
  }

  /** Makes values the outputs of the model, under names reserved before. */
  finish(values: readonly Value[], names: readonly string[]): void {
    const made = new Set(this.nodes.flatMap(({ outputs }) => outputs));
    const renamed = new Map<string, string>();
    values.forEach((value, i) => {
      if (made.has(value.name) && !renamed.has(value.name)) renamed.set(value.name, names[i]);
    });
    const rename = (name: string): string => renamed.get(name) ?? name;
    const nodes = this.nodes.splice(0);
    for (const node of nodes) {
      this.nodes.push({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) });
    }
    // An input of the model, or a value used for two outputs.
    values.forEach((value, i) => {
      const [name, source] = [names[i], rename(value.name)];
      if (source === name) return;
      this.nodes.push({ type: "Identity", name, inputs: [source], outputs: [name], attributes: {} });
    });
  }
}

export function float(value: number): FloatAttribute {
  return { float: value };
}

/** The axis of the file's tensor for an axis in TensorFlow.js, which may count from the end. */
export function fileAxis({ shape, moved }: Value, axis: number): number {
  const rank = shape.length;
  const plain = axis < 0 ? axis + rank : axis;
  if (!moved || rank < 3 || plain === 0) return plain;
  return plain === rank - 1 ? 1 : plain + 1;
}

/** A shape, or anything else with one entry per axis, in the order of the file. */
export function inFileOrder<T>(entries: readonly T[], moved: boolean): T[] {
  return moved ? toMoved(entries.length).map((axis) => entries[axis]) : [...entries];
}

/** [N, ..., C] → [N, C, ...] */
function toMoved(rank: number): number[] {
  if (rank < 3) return Array.from({ length: rank }, (_, i) => i);
  return [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];
}

/** [N, C, ...] → [N, ..., C] */
function toPlain(rank: number): number[] {
  return [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
}
