import { reasonOf } from "@gmr-conv/core";
import type { Command } from "commander";
import { BACKEND_NAMES, describeBackend, useBackend } from "../backend.ts";
import { describeEnvironment } from "../environment.ts";

export function addInfo(program: Command): void {
  program
    .command("info")
    .summary("versions, machine and working backends")
    .description("Show versions, the machine and the backends that work here.")
    .action(async () => {
      const { node, platform, cpu, versions } = describeEnvironment("", 1);
      for (const [name, version] of Object.entries(versions)) console.log(`${name} ${version}`);
      console.log(`Node ${node} on ${platform}, ${cpu}`);
      for (const backend of BACKEND_NAMES) {
        const state = await useBackend(backend).then(() => `works, ${describeBackend()}`, reasonOf);
        console.log(`backend ${backend}: ${state}`);
      }
    });
}
