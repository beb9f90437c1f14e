import { describeValue, GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";

export interface MovingAverageOptions {
  /** d, the share of the old average that stays at each step, in [0, 1), such as 0.999. */
  decay: number;
  /** Start with shorter averages: at step t (from 0) the share is `min(d, (1 + t) / (10 + t))`. Default true. */
  warmup?: boolean | undefined;
}

interface Slot {
  name: string;
  variable: tf.Variable;
  /** The average; while averages are applied, the variable's own numbers. */
  average: tf.Variable;
}

/** Not a weight's name: how many steps were averaged. */
const STEPS = "steps";

/**
 * Exponential moving averages of a model's weights over the steps of training (Polyak & Juditsky 1992), with which it
 * often does better than with the last weights: `a ← d a + (1 - d) w`.
 *
 * Of a model, all weights are averaged: those that are not trained, too. The moving statistics of batch normalisation
 * belong to the weights of the same steps, so that averages of both fit together.
 */
export class ExponentialMovingAverage {
  private readonly decay: number;
  private readonly warmup: boolean;
  private readonly slots: Slot[];
  private steps = 0;
  private applied = false;

  /**
   * Starts with the present weights.
   * @param source a model, or variables by the names under which {@link save} gives their averages
   * @throws GmrError `invalid-argument` for a decay outside [0, 1), other dtypes than float32, or weights of one name
   */
  constructor(
    source: tf.LayersModel | ReadonlyMap<string, tf.Variable>,
    { decay, warmup = true }: MovingAverageOptions,
  ) {
    if (!(decay >= 0 && decay < 1)) {
      throw new GmrError("invalid-argument", `decay must lie in [0, 1), got ${describeValue(decay)}`);
    }
    this.decay = decay;
    this.warmup = warmup;
    const variables = source instanceof tf.LayersModel ? weightsOf(source) : source;
    for (const [name, { dtype }] of variables) {
      if (dtype !== "float32" || name === STEPS) {
        throw new GmrError(
          "invalid-argument",
          `weight ${name} must have dtype float32 and another name than "${STEPS}", got ${dtype}`,
        );
      }
    }
    this.slots = [...variables].map(([name, variable]) => ({
      name,
      variable,
      average: tf.variable(variable, false),
    }));
  }

  /** Adds the present weights to the averages: once after each step. @throws GmrError `invalid-argument` while applied */
  update(): void {
    this.checkNotApplied("update");
    const { decay, warmup, steps } = this;
    const kept = warmup ? Math.min(decay, (1 + steps) / (10 + steps)) : decay;
    for (const { variable, average } of this.slots) {
      tf.tidy(() => average.assign(average.add(variable.sub(average).mul(1 - kept))));
    }
    this.steps++;
  }

  /** Puts the averages in place of the weights, until {@link restore}. @throws GmrError `invalid-argument` if they are */
  apply(): void {
    this.checkNotApplied("apply");
    this.swap();
  }

  /** Puts the weights back. @throws GmrError `invalid-argument` if the averages are not applied */
  restore(): void {
    if (!this.applied)
      throw new GmrError("invalid-argument", "restore needs averages that are applied, got none");
    this.swap();
  }

  /** Runs an action with the averages in place of the weights. @throws what the action throws, with the weights back */
  async withAverages<T>(action: () => T | Promise<T>): Promise<T> {
    this.apply();
    try {
      return await action();
    } finally {
      this.restore();
    }
  }

  /** The averages by name, and `steps`, as tensors that the caller disposes of. @throws GmrError `invalid-argument` while applied */
  save(): tf.NamedTensorMap {
    this.checkNotApplied("save");
    const averages = this.slots.map(({ name, average }) => [name, average.clone()] as const);
    return { ...Object.fromEntries(averages), [STEPS]: tf.scalar(this.steps, "int32") };
  }

  /**
   * Goes on from what {@link save} gave. The tensors stay the caller's.
   * @throws GmrError `invalid-data` if one is missing or has another shape; then nothing has changed
   */
  async load(tensors: Readonly<tf.NamedTensorMap>): Promise<void> {
    this.checkNotApplied("load");
    for (const { name, shape } of [...this.slots.map(shapeOf), { name: STEPS, shape: [] }]) {
      const found = tensors[name]?.shape;
      if (found?.join() !== shape.join()) {
        throw new GmrError(
          "invalid-data",
          `average ${name} must have shape [${shape}], got ${found ? `[${found}]` : "nothing"}`,
        );
      }
    }
    [this.steps] = await tensors[STEPS].data();
    for (const { name, average } of this.slots) average.assign(tensors[name]);
  }

  /** Frees the averages, with the weights back in place. */
  dispose(): void {
    if (this.applied) this.swap();
    for (const { average } of this.slots) average.dispose();
  }

  private swap(): void {
    tf.tidy(() => {
      for (const { variable, average } of this.slots) {
        const before = variable.clone();
        variable.assign(average);
        average.assign(before);
      }
    });
    this.applied = !this.applied;
  }

  private checkNotApplied(action: string): void {
    if (this.applied) {
      throw new GmrError(
        "invalid-argument",
        `${action} needs the weights in place, got averages: restore first`,
      );
    }
  }
}

function shapeOf({ name, variable }: Slot): { name: string; shape: number[] } {
  return { name, shape: variable.shape };
}

/** All weights of a model by `layer/weight`. */
function weightsOf(model: tf.LayersModel): Map<string, tf.Variable> {
  const variables = new Map<string, tf.Variable>();
  for (const weight of model.weights) {
    const name = weight.originalName;
    if (variables.has(name)) {
      throw new GmrError("invalid-argument", `weights must have names of their own, got ${name} twice`);
    }
    variables.set(name, weight.read() as tf.Variable);
  }
  return variables;
}
