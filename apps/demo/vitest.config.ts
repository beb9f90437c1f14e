import { mergeConfig } from "vitest/config";
import base from "../../tooling/vitest.base.ts";

/** A page on a busy machine takes its time. */
export default mergeConfig(base, { test: { expect: { poll: { timeout: 15_000 } } } });
