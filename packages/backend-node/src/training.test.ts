import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { describeNative } from "../testing/describeNative.ts";

const program = fileURLToPath(new URL("../testing/trainingProgram.mjs", import.meta.url));

describeNative("training", () => {
  it("500 steps lower the loss without leaks: tensors constant, the process's memory flat within 5 %", () => {
    const printed = execFileSync(process.execPath, ["--expose-gc", program], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const { losses, tensors, native, megabytes } = JSON.parse(printed.trim().split("\n").at(-1) ?? "");
    expect(new Set(tensors).size).toBe(1);
    expect(new Set(native).size).toBe(1);
    console.log(`MiB after 200, 300, 400 and 500 steps: ${megabytes.join(", ")}`);
    expect(Math.max(...megabytes) / megabytes[0]).toBeLessThan(1.05);
    expect(losses[1]).toBeLessThan(0.1 * losses[0]);
  });
});
