import { GmrError } from "@gmr-conv/core";
import type { Command } from "commander";
import type { BackendName } from "../backend.ts";
import { BACKEND_NAMES } from "../backendNames.ts";
import type { Finding } from "../doctor/diagnose.ts";
import { tryBackend } from "../doctor/tryBackend.ts";

export async function doctor(names: BackendName[], _: unknown, command: Command): Promise<void> {
  const { debug, json } = command.optsWithGlobals<{ debug: boolean; json: boolean }>();
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
}
