import { Argument, type Command } from "commander";
import { BACKEND_NAMES } from "../backendNames.ts";
import { lazy } from "./lazy.ts";

export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .summary("check that backends compute correctly")
    .description("Check that backends start and compute layers correctly here, and explain what is missing.")
    .addArgument(new Argument("[backends...]", "backends that must work").choices(BACKEND_NAMES))
    .addHelpText("after", "\nWithout names, all are checked, and missing ones are not a problem.")
    .option("--json", "print one JSON object per backend", false)
    .action(lazy(async () => (await import("../actions/doctor.ts")).doctor));
}
