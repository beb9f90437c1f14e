// AdamW and SGD on TensorFlow.js variables, with state that can be saved and restored.

import { type StoredTensor, toFloat32 } from "@gmr-conv/io";
import { adamWUpdate, sgdUpdate } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import type { OptimizerConfig } from "./config.ts";

const ADAM_BETA2 = 0.999;
const ADAM_EPSILON = 1e-8;

interface Slot {
  name: string;
  variable: tf.Variable;
  decay: number;
  /** First moment (SGD: velocity). */
  first: tf.Variable;
  /** Second moment; AdamW only. */
  second: tf.Variable | undefined;
}

/** Updates a fixed set of variables. */
export class Optimizer {
  private readonly config: OptimizerConfig;
  private readonly slots: Slot[];
  private steps = 0;

  /**
   * @param variables by the names under which their gradients and their state are found
   * @param decayed names of those that weight decay acts on
   */
  constructor(
    config: OptimizerConfig,
    variables: ReadonlyMap<string, tf.Variable>,
    decayed: ReadonlySet<string>,
  ) {
    this.config = config;
    this.slots = [...variables].map(([name, variable]) => ({
      name,
      variable,
      decay: decayed.has(name) ? config.weightDecay : 0,
      first: tf.variable(tf.zerosLike(variable), false),
      second: config.name === "adamw" ? tf.variable(tf.zerosLike(variable), false) : undefined,
    }));
  }

  /** One step. `gradients` has one tensor for each variable's own name. */
  apply(gradients: tf.NamedTensorMap, learningRate: number): void {
    this.steps++;
    tf.tidy(() => {
      for (const slot of this.slots) this.update(slot, gradients[slot.variable.name], learningRate);
    });
  }

  private update(slot: Slot, gradient: tf.Tensor, learningRate: number): void {
    const { variable, first, second, decay: weightDecay } = slot;
    const { momentum } = this.config;
    if (second) {
      const [parameter, m, v] = adamWUpdate<tf.Tensor>(variable, gradient, first, second, {
        learningRate,
        beta1: momentum,
        beta2: ADAM_BETA2,
        epsilon: ADAM_EPSILON,
        weightDecay,
        step: this.steps,
      });
      variable.assign(parameter);
      first.assign(m);
      second.assign(v);
    } else {
      const [parameter, velocity] = sgdUpdate<tf.Tensor>(variable, gradient, first, {
        learningRate,
        momentum,
        weightDecay,
      });
      variable.assign(parameter);
      first.assign(velocity);
    }
  }

  /** The state as named tensors. */
  async save(): Promise<[string, StoredTensor][]> {
    const state: [string, StoredTensor][] = [["steps", { shape: [1], data: Int32Array.of(this.steps) }]];
    for (const { name, first, second } of this.slots) {
      state.push([`${name}/first`, await stored(first)]);
      if (second) state.push([`${name}/second`, await stored(second)]);
    }
    return state;
  }

  /** Restores what `save` gave. `find` throws if a tensor is missing or has another shape. */
  restore(find: (name: string, shape: readonly number[]) => StoredTensor): void {
    this.steps = Number(find("steps", [1]).data[0]);
    for (const { name, first, second } of this.slots) {
      assign(first, find(`${name}/first`, first.shape));
      if (second) assign(second, find(`${name}/second`, second.shape));
    }
  }

  dispose(): void {
    for (const { first, second } of this.slots) {
      first.dispose();
      second?.dispose();
    }
  }
}

/** A tensor's values for a file. */
export async function stored(tensor: tf.Tensor): Promise<StoredTensor> {
  return { shape: [...tensor.shape], data: Float32Array.from(await tensor.data()) };
}

/** Sets a variable to values from a file. */
export function assign(variable: tf.Variable, tensor: StoredTensor): void {
  tf.tidy(() => variable.assign(tf.tensor(toFloat32(tensor), tensor.shape)));
}
