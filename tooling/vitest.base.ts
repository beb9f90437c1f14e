import { defineConfig } from "vitest/config";

/** Shared test settings: tests are next to the source; counts go to `test-results.json` for the summary line. */
export default defineConfig({
  test: {
    include: ["src/**/*.test.ts"],
    testTimeout: 240_000,
    hookTimeout: 120_000,
    reporters: ["default", "json"],
    outputFile: { json: "test-results.json" },
  },
});
