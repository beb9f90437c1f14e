// The process in which a backend is tried: `backendProcess.js JOB BACKEND`. Findings are sent as messages.

import { GmrError, reasonOf } from "@gmr-conv/core";
import { describeBackend, useBackend } from "../backend.ts";
import { BACKEND_NAMES } from "../backendNames.ts";
import { diagnose, type Finding } from "./diagnose.ts";

const [job, name] = process.argv.slice(2);
const backend = BACKEND_NAMES.find((known) => known === name);
if (!backend || !process.send)
  throw new GmrError("internal", "expected a job, a backend, and a parent process");

/** Whether the backend starts, and on which device. */
async function* start(): AsyncGenerator<Finding, void, undefined> {
  if (!backend) return;
  yield await useBackend(backend).then(
    (): Finding => ({ state: "ok", text: describeBackend() }),
    (error): Finding => ({ state: "note", text: reasonOf(error) }),
  );
}

for await (const finding of job === "diagnose" ? diagnose(backend) : start()) {
  await new Promise<void>((sent) => process.send?.(finding, () => sent()));
}
process.exit(0); // A GPU would keep the process alive.
