import { checkKeys, describeValue, GmrError, type KeysOf } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";

export interface MovingAverageOptions {
  /** d, the share of the old average kept at each step, in [0, 1), such as 0.999. */
  decay: number;
  /** Start with shorter averages: at step t (from 0), the share is `min(d, (1 + t) / (10 + t))`. Default true. */
  warmup?: boolean | undefined;
}

interface Slot {
  name: string;
  variable: tf.Variable;
  /** The average; while averages are applied, the variable's own values. */
  average: tf.Variable;
}

/** The entry for the number of steps averaged; not allowed as a weight's name. */
const STEPS = "steps";

const KEYS: KeysOf<MovingAverageOptions> = { decay: true, warmup: true };

/**
 * Exponential moving averages of a model's weights over the steps of training (Polyak & Juditsky 1992), which often
 * perform better than the last weights: `a ← d a + (1 - d) w`.
 *
 * All weights of a model are averaged, including untrained ones: the moving statistics of batch normalisation belong to
 * the weights of the same steps, so only averages of both fit together.
 */
export class ExponentialMovingAverage {
  private readonly decay: number;
  private readonly warmup: boolean;
  private readonly slots: Slot[];
  private steps = 0;
  private applied = false;

  /**
   * Starts from the current weights.
   * @param source a model, or variables by the names that {@link save} uses for their averages
   * @throws GmrError `invalid-argument` for a decay outside [0, 1), dtypes other than float32, or weights with the same
   *   name
   */
  constructor(source: tf.LayersModel | ReadonlyMap<string, tf.Variable>, options: MovingAverageOptions) {
    const { decay, warmup = true } = checkKeys("the options of ExponentialMovingAverage", options, KEYS);
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
          `weight ${name} must have dtype float32 and a name other than "${STEPS}", got ${dtype}`,
        );
      }
    }
    this.slots = [...variables].map(([name, variable]) => ({
      name,
      variable,
      average: tf.variable(variable, false),
    }));
  }

  /**
   * Adds the current weights to the averages; call it once after each step. @throws GmrError `invalid-argument` while
   * applied
   */
  update(): void {
    this.checkNotApplied("update");
    const { decay, warmup, steps } = this;
    const kept = warmup ? Math.min(decay, (1 + steps) / (10 + steps)) : decay;
    for (const { variable, average } of this.slots) {
      tf.tidy(() => average.assign(average.add(variable.sub(average).mul(1 - kept))));
    }
    this.steps++;
  }

  /**
   * Replaces the weights by the averages until {@link restore}. @throws GmrError `invalid-argument` if they already are
   */
  apply(): void {
    this.checkNotApplied("apply");
    this.swap();
  }

  /** Restores the weights. @throws GmrError `invalid-argument` if the averages are not applied */
  restore(): void {
    if (!this.applied) throw new GmrError("invalid-argument", "restore needs applied averages, got none");
    this.swap();
  }

  /**
   * Runs an action with averages in place of the weights. @throws what the action throws, after restoring the weights
   */
  async withAverages<T>(action: () => T | Promise<T>): Promise<T> {
    this.apply();
    try {
      return await action();
    } finally {
      this.restore();
    }
  }

  /**
   * Averages by name, and `steps`, as tensors for the caller to dispose of. @throws GmrError `invalid-argument` while
   * applied
   */
  save(): tf.NamedTensorMap {
    this.checkNotApplied("save");
    const averages = this.slots.map(({ name, average }) => [name, average.clone()] as const);
    return { ...Object.fromEntries(averages), [STEPS]: tf.scalar(this.steps, "int32") };
  }

  /**
   * Continues from what {@link save} returned. The tensors remain the caller's.
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

  /** Restores the weights and frees the averages. */
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
      throw new GmrError("invalid-argument", `weights must have different names, got ${name} twice`);
    }
    variables.set(name, weight.read() as tf.Variable);
  }
  return variables;
}
