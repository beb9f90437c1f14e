import type { Command } from "commander";
import type { BackendName } from "../backend.ts";
import { BACKEND_NAMES } from "../backendNames.ts";
import { tryBackend } from "../doctor/tryBackend.ts";
import { describeEnvironment } from "../environment.ts";

export async function info(_: unknown, command: Command): Promise<void> {
  const { debug, json } = command.optsWithGlobals<{ debug: boolean; json: boolean }>();
  const { node, platform, cpu, versions } = describeEnvironment("", 1);
  if (json) {
    const backends = [];
    for (const name of BACKEND_NAMES) backends.push({ name, ...(await stateOf(name, debug)) });
    console.log(JSON.stringify({ versions, node, platform, cpu, backends }));
    return;
  }
  for (const [name, version] of Object.entries(versions)) console.log(`${name} ${version}`);
  console.log(`Node ${node} on ${platform}, ${cpu}`);
  for (const backend of BACKEND_NAMES) {
    const { works, text } = await stateOf(backend, debug);
    console.log(`backend ${backend}: ${works ? `works, ${text}` : text}`);
  }
}

/** Whether a backend works here, and its device or why not. */
async function stateOf(backend: BackendName, debug: boolean): Promise<{ works: boolean; text: string }> {
  for await (const { state, text } of tryBackend("start", backend, debug))
    return { works: state === "ok", text };
  return { works: false, text: "nothing is known" };
}
