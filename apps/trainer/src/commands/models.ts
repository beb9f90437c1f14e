import type { Command } from "commander";
import { lazy } from "./lazy.ts";

export function addModels(program: Command): void {
  program
    .command("models")
    .summary("list the networks")
    .description(
      "List the networks: trained parameters, multiply-adds and receptive field for a typical input.",
    )
    .argument("[names...]", "which ones (default: all)")
    .option("--json", "print one JSON object per network", false)
    .action(lazy(async () => (await import("../actions/models.ts")).models));
}
