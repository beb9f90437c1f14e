// Ops of the native library on its own tensors. A kernel uses a dozen of them; through the engine, each would cost more
// in bookkeeping than small ops take to compute.

import type { BoundedCache } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { Kind } from "./native/plan.ts";
import type { NativeBackend, OpAttr } from "./nativeBackend.ts";

/** A float32 tensor of the native library. */
export interface Native {
  readonly id: number;
  readonly shape: readonly number[];
}

/** Zeros before and after an axis. */
export type Padding = readonly [before: number, after: number];

/** A convolution's geometry; one entry per axis of the image. */
export interface ConvWindow {
  strides: readonly [number, number];
  padding: readonly [Padding, Padding];
}

export class NativeOps {
  readonly backend: NativeBackend;
  private readonly constants: BoundedCache<string, number>;
  private readonly plans: BoundedCache<string, number>;
  private readonly made = new Set<number>();

  /**
   * @param constants cached int32 tensors, by their shape and values
   * @param plans cached int32 tensors, by what they describe
   */
  constructor(
    backend: NativeBackend,
    constants: BoundedCache<string, number>,
    plans: BoundedCache<string, number>,
  ) {
    this.backend = backend;
    this.constants = constants;
    this.plans = plans;
  }

  input(tensor: tf.TensorInfo): Native {
    return { id: this.backend.getInputTensorIds([tensor])[0], shape: tensor.shape };
  }

  /** A small tensor. */
  upload(values: Float32Array, shape: readonly number[]): Native {
    const { binding } = this.backend;
    const id = binding.createTensor(shape, binding.TF_FLOAT, values);
    this.made.add(id);
    return { id, shape };
  }

  /** Frees everything that was created and not kept. */
  dispose(): void {
    for (const id of this.made) this.backend.binding.deleteTensor(id);
    this.made.clear();
  }

  /** Frees a large tensor that is no longer needed before the kernel is done. */
  free(x: Native): void {
    if (this.made.delete(x.id)) this.backend.binding.deleteTensor(x.id);
  }

  /** Lets a tensor outlive this kernel. One that belongs to an input gets another handle. */
  keep(x: Native): Native {
    return this.made.delete(x.id) ? x : this.keep(this.alias(x));
  }

  /** Takes ownership of what an earlier kernel kept: it is freed with this one. */
  adopt(x: Native): void {
    this.made.add(x.id);
  }

  /** Hands a tensor to the engine. */
  release(x: Native): tf.Tensor {
    const { id } = this.keep(x);
    const { TF_FLOAT } = this.backend.binding;
    return this.backend.createOutputTensor({ id, shape: [...x.shape], dtype: TF_FLOAT });
  }

  run(name: string, attrs: OpAttr[], inputs: readonly number[], outputs = 1): Native[] {
    const { binding } = this.backend;
    const type = { name: "T", type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
    const results = binding.executeOp(name, [type, ...attrs], [...inputs], outputs);
    for (const { id } of results) this.made.add(id);
    return results;
  }

  /**
   * Runs a kernel of `native/`.
   * @param shapes of its results
   * @param plan the kernel's integers
   * @param key of those, if they are many
   */
  kernel(
    kind: Kind,
    inputs: readonly Native[],
    shapes: readonly (readonly number[])[],
    plan: readonly number[] | (() => readonly number[]),
    key = `${plan}`,
  ): Native[] {
    const { binding } = this.backend;
    const id = this.plans.get(`${kind}:${shapes.join(";")}:${key}`, () => {
      const numbers = [
        kind,
        ...shapes.flatMap((shape) => [shape.length, ...shape]),
        ...(typeof plan === "function" ? plan() : plan),
      ];
      return binding.createTensor([numbers.length], binding.TF_INT32, Int32Array.from(numbers));
    });
    const attrs = [this.int("N", inputs.length), this.int("M", shapes.length)];
    const results = binding.executeOp(
      "GmrKernel",
      attrs,
      [...inputs.map((input) => input.id), id],
      shapes.length,
    );
    for (const result of results) this.made.add(result.id);
    return results;
  }

  /** A scalar. */
  scalar(value: number): Native {
    return this.upload(Float32Array.of(value), []);
  }

  /** Element by element, with broadcasting: `AddV2`, `Sub`, `Mul`, `RealDiv`, … */
  binary(name: string, a: Native, b: Native): Native {
    return this.run(name, [], [a.id, b.id])[0];
  }

  /** Element by element: `Exp`, `Sqrt`, `Square`, `Relu`, … */
  unary(name: string, x: Native): Native {
    return this.run(name, [], [x.id])[0];
  }

  /** Another tensor with the same data, not a copy. */
  alias(x: Native): Native {
    return this.unary("Identity", x);
  }

  reshape(x: Native, shape: readonly number[]): Native {
    if (sameShape(x.shape, shape)) return x;
    return this.run("Reshape", [this.indexType("Tshape")], [x.id, this.ints(shape)])[0];
  }

  /** a · b of matrices, each optionally transposed first. */
  matMul(a: Native, b: Native, transposeA = false, transposeB = false): Native {
    const attrs = [this.bool("transpose_a", transposeA), this.bool("transpose_b", transposeB)];
    return this.run("MatMul", attrs, [a.id, b.id])[0];
  }

  /** a · b of stacks of matrices [groups, …, …], a optionally transposed; a single matrix stands for equal ones. */
  productOfStacks(a: Native, b: Native, transposeA = false): Native {
    const attrs = [this.bool("adj_x", transposeA), this.bool("adj_y", false)];
    return this.run("BatchMatMulV2", attrs, [a.id, b.id])[0];
  }

  transpose(x: Native, permutation: readonly number[]): Native {
    return this.run("Transpose", [this.indexType("Tperm")], [x.id, this.ints(permutation)])[0];
  }

  concat(parts: readonly Native[], axis: number): Native {
    if (parts.length === 1) return parts[0];
    const attrs = [this.int("N", parts.length), this.indexType("Tidx")];
    return this.run("ConcatV2", attrs, [...parts.map(({ id }) => id), this.ints(axis)])[0];
  }

  /** The sum of tensors of one shape. */
  sum(parts: readonly Native[]): Native {
    if (parts.length === 1) return parts[0];
    const ids = parts.map(({ id }) => id);
    return this.run("AddN", [this.int("N", parts.length)], ids)[0];
  }

  slice(x: Native, begin: readonly number[], size: readonly number[]): Native {
    if (sameShape(x.shape, size)) return x;
    return this.run("Slice", [this.indexType("Index")], [x.id, this.ints(begin), this.ints(size)])[0];
  }

  /** Pads x with zeros. */
  pad(x: Native, paddings: readonly Padding[]): Native {
    if (paddings.every(([before, after]) => before === 0 && after === 0)) return x;
    const sizes = this.ints(paddings.flat(), [paddings.length, 2]);
    return this.run("Pad", [this.indexType("Tpaddings")], [x.id, sizes])[0];
  }

  /** Every stride-th position of each axis. */
  subsample(x: Native, strides: readonly number[]): Native {
    if (strides.every((stride) => stride === 1)) return x;
    const zeros = x.shape.map(() => 0);
    const masks = ["begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"];
    const attrs = [this.indexType("Index"), ...masks.map((name) => this.int(name, 0))];
    const ranges = [zeros, x.shape, strides].map((values) => this.ints(values));
    return this.run("StridedSlice", attrs, [x.id, ...ranges])[0];
  }

  /** The sums over an axis. */
  reduceSum(x: Native, axis: number): Native {
    return this.run(
      "Sum",
      [this.bool("keep_dims", false), this.indexType("Tidx")],
      [x.id, this.ints([axis])],
    )[0];
  }

  fill(shape: readonly number[], value: number): Native {
    return this.run("Fill", [this.indexType("index_type")], [this.ints(shape), this.scalar(value).id])[0];
  }

  broadcast(x: Native, shape: readonly number[]): Native {
    return this.run("BroadcastTo", [this.indexType("Tidx")], [x.id, this.ints(shape)])[0];
  }

  /**
   * Depthwise convolution of x [N, H, W, C] with a filter [h, w, C, 1].
   * @param window with equal strides: TensorFlow supports no others on the CPU
   */
  depthwise(x: Native, filter: Native, window: ConvWindow): Native {
    return this.run("DepthwiseConv2dNative", this.convAttrs(window), [x.id, filter.id])[0];
  }

  /** The gradient of a convolution's input, given its shape [N, H, W, Cin], the filter and dy. */
  convBackpropInput(shape: readonly number[], filter: Native, dy: Native, window: ConvWindow): Native {
    const attrs = [...this.convAttrs(window), this.bool("use_cudnn_on_gpu", true)];
    return this.run("Conv2DBackpropInput", attrs, [this.ints(shape), filter.id, dy.id])[0];
  }

  /** The gradient of a convolution's filter, given its shape [h, w, Cin, Cout], the input and dy. */
  convBackpropFilter(x: Native, shape: readonly number[], dy: Native, window: ConvWindow): Native {
    const attrs = [...this.convAttrs(window), this.bool("use_cudnn_on_gpu", true)];
    return this.run("Conv2DBackpropFilter", attrs, [x.id, this.ints(shape), dy.id])[0];
  }

  int(name: string, value: number | number[]): OpAttr {
    return { name, type: this.backend.binding.TF_ATTR_INT, value };
  }

  float(name: string, value: number): OpAttr {
    return { name, type: this.backend.binding.TF_ATTR_FLOAT, value };
  }

  bool(name: string, value: boolean): OpAttr {
    return { name, type: this.backend.binding.TF_ATTR_BOOL, value };
  }

  string(name: string, value: string): OpAttr {
    return { name, type: this.backend.binding.TF_ATTR_STRING, value };
  }

  private convAttrs({ strides, padding }: ConvWindow): OpAttr[] {
    const explicit = padding.some(([before, after]) => before > 0 || after > 0);
    const attrs = [
      this.int("strides", [1, ...strides, 1]),
      this.string("padding", explicit ? "EXPLICIT" : "VALID"),
      this.string("data_format", "NHWC"),
      this.int("dilations", [1, 1, 1, 1]),
    ];
    if (explicit) attrs.push(this.int("explicit_paddings", [0, 0, ...padding.flat(), 0, 0]));
    return attrs;
  }

  /** A float type attribute besides T. */
  type(name: string): OpAttr {
    const { TF_ATTR_TYPE, TF_FLOAT } = this.backend.binding;
    return { name, type: TF_ATTR_TYPE, value: TF_FLOAT };
  }

  /** The type of an op's shapes and indices. */
  private indexType(name: string): OpAttr {
    const { TF_ATTR_TYPE, TF_INT32 } = this.backend.binding;
    return { name, type: TF_ATTR_TYPE, value: TF_INT32 };
  }

  private ints(values: readonly number[] | number, shape?: readonly number[]): number {
    const { binding } = this.backend;
    const size = shape ?? (typeof values === "number" ? [] : [values.length]);
    return this.constants.get(`${size}:${values}`, () => {
      const numbers = Int32Array.from(typeof values === "number" ? [values] : values);
      return binding.createTensor(size, binding.TF_INT32, numbers);
    });
  }
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}
