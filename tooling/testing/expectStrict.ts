import { expect } from "vitest";

/** A function's name, a call of it with valid options and these, and the option to misspell. */
export type StrictCase = readonly [name: string, call: (options: never) => unknown, option: string];

/**
 * Expects that a call refuses an option with two letters exchanged, as a typing error leaves them, and names the right
 * one.
 */
export async function expectStrict(call: (options: never) => unknown, option: string): Promise<void> {
  const wrong = option.slice(0, -2) + option[option.length - 1] + option[option.length - 2];
  const refused = expect.objectContaining({
    code: "invalid-argument",
    message: expect.stringContaining(`have no "${wrong}": did you mean ${option}?`),
  });
  await expect((async () => await call({ [wrong]: 1 } as never))()).rejects.toEqual(refused);
}
