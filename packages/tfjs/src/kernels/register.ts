// Turns a backend's implementations into kernels that TensorFlow.js can run.

import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import type { KernelDeclaration } from "./declaration.ts";

/** What a kernel is called with. */
export type KernelArgs = Parameters<tf.KernelFunc>[0];

/** What a kernel returns. */
export type KernelOutput = tf.TensorInfo | tf.TensorInfo[];

/** A kernel that replaces the stock one, and may delegate to it. */
export interface KernelOverride {
  readonly kernelName: string;
  readonly backendName: string;
  readonly override: (args: KernelArgs, stock: tf.KernelFunc) => KernelOutput;
}

/** What a stock kernel is called with in place of an override's own; the other inputs stay out, the other attributes stay. */
export interface StockCall<Attrs> {
  inputs?: Readonly<Record<string, tf.TensorInfo>> | readonly tf.TensorInfo[];
  attrs?: Partial<Attrs>;
}

/** Makes the kernels of one backend, each of which is passed the backend's state. */
export interface BackendKernels<State> {
  /** As in `tf.setBackend`. */
  readonly name: string;
  /** Our state for a stock backend; throws for a backend that is not ours. */
  stateOf(backend: object): State;
  /** A declared kernel, or one that replaces a stock kernel altogether, `{ name: tf.Identity }`. */
  kernel<Inputs, Attrs>(
    declaration: KernelDeclaration<Inputs, Attrs>,
    compute: (inputs: Inputs, attrs: Attrs, state: State) => KernelOutput,
  ): tf.KernelConfig;
  /** A kernel that replaces a stock one. `stock` calls that with the same inputs and attributes unless others are given. */
  override<Inputs, Attrs>(
    kernelName: string,
    compute: (
      inputs: Inputs,
      attrs: Attrs,
      state: State,
      stock: (changed?: StockCall<Attrs>) => KernelOutput,
    ) => KernelOutput,
  ): KernelOverride;
}

/**
 * @param name as in `tf.setBackend`
 * @param stateOf our state for a stock backend; throws for a backend that is not ours
 */
export function backendKernels<State>(
  name: string,
  stateOf: (backend: object) => State,
): BackendKernels<State> {
  return {
    name,
    stateOf,
    kernel: <Inputs, Attrs>(
      declaration: KernelDeclaration<Inputs, Attrs>,
      compute: (inputs: Inputs, attrs: Attrs, state: State) => KernelOutput,
    ) =>
      kernelConfig(declaration, name, (inputs, attrs, backend) => compute(inputs, attrs, stateOf(backend))),
    override: (kernelName, compute) => ({
      kernelName,
      backendName: name,
      override: (args, stock) =>
        compute(args.inputs as never, args.attrs as never, stateOf(args.backend), (changed) => {
          if (!changed) return stock(args);
          const inputs = (changed.inputs ?? args.inputs) as tf.NamedTensorInfoMap;
          return stock({ ...args, inputs, attrs: { ...args.attrs, ...changed.attrs } });
        }),
    }),
  };
}

/**
 * A configuration for `tf.registerKernel` from a declaration and a typed implementation.
 *
 * @param backendName as in `tf.setBackend`
 * @param compute given the inputs, the attributes and the backend; returns the output, or a list of outputs
 */
export function kernelConfig<Inputs, Attrs>(
  kernel: KernelDeclaration<Inputs, Attrs>,
  backendName: string,
  compute: (inputs: Inputs, attrs: Attrs, backend: object) => KernelOutput,
): tf.KernelConfig {
  return {
    kernelName: kernel.name,
    backendName,
    kernelFunc: ({ inputs, backend, attrs }) => {
      kernel.check?.(inputs as Inputs, attrs as Attrs);
      return compute(inputs as Inputs, attrs as Attrs, backend);
    },
  };
}

/** Registers kernels, each replacing the backend's kernel of the same name. */
export function replaceKernels(kernels: readonly (tf.KernelConfig | KernelOverride)[]): void {
  for (const kernel of kernels) {
    const { kernelName, backendName } = kernel;
    const stock = tf.getKernel(kernelName, backendName);
    if (stock) tf.unregisterKernel(kernelName, backendName);
    if (!("override" in kernel)) {
      tf.registerKernel(kernel);
      continue;
    }
    const { override } = kernel;
    const stockFunc = stock?.kernelFunc ?? missing(kernelName, backendName);
    tf.registerKernel({ ...stock, kernelName, backendName, kernelFunc: (args) => override(args, stockFunc) });
  }
}

const missing =
  (kernelName: string, backendName: string): tf.KernelFunc =>
  ({ inputs, attrs }) => {
    const of = Object.values(inputs).map((input) => `${(input as tf.TensorInfo)?.dtype}`);
    throw new GmrError(
      "unsupported",
      `the ${backendName} backend has no ${kernelName} of ${of.join(", ")} with ${JSON.stringify(attrs ?? {})}`,
    );
  };
