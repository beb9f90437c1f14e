// Adding up the gradients of all ranks, in buckets: while one is on its way, the backward pass fills the next.

import type { Communicator } from "@gmr-conv/distributed";
import * as tf from "@tensorflow/tfjs";

/** Numbers in a bucket, 4 MiB: long enough for the network's full speed, short enough to start early. */
const BUCKET = 2 ** 20;

interface Member {
  shape: number[];
  /** Where its numbers are in the bucket. */
  start: number;
  end: number;
}

interface Bucket {
  data: Float32Array;
  members: Map<string, Member>;
  /** Gradients that it still lacks. */
  missing: number;
  sent: Promise<void> | undefined;
}

/** Sums the gradients of a fixed set of variables over all ranks. */
export class GradientExchange {
  private readonly communicator: Communicator;
  private readonly buckets: Bucket[];
  private readonly bucketOf = new Map<string, Bucket>();
  private readonly reading: Promise<void>[] = [];
  private next = 0;

  /** @param variables the backward pass is expected to finish the last one first */
  constructor(communicator: Communicator, variables: readonly tf.Variable[], bucketSize = BUCKET) {
    this.communicator = communicator;
    const groups: tf.Variable[][] = [];
    let room = 0;
    for (const variable of variables.toReversed()) {
      if (groups.length === 0 || variable.size > room) {
        groups.push([]);
        room = bucketSize;
      }
      groups[groups.length - 1].push(variable);
      room -= variable.size;
    }
    this.buckets = groups.map((group) => {
      const members = new Map<string, Member>();
      let start = 0;
      for (const { name, shape, size } of group) {
        members.set(name, { shape, start, end: start + size });
        start += size;
      }
      return { data: communicator.shared(start), members, missing: group.length, sent: undefined };
    });
    for (const bucket of this.buckets)
      for (const name of bucket.members.keys()) this.bucketOf.set(name, bucket);
  }

  /** Adds a variable's gradient, which may be disposed of afterwards; a second one for the same variable is ignored. */
  add(name: string, gradient: tf.Tensor): void {
    const bucket = this.bucketOf.get(name);
    if (!bucket || !this.waiting.delete(name)) return;
    const { start } = bucket.members.get(name) as Member;
    const fill = (values: ArrayLike<number>): void => {
      bucket.data.set(values, start);
      bucket.missing--;
      this.send();
    };
    if (readsAtOnce()) {
      fill(gradient.dataSync());
      return;
    }
    const kept = tf.keep(gradient.clone());
    this.reading.push(
      kept.data().then((values) => {
        kept.dispose();
        fill(values);
      }),
    );
  }

  /** The variables without a gradient in this step. */
  private waiting = new Set<string>();

  /** Begins a step. */
  begin(): void {
    this.next = 0;
    this.reading.length = 0;
    this.waiting = new Set(this.bucketOf.keys());
    for (const bucket of this.buckets) {
      bucket.missing = bucket.members.size;
      bucket.sent = undefined;
    }
  }

  /** The sums over all ranks, by name, once they have arrived. @param gradients those that were not added yet */
  async finish(gradients: tf.NamedTensorMap): Promise<tf.NamedTensorMap> {
    for (const name of [...this.waiting]) this.add(name, gradients[name]);
    await Promise.all(this.reading);
    await Promise.all(this.buckets.map(({ sent }) => sent));
    const sums: tf.NamedTensorMap = {};
    for (const { data, members } of this.buckets) {
      // Copies, since the next step fills the bucket anew.
      for (const [name, { shape, start, end }] of members)
        sums[name] = tf.tensor(data.slice(start, end), shape);
    }
    return sums;
  }

  /** Sends what is complete: always in the same order, as the ranks must agree on it. */
  private send(): void {
    for (; this.next < this.buckets.length && this.buckets[this.next].missing === 0; this.next++) {
      const bucket = this.buckets[this.next];
      bucket.sent = this.communicator.allReduce(bucket.data);
    }
  }
}

/** Whether the active backend's tensors can be read without giving way to other work. */
const readsAtOnce = (): boolean => !["webgpu", "webgl"].includes(tf.getBackend());

/**
 * Calls `onGradient` with the gradient of each weight as soon as the backward pass through `forward` has computed it.
 * @returns a function for `tf.variableGrads`
 */
export function watched<T extends tf.Tensor>(
  weights: readonly tf.LayerVariable[],
  forward: () => T,
  onGradient: (name: string, gradient: tf.Tensor) => void,
): () => T {
  return () => {
    // The backward pass goes back through the calls in order: each weight enters it where it is first used.
    const passed: tf.Tensor[] = [];
    for (const weight of weights) {
      const variable = weight.read() as tf.Variable;
      const same = tf.customGrad((x) => ({
        value: (x as tf.Tensor).clone(),
        gradFunc: (dy: tf.Tensor) => {
          onGradient(variable.name, dy);
          return dy.clone();
        },
      }));
      let own: tf.Tensor | undefined;
      weight.read = () => {
        if (!own) {
          own = tf.keep(same(variable)); // A shared layer reads it again.
          passed.push(own);
        }
        return own;
      };
    }
    try {
      return forward();
    } finally {
      tf.dispose(passed);
      // Back to the method of the class.
      for (const weight of weights) delete (weight as { read?: unknown }).read;
    }
  };
}
