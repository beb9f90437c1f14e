// The packages as they are published, in a folder of their own: what a user has after `npm install`.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../", import.meta.url));

interface Manifest {
  name: string;
  private?: boolean;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

/** The folder of a package, below `packages/` or `apps/`. */
export function folderOf(name: string): string {
  const folder = join(repository, "packages", name);
  return existsSync(folder) ? folder : join(repository, "apps", name);
}

function manifestOf(name: string): Manifest {
  return JSON.parse(readFileSync(join(folderOf(name), "package.json"), "utf8")) as Manifest;
}

/** The names of all published packages, without their scope. */
export function publishedPackages(): string[] {
  const names = ["packages", "apps"].flatMap((parent) => readdirSync(join(repository, parent)));
  return names.filter(
    (name) => existsSync(join(folderOf(name), "package.json")) && !manifestOf(name).private,
  );
}

/** Packs a package of the workspace; returns the tarball's path, below `folder/name/`. Needs no network. */
export function pack(name: string, folder: string): string {
  const destination = join(folder, name);
  mkdirSync(destination, { recursive: true });
  const pnpm = join(repository, "node_modules/.bin/pnpm");
  execFileSync(pnpm, ["pack", "--pack-destination", destination], { cwd: folderOf(name), stdio: "pipe" });
  return join(destination, readdirSync(destination)[0]);
}

/**
 * Packs packages of the workspace and unpacks them into `node_modules` of a new folder outside the repository, with
 * what they depend on linked from the repository. Needs no network.
 * @param packages folders below `packages/` or `apps/`
 * @returns the folder, the tarballs by package, and `remove`
 */
export function installPacked(packages: readonly string[]): {
  folder: string;
  tarballs: Record<string, string>;
  remove: () => void;
} {
  const folder = mkdtempSync(join(tmpdir(), "gmr-packed-"));
  const modules = join(folder, "node_modules");
  const tarballs: Record<string, string> = {};
  for (const name of packages) {
    const target = join(modules, "@gmr-conv", name);
    mkdirSync(target, { recursive: true });
    tarballs[name] = pack(name, join(folder, "tarballs"));
    execFileSync("tar", ["-xzf", tarballs[name], "-C", target, "--strip-components=1"], { stdio: "pipe" });
    const { dependencies, peerDependencies } = manifestOf(name);
    for (const other of Object.keys({ ...dependencies, ...peerDependencies })) {
      if (!other.startsWith("@gmr-conv/")) {
        link(join(folderOf(name), "node_modules", other), join(modules, other));
      }
    }
  }
  return { folder, tarballs, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function link(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  try {
    symlinkSync(source, target, "junction");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
