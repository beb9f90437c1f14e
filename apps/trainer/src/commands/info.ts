import type { Command } from "commander";
import { lazy } from "./lazy.ts";

export function addInfo(program: Command): void {
  program
    .command("info")
    .summary("versions, machine and working backends")
    .description("Show versions, the machine and the backends that work here.")
    .option("--json", "print one JSON object", false)
    .action(lazy(async () => (await import("../actions/info.ts")).info));
}
