import { mergeConfig } from "vitest/config";
import { preferSoftwareAdapter } from "../../packages/backend-webgpu/testing/dawn.ts";
import base from "../../tooling/vitest.base.ts";

preferSoftwareAdapter();

/**
 * These tests come last, alone on the machine, and partly wait for processes that they start. What is built is imported as
 * Node does, since commands start the files beside them in threads and processes. Networks are so small that the start of more threads would take most of the time; where threads
 * matter, tests ask for them.
 */
export default mergeConfig(base, {
  test: { maxWorkers: 2, env: { GMR_THREADS: "1" }, server: { deps: { external: [/\/dist\//] } } },
});
