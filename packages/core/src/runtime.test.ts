import { afterEach, expect, it, vi } from "vitest";
import { environmentVariable, isNode } from "./runtime.ts";

afterEach(() => vi.unstubAllGlobals());

const versions = { node: "22.0.0" };
const getBuiltinModule = (): undefined => undefined;

it("knows Node", () => {
  expect(isNode()).toBe(true);
});

it.each([
  ["a page", undefined],
  ["a bundler's process", { env: {} }],
  ["a renderer of Electron without Node's modules", { versions, env: {} }],
  ["a renderer of Electron with them", { versions, env: {}, getBuiltinModule, type: "renderer" }],
])("does not take %s for Node", (_, process) => {
  vi.stubGlobal("process", process);
  expect(isNode()).toBe(false);
});

it("reads environment variables if there are any", () => {
  vi.stubEnv("GMR_SOMETHING", "3");
  expect(environmentVariable("GMR_SOMETHING")).toBe("3");
  vi.unstubAllEnvs();
  const refusing = {
    get env(): never {
      throw new Error("Requires env access");
    },
  };
  for (const process of [undefined, {}, { env: {} }, refusing]) {
    vi.stubGlobal("process", process);
    expect(environmentVariable("GMR_SOMETHING")).toBeUndefined();
  }
});
