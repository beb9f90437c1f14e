import { clearLine, cursorTo } from "node:readline";
import { GmrError } from "@gmr-conv/core";
import type { Command } from "commander";
import type { BackendName } from "../backend.ts";
import { BACKEND_NAMES } from "../backendNames.ts";
import type { Finding } from "../doctor/diagnose.ts";
import { tryBackend } from "../doctor/tryBackend.ts";
import { isLive, terminalWidth } from "../terminal.ts";

export async function doctor(names: BackendName[], _: unknown, command: Command): Promise<void> {
  const { debug, json } = command.optsWithGlobals<{ debug: boolean; json: boolean }>();
  let problems = 0;
  for (const backend of names.length > 0 ? names : BACKEND_NAMES) {
    if (!json) console.log(`backend ${backend}`);
    const wait = waiting(!json && isLive());
    wait.show();
    let last = "";
    const findings: Finding[] = [];
    for await (const finding of tryBackend("diagnose", backend, debug)) {
      const { state, text, advice } = finding;
      findings.push(finding);
      wait.hide();
      last = state;
      if (state === "problem") problems++;
      if (json) continue;
      console.log(`  ${state.padEnd(7)} ${text}`);
      if (advice) console.log(`          ${advice}`);
      wait.show();
    }
    wait.hide();
    if (json) console.log(JSON.stringify({ backend, works: last === "ok", findings }));
    // For a backend that was named, something missing is a problem.
    if (names.length > 0 && last === "note") problems++;
  }
  if (problems > 0) throw new GmrError("unsupported", `${problems} problem(s), see above`);
}

/** A line that says, in a terminal, what takes so long. */
function waiting(live: boolean): { show(): void; hide(): void } {
  const text =
    "  …       starts it and computes layers with gradients: seconds, or a minute on a busy machine";
  return {
    show: () => {
      if (live) process.stderr.write(text.slice(0, terminalWidth(process.stderr) - 1));
    },
    hide: () => {
      if (!live) return;
      clearLine(process.stderr, 0);
      cursorTo(process.stderr, 0);
    },
  };
}
