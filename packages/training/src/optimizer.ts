// Optimisers on TensorFlow.js variables, with state that can be saved and restored.

import type { StoredTensor } from "@gmr-conv/io";
import { adamWUpdate, sgdUpdate } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { checkOptimizer } from "./checkSettings.ts";
import type { OptimizerSettings } from "./settings.ts";
import { assign, stored } from "./variables.ts";

interface Slot {
  name: string;
  variable: tf.Variable;
  decay: number;
  /** First moment; SGD: velocity; Adadelta: mean of squared gradients. */
  first: tf.Variable;
  /** Second moment; Adadelta: mean of squared steps. */
  second: tf.Variable | undefined;
}

/** Updates a fixed set of variables. */
export class Optimizer {
  private readonly settings: OptimizerSettings;
  private readonly slots: Slot[];
  private steps = 0;

  /**
   * @param variables by the names that their state is stored under
   * @param decayed names of those with weight decay
   */
  constructor(
    settings: OptimizerSettings,
    variables: ReadonlyMap<string, tf.Variable>,
    decayed: ReadonlySet<string>,
  ) {
    checkOptimizer(settings);
    this.settings = settings;
    const zeros = (variable: tf.Variable): tf.Variable =>
      tf.tidy(() => tf.variable(tf.zerosLike(variable), false));
    this.slots = [...variables].map(([name, variable]) => ({
      name,
      variable,
      decay: decayed.has(name) ? settings.weightDecay : 0,
      first: zeros(variable),
      second: settings.name === "sgd" ? undefined : zeros(variable),
    }));
  }

  /** One step, given a gradient for each variable's own name. */
  apply(gradients: tf.NamedTensorMap, learningRate: number): void {
    this.steps++;
    tf.tidy(() => {
      for (const slot of this.slots) this.update(slot, gradients[slot.variable.name], learningRate);
    });
  }

  private update({ variable, first, second, decay }: Slot, gradient: tf.Tensor, learningRate: number): void {
    const { name, momentum, beta2 = 0.999, epsilon, nesterov = true } = this.settings;
    const coupled = name === "adam" || (name === "sgd" && !nesterov) || name === "adadelta";
    const weightDecay = coupled ? 0 : decay;
    const g = coupled && decay > 0 ? gradient.add(variable.mul(decay)) : gradient;
    if (name === "adadelta") {
      this.adadelta(variable, g, first, second as tf.Variable, learningRate);
    } else if (second) {
      const [parameter, m, v] = adamWUpdate<tf.Tensor>(variable, g, first, second, {
        learningRate,
        beta1: momentum,
        beta2,
        epsilon: epsilon ?? 1e-8,
        weightDecay,
        step: this.steps,
      });
      variable.assign(parameter);
      first.assign(m);
      second.assign(v);
    } else if (nesterov) {
      const [parameter, velocity] = sgdUpdate<tf.Tensor>(variable, g, first, {
        learningRate,
        momentum,
        weightDecay,
      });
      variable.assign(parameter);
      first.assign(velocity);
    } else {
      const velocity = first.mul(momentum).add(g);
      variable.assign(variable.sub(velocity.mul(learningRate)));
      first.assign(velocity);
    }
  }

  /** `E ← ρE + (1 - ρ) g²`, `Δ = g √(D + ε) / √(E + ε)`, `D ← ρD + (1 - ρ) Δ²`, `p ← p - lr Δ`. */
  private adadelta(
    variable: tf.Variable,
    gradient: tf.Tensor,
    squares: tf.Variable,
    steps: tf.Variable,
    learningRate: number,
  ): void {
    const { momentum: rho, epsilon = 1e-6 } = this.settings;
    const mean = squares.mul(rho).add(gradient.square().mul(1 - rho));
    const change = gradient.mul(steps.add(epsilon).sqrt()).div(mean.add(epsilon).sqrt());
    squares.assign(mean);
    steps.assign(steps.mul(rho).add(change.square().mul(1 - rho)));
    variable.assign(variable.sub(change.mul(learningRate)));
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

  /** Restores what `save` returned. `find` throws if a tensor is missing or has another shape. */
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
