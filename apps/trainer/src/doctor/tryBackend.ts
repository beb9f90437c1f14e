// Tries a backend in a process of its own: native libraries write straight to standard error, which would tear lists
// apart, and a crash of theirs must not end the command.

import { fork } from "node:child_process";
import { on } from "node:events";
import { fileURLToPath } from "node:url";
import type { BackendName } from "../backend.ts";
import type { Finding } from "./diagnose.ts";

/**
 * What is found out about a backend: whether it starts, or everything that `diagnose` checks.
 * @param debug print what native libraries write, afterwards
 */
export async function* tryBackend(
  job: "start" | "diagnose",
  backend: BackendName,
  debug: boolean,
): AsyncGenerator<Finding, void, undefined> {
  const child = fork(fileURLToPath(new URL("./backendProcess.js", import.meta.url)), [job, backend], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let written = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (data) => {
      written += data;
    });
  }
  for await (const [finding] of on(child, "message", { close: ["close"] })) yield finding as Finding;
  const { exitCode, signalCode } = child;
  if (exitCode !== 0) {
    const how = signalCode ? `was killed by ${signalCode}` : `ended with code ${exitCode}`;
    const advice = written === "" || debug ? undefined : "--debug shows what it wrote";
    yield { state: "problem", text: `the process that tried it ${how}`, advice };
  }
  if (debug && written !== "") process.stderr.write(written);
}
