import base from "../../tooling/vitest.base.ts";
import { preferSoftwareAdapter } from "./testing/dawn.ts";

preferSoftwareAdapter();

export default base;
