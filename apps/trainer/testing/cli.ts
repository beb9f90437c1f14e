// Runs the built command as a user would.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { format } from "node:util";
import { vi } from "vitest";

const CLI = fileURLToPath(new URL("../dist/cli.js", import.meta.url));

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** The command that runs, and those that wait for it. */
let running: Promise<unknown> = Promise.resolve();

/** Runs `gmr ARGS` to its end in this process, one at a time, and catches what it prints. Networks train in threads. */
export function gmr(args: string[]): Promise<Outcome> {
  const outcome = running.then(() => runHere(args));
  running = outcome.catch(() => {});
  return outcome;
}

async function runHere(args: string[]): Promise<Outcome> {
  const printed = { stdout: "", stderr: "" };
  const spies = [
    ...(["stdout", "stderr"] as const).map((name) =>
      vi.spyOn(process[name], "write").mockImplementation((text: string | Uint8Array, ...rest: unknown[]) => {
        printed[name] += typeof text === "string" ? text : Buffer.from(text).toString();
        const done = rest.at(-1);
        if (typeof done === "function") done();
        return true;
      }),
    ),
    ...(["log", "info", "warn", "error"] as const).map((name) =>
      vi.spyOn(console, name).mockImplementation((...values: unknown[]) => {
        printed[name === "log" || name === "info" ? "stdout" : "stderr"] += `${format(...values)}\n`;
      }),
    ),
  ];
  const { argv, exitCode } = process;
  process.argv = [process.execPath, CLI, ...args];
  process.exitCode = undefined;
  try {
    const { main } = (await import("../dist/main.js" as string)) as typeof import("../src/main.ts");
    await main();
    return { code: Number(process.exitCode ?? 0), ...printed };
  } finally {
    process.argv = argv;
    process.exitCode = exitCode;
    for (const spy of spies) spy.mockRestore();
  }
}

/** Runs `gmr ARGS` to its end as a process of its own; `onStart` gets it. For signals, crashes and native libraries. */
export function gmrProcess(args: string[], onStart?: (child: ChildProcess) => void): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    onStart?.(child);
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data) => {
      stdout += data;
    });
    child.stderr.on("data", (data) => {
      stderr += data;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/** A new folder for the runs of a test. */
export function temporaryFolder(): string {
  return mkdtempSync(path.join(os.tmpdir(), "gmr-test-"));
}
