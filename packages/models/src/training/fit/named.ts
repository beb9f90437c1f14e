import type { FitFunction } from "./labels.ts";

/** Gives a function the name that the history of `fit` shows, which minifiers would change. */
export function named(name: string, run: FitFunction): FitFunction {
  return Object.defineProperty(run, "name", { value: name });
}
