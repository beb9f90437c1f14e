import { expect } from "vitest";

/** Expects a GmrError with exactly this code and message, or one that matches, thrown or rejected with. */
export async function expectGmrError(
  action: () => unknown,
  code: string,
  message: string | RegExp,
): Promise<void> {
  let thrown: unknown;
  try {
    await action();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({
    name: "GmrError",
    code,
    message: message instanceof RegExp ? expect.stringMatching(message) : message,
  });
}
