// How a GMR convolution is computed.

import { describeValue, GmrError } from "@gmr-conv/core";
import { hasKernel, RingConv } from "./kernels.ts";

/**
 * - `ring`: sums over rings, then one matrix product. With the backend's own kernel where it has one, otherwise
 *   composed from a depthwise convolution with constant masks and a matrix product.
 * - `dense`: fold the weights into a dense kernel, then the stock convolution.
 * - `auto`: `ring` where the backend has the kernel, otherwise `dense`.
 */
export type Strategy = "ring" | "dense" | "auto";

const STRATEGIES: readonly string[] = ["ring", "dense", "auto"] satisfies Strategy[];

/** Checks an option that should name a strategy. */
export function checkStrategy(value: unknown): Strategy {
  if (typeof value === "string" && STRATEGIES.includes(value)) return value as Strategy;
  throw new GmrError(
    "invalid-argument",
    `strategy must be "ring", "dense" or "auto", got ${describeValue(value)}`,
  );
}

/** The strategy that `auto` stands for on the active backend. */
export function resolveStrategy(strategy: Strategy): "ring" | "dense" {
  if (strategy !== "auto") return strategy;
  return hasKernel(RingConv) ? "ring" : "dense";
}
