import { GmrError } from "@gmr-conv/core";
import { Argument, type Command } from "commander";
import { BACKEND_NAMES, type BackendName } from "../backend.ts";
import type { Finding } from "../doctor/diagnose.ts";
import { tryBackend } from "../doctor/tryBackend.ts";

export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .summary("check that backends compute correctly")
    .description("Check that backends start and compute layers correctly here, and explain what is missing.")
    .addArgument(new Argument("[backends...]", "backends that must work").choices(BACKEND_NAMES))
    .addHelpText("after", "\nWithout names, all are checked, and missing ones are not a problem.")
    .option("--json", "print one JSON object per backend", false)
    .action(async (names: BackendName[], { json }: { json: boolean }) => {
      const { debug } = program.opts<{ debug: boolean }>();
      let problems = 0;
      for (const backend of names.length > 0 ? names : BACKEND_NAMES) {
        if (!json) console.log(`backend ${backend}`);
        let last = "";
        const findings: Finding[] = [];
        for await (const finding of tryBackend("diagnose", backend, debug)) {
          const { state, text, advice } = finding;
          findings.push(finding);
          last = state;
          if (state === "problem") problems++;
          if (json) continue;
          console.log(`  ${state.padEnd(7)} ${text}`);
          if (advice) console.log(`          ${advice}`);
        }
        if (json) console.log(JSON.stringify({ backend, works: last === "ok", findings }));
        // For a backend that was named, something missing is a problem.
        if (names.length > 0 && last === "note") problems++;
      }
      if (problems > 0) throw new GmrError("unsupported", `${problems} problem(s), see above`);
    });
}
