// What our kernels keep of a native backend between calls. Native tensors kept here are not in the engine's tensor
// count, since no call owns them.

import { BoundedCache, backendKernels, type KernelDeclaration, LastResult } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { nativeKernels } from "./native/module.ts";
import { type NativeBackend, nativeBackend } from "./nativeBackend.ts";
import { type Native, NativeOps } from "./nativeOps.ts";

/** The mixture matrix of log-sigmas. */
export interface Mixture {
  /** Gᵀ [L, R], see `mixtureMatrix` of `@gmr-conv/core`. */
  matrix: Native;
  /** -½((l - r)/σ_r)² [L, R]. */
  exponents: Native;
}

/** The sums of all rings that read any pixel, side by side, [positions, rings · C]; those of the others are 0. */
export interface RingSums {
  rings: number[];
  sums: Native;
}

export class NativeState {
  readonly backend: NativeBackend;
  /** Strategies depend on shapes alone, never on measurements. */
  deterministic = false;
  /** File of the measured strategies; false for none, undefined for the default. */
  cache: string | false | undefined;
  /** Int32 constants such as shapes and axes. */
  readonly constants = this.cacheOf<string, number>(8192, (id) => [id]);
  /** Whether to use the kernels in `native/`, if there are any. */
  wantsKernels = true;
  /** What those are called with. */
  readonly plans = this.cacheOf<string, number>(4096, (id) => [id]);
  /** 0/1 filters of depthwise convolutions. */
  readonly masks = this.cacheOf<string, Native>(1024, ({ id }) => [id]);
  /** By the data of the log-sigmas, which is immutable: a training step needs each mixture three times. */
  readonly mixtures = this.cacheOf<object, Mixture>(256, ({ matrix, exponents }) => [
    matrix.id,
    exponents.id,
  ]);
  /**
   * Sums of dy in parts, which the gradients of both the weights and x need. They are large, and dropped at the latest
   * when the program awaits something.
   */
  readonly gradientSums = new LastResult<RingSums[]>((parts) =>
    this.delete(...parts.map(({ sums }) => sums.id)),
  );
  /** The gradient of a ring convolution's weights, computed together with that of x. */
  readonly weightGradient = new LastResult<Native>(({ id }) => {
    this.delete(id);
    // Nobody asked for it.
    this.wantsWeightGradient = false;
  });
  /** Whether the gradient of weights has been asked for of late: that of x may be wanted alone, as for a map of saliency. */
  wantsWeightGradient = true;
  /** The gradients of gamma and beta, computed together with that of x. */
  readonly paramGradients = new LastResult<Native[]>((params) => this.delete(...params.map(({ id }) => id)));

  constructor(backend: NativeBackend) {
    this.backend = backend;
  }

  /** Whether the kernels in `native/` are used. */
  get hasKernels(): boolean {
    return this.wantsKernels && !this.backend.isUsingGpuDevice && "instructions" in nativeKernels();
  }

  private cacheOf<Key, Value>(capacity: number, idsOf: (value: Value) => readonly number[]) {
    return new BoundedCache<Key, Value>(capacity, (value) => this.delete(...idsOf(value)));
  }

  private delete(...ids: readonly number[]): void {
    for (const id of ids) this.backend.binding.deleteTensor(id);
  }
}

const states = new WeakMap<object, NativeState>();

/** Makes the kernels of this backend, from the state. */
export const node = backendKernels("tensorflow", (backend): NativeState => {
  const known = states.get(backend);
  if (known) return known;
  const made = new NativeState(nativeBackend(backend));
  states.set(backend, made);
  return made;
});

/** Runs `compute`, and frees everything its ops created except the results. */
export function runNative(
  state: NativeState,
  compute: (ops: NativeOps) => Native | readonly Native[],
): tf.Tensor | tf.Tensor[] {
  const ops = new NativeOps(state.backend, state.constants, state.plans);
  try {
    const results = compute(ops);
    return isList(results) ? results.map((result) => ops.release(result)) : ops.release(results);
  } finally {
    ops.dispose();
  }
}

const isList = (results: Native | readonly Native[]): results is readonly Native[] => Array.isArray(results);

/** As {@link runNative}, with one result. */
export const runNativeSingle = (state: NativeState, compute: (ops: NativeOps) => Native): tf.Tensor =>
  runNative(state, compute) as tf.Tensor;

/** A kernel made of native ops. */
export const nativeKernel = <Inputs, Attrs>(
  declaration: KernelDeclaration<Inputs, Attrs>,
  compute: (ops: NativeOps, inputs: Inputs, attrs: Attrs, state: NativeState) => Native | readonly Native[],
): tf.KernelConfig =>
  node.kernel(declaration, (inputs, attrs, state) =>
    runNative(state, (ops) => compute(ops, inputs, attrs, state)),
  );
