import { mergeConfig } from "vitest/config";
import base from "./vitest.base.ts";

export default mergeConfig(base, {
  test: {
    include: ["api/*.test.ts", "release/*.test.ts"],
    diff: { expand: false, contextLines: 3, truncateThreshold: 200 },
  },
});
