import { GmrError } from "@gmr-conv/core";
import { Argument, type Command } from "commander";
import { BACKEND_NAMES, type BackendName } from "../backend.ts";
import { diagnose } from "../doctor/diagnose.ts";

export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .summary("check that backends compute correctly")
    .description("Check that backends start and compute layers correctly here, and explain what is missing.")
    .addArgument(new Argument("[backends...]", "backends that must work").choices(BACKEND_NAMES))
    .addHelpText("after", "\nWithout names, all are checked, and missing ones are not a problem.")
    .action(async (names: BackendName[]) => {
      let problems = 0;
      for (const backend of names.length > 0 ? names : BACKEND_NAMES) {
        console.log(`backend ${backend}`);
        let last = "";
        for await (const { state, text, advice } of diagnose(backend)) {
          last = state;
          if (state === "problem") problems++;
          console.log(`  ${state.padEnd(7)} ${text}`);
          if (advice) console.log(`          ${advice}`);
        }
        // For a backend that was named, something missing is a problem.
        if (names.length > 0 && last === "note") problems++;
      }
      if (problems > 0) throw new GmrError("unsupported", `${problems} problem(s), see above`);
    });
}
