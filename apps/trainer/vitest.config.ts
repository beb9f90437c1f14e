import { mergeConfig } from "vitest/config";
import { preferSoftwareAdapter } from "../../packages/backend-webgpu/testing/dawn.ts";
import base from "../../tooling/vitest.base.ts";

preferSoftwareAdapter();

/** These tests come last, alone on the machine, and mostly wait for commands that they start. */
export default mergeConfig(base, { test: { maxWorkers: 2 } });
