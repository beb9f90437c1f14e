// What a kernel is: its name, the types of its inputs and attributes, what it checks, and its gradient.

import type * as tf from "@tensorflow/tfjs";

/** A kernel's gradient, which may be made of other kernels, and differentiated again if these have gradients. */
export interface KernelGradient<Inputs, Attrs> {
  /** Inputs that the gradient needs. */
  readonly inputs: readonly (keyof Inputs & string)[];
  /** Whether it needs each of the outputs, which come after the inputs. */
  readonly outputs?: readonly boolean[];
  /**
   * The gradients with respect to the inputs.
   * @param dys gradient of each output
   * @param saved the inputs and outputs named above
   */
  readonly compute: (
    dys: readonly tf.Tensor[],
    saved: readonly tf.Tensor[],
    attrs: Attrs,
  ) => Partial<Record<keyof Inputs & string, () => tf.Tensor>>;
}

/** A kernel: its name, with the types of its inputs and attributes. */
export interface KernelDeclaration<Inputs, Attrs> {
  readonly name: string;
  /**
   * Checks shapes and dtypes before a kernel touches memory.
   * @throws GmrError `invalid-shape` or `invalid-argument`
   */
  readonly check?: (inputs: Inputs, attrs: Attrs) => void;
  /** Registered with TensorFlow.js when the kernel runs for the first time. */
  readonly gradient?: KernelGradient<Inputs, Attrs>;
  /** Carries the types; never set. */
  readonly types?: { inputs: Inputs; attrs: Attrs };
}

/** Attributes of a kernel without any. */
export type NoAttrs = Record<string, never>;
