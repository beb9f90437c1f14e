import { GmrError } from "@gmr-conv/core";
import type { Strategy } from "@gmr-conv/tfjs";
import { type Command, Option } from "commander";
import { BACKENDS, type BackendName, useBackend } from "../backend.ts";
import { readCase, readCases } from "../parity/cases.ts";
import { checkCase, type ParityResult, TOLERANCE } from "../parity/check.ts";

interface ParityOptions {
  fixtures: string;
  backend: BackendName;
  strategy: "both" | Strategy;
  json: boolean;
}

export function addParity(program: Command): void {
  program
    .command("parity")
    .description(
      "Compare this package with golden cases of the official one. A case fails beyond a relative error of " +
        `${TOLERANCE.values} for kernels and outputs, ${TOLERANCE.gradients} for gradients.`,
    )
    .requiredOption("--fixtures <folder>", "folder with cases.json and one NAME.safetensors per case")
    .addOption(new Option("--backend <name>", "where to compute").choices(BACKENDS).default("wasm"))
    .addOption(
      new Option("--strategy <name>", "how to compute").choices(["both", "ring", "dense"]).default("both"),
    )
    .option("--json", "print one JSON object per case", false)
    .action(async (options: ParityOptions) => {
      await useBackend(options.backend);
      const strategies: Strategy[] = options.strategy === "both" ? ["ring", "dense"] : [options.strategy];
      const results: ParityResult[] = [];
      for (const test of await readCases(options.fixtures)) {
        const stored = test.kind.startsWith("conv") ? await readCase(options.fixtures, test.name) : new Map();
        const result = await checkCase(test, stored, strategies);
        results.push(result);
        console.log(options.json ? JSON.stringify(result) : describe(result));
      }
      const failed = results.filter((result) => !result.ok);
      const skipped = results.filter((result) => result.skipped !== undefined);
      if (!options.json) {
        const passed = results.length - failed.length - skipped.length;
        console.log(`\n${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
      }
      if (failed.length > 0) {
        const list = failed.map((result) => result.name).join(", ");
        throw new GmrError(
          "invalid-data",
          `${failed.length} case(s) differ from the golden numbers: ${list}`,
        );
      }
    });
}

function describe(result: ParityResult): string {
  const name = result.name.padEnd(30);
  if (result.skipped !== undefined) return `skip ${name} ${result.skipped}`;
  const errors = Object.entries(result.errors).map(
    ([tensor, error]) => `${tensor} ${error.toExponential(1)}`,
  );
  return `${result.ok ? "ok  " : "FAIL"} ${name} ${result.strategies.join("+").padEnd(10)} ${errors.join("  ")}`;
}
