import { GmrError } from "@gmr-conv/core";
import type { Strategy } from "@gmr-conv/tfjs";
import { useBackend } from "../backend.ts";
import type { BackendChoice } from "../backendNames.ts";
import { readCase, readCases } from "../parity/cases.ts";
import { checkCase, type ParityResult } from "../parity/check.ts";
import { checkNetworkCase } from "../parity/network.ts";
import { checkOnnxRuntime } from "../parity/runOnnx.ts";

interface ParityOptions {
  fixtures: string;
  backend: BackendChoice;
  strategy: "both" | Strategy;
  only?: RegExp;
  json: boolean;
}

export async function parity(options: ParityOptions): Promise<void> {
  await useBackend(options.backend);
  const strategies: Strategy[] = options.strategy === "both" ? ["ring", "dense"] : [options.strategy];
  const results: ParityResult[] = [];
  const cases = await readCases(options.fixtures);
  const chosen = cases.filter(({ name }) => options.only?.test(name) ?? true);
  if (chosen.length === 0) {
    throw new GmrError(
      "invalid-argument",
      `--only ${options.only?.source}: no case of ${options.fixtures} matches, expected one of ` +
        cases.map(({ name }) => name).join(", "),
    );
  }
  if (chosen.some(({ kind }) => kind === "network")) checkOnnxRuntime();
  for (const test of chosen) {
    const result =
      test.kind === "network"
        ? await checkNetworkCase(options.fixtures, test)
        : await checkCase(test, await readCase(options.fixtures, test.name), strategies);
    results.push(result);
    console.log(options.json ? JSON.stringify(result) : describe(result));
  }
  const failed = results.filter((result) => !result.ok);
  if (!options.json) {
    console.log(`\n${results.length - failed.length} passed, ${failed.length} failed`);
  }
  if (failed.length > 0) {
    const list = failed.map((result) => result.name).join(", ");
    throw new GmrError("invalid-data", `${failed.length} case(s) differ from the golden numbers: ${list}`);
  }
}

function describe(result: ParityResult): string {
  const name = result.name.padEnd(30);
  const errors = Object.entries(result.errors).map(
    ([tensor, error]) => `${tensor} ${error.toExponential(1)}`,
  );
  return `${result.ok ? "ok  " : "FAIL"} ${name} ${result.strategies.join("+").padEnd(10)} ${errors.join("  ")}`;
}
