// Publishes the versions that the registry does not have yet, with the repository's address in every package.
// tsx tooling/release/publish.ts [--check]; --check only finds the address, or says what is missing.

import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { folderOf, publishedPackages } from "../testing/installPacked.ts";
import { repositoryAddress, withRepository } from "./repository.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const args = process.argv.slice(2);

/** Runs `changeset publish`, and returns its exit code. */
function publish(): Promise<number> {
  const changeset = createRequire(import.meta.url).resolve("@changesets/cli/bin.js", { paths: [root] });
  // Ctrl-C reaches that program too; this one stays to undo the changes.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [changeset, "publish", ...args], { cwd: root, stdio: "inherit" });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}

try {
  const address = repositoryAddress(root);
  console.log(`The repository is ${address}.`);
  if (!args.includes("--check")) {
    const folders = publishedPackages().map((name) =>
      path.relative(root, folderOf(name)).replaceAll(path.sep, "/"),
    );
    process.exitCode = await withRepository(root, folders, address, publish);
  }
} catch (error) {
  console.error(`Nothing is published: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
