// What a release makes of the version numbers, tried on a copy of the manifests.

import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), "gmr-release-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const manifests = ["packages", "apps", "examples"].flatMap((parent) =>
  readdirSync(path.join(root, parent), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => path.join(parent, name, "package.json")),
);

/** The versions of the published packages, by name. */
function versions(): Record<string, string> {
  const read = manifests.map((file) => JSON.parse(readFileSync(path.join(folder, file), "utf8")));
  return Object.fromEntries(read.filter((manifest) => !manifest.private).map((m) => [m.name, m.version]));
}

it("makes one minor version of everything, time after time", { timeout: 120_000 }, () => {
  for (const file of [...manifests, "package.json", "pnpm-workspace.yaml", "pnpm-lock.yaml"]) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    cpSync(path.join(root, file), path.join(folder, file));
  }
  cpSync(path.join(root, ".changeset"), path.join(folder, ".changeset"), { recursive: true });
  symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"));
  const run = (program: string, ...args: string[]): void => {
    execFileSync(program, args, { cwd: folder, stdio: "pipe" });
  };
  run("git", "init", "-q");
  run(
    "git",
    "-c",
    "user.name=test",
    "-c",
    "user.email=test@test",
    "commit",
    "-q",
    "--allow-empty",
    "-m",
    "Start",
  );

  const changeset = path.join(root, "node_modules", "@changesets", "cli", "bin.js");
  for (const [change, version] of [
    ["core", "0.1.0"],
    ["models", "0.2.0"],
  ]) {
    const text = `---\n"@gmr-conv/${change}": minor\n---\n\nA change.\n`;
    writeFileSync(path.join(folder, ".changeset", "change.md"), text);
    run(process.execPath, changeset, "version");
    const found = versions();
    expect(found["@gmr-conv/core"]).toBe(version);
    expect(new Set(Object.values(found))).toEqual(new Set([version]));
  }
});
