// Servers of a project.

import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import path from "node:path";
import type { Project } from "./project.ts";

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

/** Starts a server of the project, waits until it answers, and ends it after use. */
export async function withServer<T>(
  project: Project,
  script: string,
  args: (port: number) => readonly string[],
  use: (address: string) => Promise<T>,
): Promise<T> {
  const port = await freePort();
  const file = createRequire(path.join(project.folder, "package.json")).resolve(script);
  const options = { cwd: project.folder, detached: true, stdio: ["ignore", "pipe", "pipe"] as const };
  const child = spawn(process.execPath, [file, ...args(port)], { ...options, stdio: [...options.stdio] });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (text) => (printed += text));
  try {
    const address = `http://127.0.0.1:${port}/`;
    for (let tries = 0; ; tries++) {
      const answered = await fetch(address).then(
        (response) => response.ok,
        () => false,
      );
      if (answered) break;
      if (tries === 120 || child.exitCode !== null) throw new Error(`${script} does not answer\n${printed}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    return await use(address);
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n${printed}`);
  } finally {
    // The server and what it started.
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGTERM");
  }
}
