// Seeded random numbers: xoshiro128** 1.1 by David Blackman and Sebastiano Vigna
// (https://prng.di.unimi.it/xoshiro128starstar.c), its state filled by a 32-bit SplitMix generator that uses
// MurmurHash3's finaliser. Not for cryptography.

import { checkNonNegativeInteger, checkPositiveInteger } from "./checks.ts";
import { describeValue, GmrError } from "./errors.ts";

/** The complete state of a {@link Random}; plain numbers, so that a checkpoint can store it as JSON. */
export type RandomState = readonly [number, number, number, number];

/** A reproducible stream of random numbers: the same seed gives the same numbers on every machine. */
export class Random {
  // The four state words; a Uint32Array wraps to 32 bits.
  readonly #words = new Uint32Array(4);

  /**
   * @param seed an integer from 0 to 2⁵³ - 1
   * @throws GmrError `invalid-argument` for any other seed
   */
  constructor(seed: number) {
    checkNonNegativeInteger("seed", seed);
    const next = splitMix32((seed >>> 0) ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1));
    for (let i = 0; i < 4; i++) this.#words[i] = next();
  }

  /** The next 32 random bits, as an integer from 0 to 2³² - 1. */
  bits(): number {
    const s = this.#words;
    const result = Math.imul(rotateLeft(Math.imul(s[1], 5), 7), 9) >>> 0;
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotateLeft(s[3], 11);
    return result;
  }

  /** A number from [low, high), uniformly distributed, with 53 random bits. */
  uniform(low = 0, high = 1): number {
    const unit = ((this.bits() >>> 5) * 2 ** 26 + (this.bits() >>> 6)) / 2 ** 53;
    return low + (high - low) * unit;
  }

  /** A normally distributed number (Box and Muller, 1958). */
  normal(mean = 0, std = 1): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform())); // 1 - u is never 0
    return mean + std * radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /**
   * An integer from 0 to n - 1, each equally likely.
   * @throws GmrError `invalid-argument` if n is not an integer from 1 to 2³²
   */
  int(n: number): number {
    if (checkPositiveInteger("n", n) > 2 ** 32) {
      throw new GmrError("invalid-argument", `n must be at most 2^32, got ${describeValue(n)}`);
    }
    // Draws in the last, incomplete block of n are rejected: they would favour small numbers.
    const limit = 2 ** 32 - (2 ** 32 % n);
    let draw = this.bits();
    while (draw >= limit) draw = this.bits();
    return draw % n;
  }

  /** Shuffles an array in place (Fisher and Yates) and returns it. */
  shuffle<A extends { readonly length: number; [index: number]: unknown }>(array: A): A {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      const value = array[i];
      array[i] = array[j];
      array[j] = value;
    }
    return array;
  }

  /** The current state, for {@link restore}. */
  state(): RandomState {
    const [a, b, c, d] = this.#words;
    return [a, b, c, d];
  }

  /**
   * Continues from a state, with the numbers that followed when it was taken.
   * @throws GmrError `invalid-data` unless the state is four integers from 0 to 2³² - 1, not all 0
   */
  restore(state: RandomState): void {
    const valid =
      state.length === 4 && state.every((word) => word === word >>> 0) && state.some((word) => word > 0);
    if (!valid) {
      throw new GmrError(
        "invalid-data",
        `a random state is four 32-bit integers, not all 0, got ${describeValue(state)}`,
      );
    }
    this.#words.set(state);
  }
}

function rotateLeft(word: number, count: number): number {
  return (word << count) | (word >>> (32 - count));
}

function splitMix32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let word = state;
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    return (word ^ (word >>> 16)) >>> 0;
  };
}
