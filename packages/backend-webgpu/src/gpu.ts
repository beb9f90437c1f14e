// Our state of a stock WebGPU backend, and how kernels run on it.
//
// The stock backend puts the declarations of the buffers, the uniforms and a header in front of a shader, and caches
// pipelines by its key.

import { GmrError, product } from "@gmr-conv/core";
import { BoundedCache, LastResult } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { VariantChooser } from "./conv/choose.ts";
import { type Plan, tablesOf } from "./conv/plan.ts";
import type { SumFormat } from "./conv/sumFormat.ts";
import { abilitiesOf } from "./conv/variants.ts";
import type { WebGpuAdapter } from "./device.ts";
import { type Format, type Shader, WORKGROUP } from "./shader.ts";

type StockProgram = Parameters<WebGPUBackend["runWebGPUProgram"]>[0];
type DType = tf.DataTypeMap extends Record<infer Name, unknown> ? Name : never;

/** How much is kept, and how much is made at a time. */
export interface Limits {
  /** Plans that are remembered: they are small, and networks use few shapes. */
  plans: number;
  /** Bytes of ring sums. */
  sumBytes: number;
  /** Bytes of padded images. */
  padBytes: number;
}

const LIMITS: Limits = { plans: 512, sumBytes: 1 << 26, padBytes: 1 << 27 };

/** The sums [2, C] that the gradients of batch normalisation share, and those of gamma and beta once they were made. */
export interface GradientSums {
  sums: tf.TensorInfo;
  params?: tf.TensorInfo[];
}

const components = (format: Format): number => (format === "half4" ? 2 : format);

const isFloat = (name: string): boolean => /^f[A-Z]/.test(name);

/** Number of values of a tensor. */
export const elements = ({ shape }: tf.TensorInfo): number => product(shape);

export class Gpu {
  readonly backend: WebGPUBackend;
  readonly adapter: WebGpuAdapter;
  readonly limits: Limits;
  readonly variants: VariantChooser;
  readonly plans: BoundedCache<string, Plan>;
  readonly gradientSums = new LastResult<GradientSums>(({ sums, params = [] }) => {
    for (const tensor of [sums, ...params]) this.dispose(tensor);
  });
  /** How the sums of rings are kept. */
  sumFormat: SumFormat = "f32";
  /** Why the device was lost. */
  lost: string | undefined;
  /** Called with the reason when the device is lost. */
  readonly lostListeners = new Set<(reason: string) => void>();

  constructor(backend: WebGPUBackend, adapter: WebGpuAdapter, limits: Limits = LIMITS) {
    this.backend = backend;
    this.adapter = adapter;
    this.limits = limits;
    this.variants = new VariantChooser(abilitiesOf(backend.device, adapter.software));
    this.plans = new BoundedCache(limits.plans, (plan) => {
      for (const table of tablesOf(plan)) this.dispose(table);
    });
  }

  /**
   * Runs a shader on `threads` threads, rounded up to whole workgroups: it must guard against those beyond.
   *
   * @param output the tensor to write to, which must not be among the inputs
   */
  run(
    shader: Shader,
    inputs: readonly tf.TensorInfo[],
    uniforms: Readonly<Record<string, number>>,
    threads: number,
    output: tf.TensorInfo,
  ): void {
    const data = shader.uniforms.map((name) => ({
      type: isFloat(name) ? "float32" : "int32",
      data: [uniforms[name]],
    }));
    // Shapes would only multiply the pipelines: the arrays are as long as their buffers.
    const flat = (tensor: tf.TensorInfo): tf.TensorInfo => ({ ...tensor, shape: [1] });
    const program = programOf(shader, threads);
    this.backend.runWebGPUProgram(program, inputs.map(flat), output.dtype, data, flat(output));
  }

  /**
   * A tensor, not initialised unless `values` are given.
   * @throws GmrError `out-of-memory` if it is larger than a shader of this device may see: WebGPU would give zeros
   */
  tensor(shape: readonly number[], dtype: DType = "float32", values?: Float32Array): tf.TensorInfo {
    const bytes = 4 * product(shape);
    const { maxStorageBufferBindingSize: limit } = this.backend.device.limits;
    if (bytes > limit) {
      throw new GmrError(
        "out-of-memory",
        `a tensor [${shape}] of ${bytes} bytes is larger than the ${limit} bytes that this WebGPU device allows`,
      );
    }
    const content = bytes === 0 ? new Float32Array(0) : values;
    return this.backend.makeTensorInfo([...shape], dtype, content);
  }

  zeros(shape: readonly number[]): tf.TensorInfo {
    return this.tensor(shape, "float32", new Float32Array(product(shape)));
  }

  /**
   * A tensor of at least `count` elements that does not outlive a kernel. The stock backend keeps freed buffers by
   * their exact size: sizes are rounded up to an eighth of a power of two, so that other shapes can reuse them.
   */
  scratch(count: number, dtype: DType = "float32"): tf.TensorInfo {
    const step = 2 ** Math.max(6, Math.floor(Math.log2(count)) - 3);
    return this.tensor([Math.ceil(count / step) * step], dtype);
  }

  /** An int32 tensor that shaders read. */
  table(values: readonly number[]): tf.TensorInfo {
    return this.backend.makeTensorInfo([values.length], "int32", Int32Array.from(values));
  }

  /** Another tensor on the same data. */
  share(tensor: tf.TensorInfo): tf.TensorInfo {
    this.backend.incRef(tensor.dataId);
    return { ...tensor };
  }

  /** Frees a tensor's data unless it is shared. The engine counts what it was given, so it must be told. */
  dispose({ dataId }: tf.TensorInfo): void {
    if (this.backend.disposeData(dataId)) tf.engine().removeDataId(dataId, this.backend);
  }

  /** Waits until the device has done all work so far. */
  async finish(): Promise<void> {
    this.backend.ensureCommandEncoderReady();
    this.backend.endComputePassEncoder();
    this.backend.submitQueue();
    await this.backend.device.queue.onSubmittedWorkDone();
  }
}

function programOf(shader: Shader, threads: number): StockProgram {
  const names = Object.keys(shader.inputs);
  const workgroup = shader.workgroup ?? WORKGROUP;
  return {
    shaderKey: `gmr-${shader.name}`,
    outputShape: [1],
    outputComponent: components(shader.output),
    variableNames: names,
    variableComponents: names.map((name) => components(shader.inputs[name])),
    uniforms: shader.uniforms.map((name) => `${name} : ${isFloat(name) ? "f32" : "i32"}, `).join(""),
    workgroupSize: [workgroup, 1, 1],
    dispatchLayout: { x: [0] },
    dispatch: [Math.max(1, Math.ceil(threads / workgroup)), 1, 1],
    getUserCode: () => {
      const enables = (shader.enable ?? []).map((name) => `enable ${name};\n`).join("");
      // Bindings are derived from what a shader uses, but the uniforms are always bound.
      return enables + shader.code.replace(/fn main\(index : i32\) *\{/, "$& _ = uniforms.NAN;");
    },
  };
}
