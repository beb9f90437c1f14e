import { expect } from "vitest";

/**
 * Expects `action` to throw, or to reject with, a GmrError with this code and exactly this message, or one that matches.
 * Await it where `action` returns a promise.
 */
export function expectGmrError(
  action: () => Promise<unknown>,
  code: string,
  message: string | RegExp,
): Promise<void>;
export function expectGmrError(action: () => unknown, code: string, message: string | RegExp): void;
export function expectGmrError(
  action: () => unknown,
  code: string,
  message: string | RegExp,
): void | Promise<void> {
  const check = (thrown: unknown): void =>
    expect(thrown).toMatchObject({
      name: "GmrError",
      code,
      message: message instanceof RegExp ? expect.stringMatching(message) : message,
    });
  let result: unknown;
  try {
    result = action();
  } catch (error) {
    check(error);
    return;
  }
  if (result instanceof Promise) return result.then(() => check(undefined), check);
  check(undefined);
}
