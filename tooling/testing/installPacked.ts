// The packages as they are published, in a folder of their own: what a user has after `npm install`.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../", import.meta.url));

interface Manifest {
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

/**
 * Packs packages of the workspace and unpacks them into `node_modules` of a new folder outside the repository, with
 * what they depend on linked from the repository. Needs no network.
 * @param packages folders below `packages/`
 * @returns the folder, and `remove`
 */
export function installPacked(packages: readonly string[]): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "gmr-packed-"));
  const modules = join(folder, "node_modules");
  for (const name of packages) {
    const source = join(repository, "packages", name);
    const tarballs = join(folder, "tarballs", name);
    const target = join(modules, "@gmr-conv", name);
    for (const made of [tarballs, target]) mkdirSync(made, { recursive: true });
    const pnpm = join(repository, "node_modules/.bin/pnpm");
    execFileSync(pnpm, ["pack", "--pack-destination", tarballs], { cwd: source, stdio: "pipe" });
    const tarball = join(tarballs, readdirSync(tarballs)[0]);
    execFileSync("tar", ["-xzf", tarball, "-C", target, "--strip-components=1"], { stdio: "pipe" });
    const manifest = JSON.parse(readFileSync(join(source, "package.json"), "utf8")) as Manifest;
    for (const other of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
      if (!other.startsWith("@gmr-conv/")) link(join(source, "node_modules", other), join(modules, other));
    }
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function link(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  try {
    symlinkSync(source, target, "junction");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
