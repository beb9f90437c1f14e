import { preferSoftwareAdapter } from "../../packages/backend-webgpu/testing/dawn.ts";
import base from "../../tooling/vitest.base.ts";

preferSoftwareAdapter();

export default base;
