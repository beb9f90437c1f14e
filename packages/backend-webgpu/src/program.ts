// Running a WGSL shader of ours on the stock WebGPU backend.
//
// The stock backend puts the buffers' declarations, the uniforms and a header in front of a shader and caches pipelines
// by its key. Our shaders see every tensor as a flat array and take all sizes as uniforms, so that one pipeline serves
// every shape. They define `fn main(index : i32)`, where `index` numbers the threads.

import { GmrError, product } from "@gmr-conv/core";
import type * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";

type StockProgram = Parameters<WebGPUBackend["runWebGPUProgram"]>[0];
type DType = tf.DataTypeMap extends Record<infer Name, unknown> ? Name : never;

/** A buffer's element: a number, or four of them. */
export type Width = 1 | 4;

/** `half4`: four numbers of 16 bits in two words, a tensor of int32. */
export type Format = Width | "half4";

export interface Shader {
  /** Unique among shaders: the pipeline's key. */
  name: string;
  /** Names of the input arrays with the format of their elements. */
  inputs: Readonly<Record<string, Format>>;
  /** Format of the elements of the output, `result`. */
  output: Format;
  /** Names of the uniforms, found in `uniforms`; a name that begins with `f` and a capital is a f32, others are i32. */
  uniforms: readonly string[];
  /** Threads of a workgroup; default {@link WORKGROUP}. */
  workgroup?: number;
  /** Features that the code uses; the device must have them. */
  enable?: readonly GPUFeatureName[];
  /** WGSL: `fn main(index : i32)` and what it needs. */
  code: string;
}

/** Threads of a workgroup where they do not work together. Every adapter allows that many. */
export const WORKGROUP = 64;

const made = new Map<string, Shader>();

/** The shader of a name, made when it is first asked for. */
export function shaderOf(name: string, make: () => Omit<Shader, "name">): Shader {
  const known = made.get(name);
  if (known) return known;
  const shader = { name, ...make() };
  made.set(name, shader);
  return shader;
}

const components = (format: Format): number => (format === "half4" ? 2 : format);

const isFloat = (name: string): boolean => /^f[A-Z]/.test(name);

/** Number of values of a tensor. */
export function elements({ shape }: tf.TensorInfo): number {
  return product(shape);
}

/**
 * Runs a shader on `threads` threads, rounded up to whole workgroups: a shader must guard what lies beyond.
 *
 * @param output the tensor to write to, which must not be among the inputs
 */
export function run(
  backend: WebGPUBackend,
  shader: Shader,
  inputs: readonly tf.TensorInfo[],
  uniforms: Readonly<Record<string, number>>,
  threads: number,
  output: tf.TensorInfo,
): void {
  const names = Object.keys(shader.inputs);
  const workgroup = shader.workgroup ?? WORKGROUP;
  const program: StockProgram = {
    shaderKey: `gmr-${shader.name}`,
    outputShape: [1],
    outputComponent: components(shader.output),
    variableNames: names,
    variableComponents: names.map((name) => components(shader.inputs[name])),
    uniforms: shader.uniforms.map((name) => `${name} : ${isFloat(name) ? "f32" : "i32"}, `).join(""),
    workgroupSize: [workgroup, 1, 1],
    dispatchLayout: { x: [0] },
    dispatch: [Math.max(1, Math.ceil(threads / workgroup)), 1, 1],
    // The bindings are derived from what a shader uses; the uniforms always are bound.
    getUserCode: () => {
      const enables = (shader.enable ?? []).map((name) => `enable ${name};\n`).join("");
      return enables + shader.code.replace(/fn main\(index : i32\) *\{/, "$& _ = uniforms.NAN;");
    },
  };
  const data = shader.uniforms.map((name) => ({
    type: isFloat(name) ? "float32" : "int32",
    data: [uniforms[name]],
  }));
  // Shapes would only multiply the pipelines: the arrays are as long as their buffers.
  const flat = (tensor: tf.TensorInfo): tf.TensorInfo => ({ ...tensor, shape: [1] });
  backend.runWebGPUProgram(program, inputs.map(flat), output.dtype, data, flat(output));
}

/**
 * An output tensor for {@link run}.
 * @throws GmrError `out-of-memory` if it is larger than the device lets a shader see: WebGPU would go on with zeros
 */
export function makeTensor(
  backend: WebGPUBackend,
  shape: readonly number[],
  dtype: DType = "float32",
): tf.TensorInfo {
  const empty = shape.includes(0);
  const bytes = 4 * product(shape);
  const { maxStorageBufferBindingSize: limit } = backend.device.limits;
  if (bytes > limit) {
    throw new GmrError(
      "out-of-memory",
      `a tensor [${shape}] of ${bytes} bytes is larger than the ${limit} that this WebGPU device allows`,
    );
  }
  return backend.makeTensorInfo([...shape], dtype, empty ? new Float32Array(0) : undefined);
}

/**
 * A tensor of at least so many elements, for what does not outlive a kernel. The stock backend keeps freed buffers by their
 * exact size: sizes are rounded up to an eighth of a power of two, so that those of other shapes serve again.
 */
export function makeScratch(backend: WebGPUBackend, count: number, dtype: DType = "float32"): tf.TensorInfo {
  const step = 2 ** Math.max(6, Math.floor(Math.log2(count)) - 3);
  return makeTensor(backend, [Math.ceil(count / step) * step], dtype);
}
