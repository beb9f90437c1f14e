// Finds and loads @tensorflow/tfjs-node-gpu or @tensorflow/tfjs-node.

import "./utilFunctions.ts";
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { GmrError, reasonOf } from "@gmr-conv/core";

const require = createRequire(import.meta.url);

export const PACKAGES = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"] as const;
export type PackageName = (typeof PACKAGES)[number];

/** An installed package and its native binding; `binding` is undefined if it was neither downloaded nor built. */
export interface InstalledPackage {
  name: PackageName;
  folder: string;
  binding: string | undefined;
}

/** Which of {@link PackageName} are installed, the GPU one first. */
export function installedPackages(): InstalledPackage[] {
  return PACKAGES.flatMap((name) => {
    const folder = folderOf(name);
    return folder === undefined ? [] : [{ name, folder, binding: bindingIn(folder) }];
  });
}

function folderOf(name: PackageName): string | undefined {
  try {
    return path.dirname(require.resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

/** The binding is in a folder named after a Node-API version. */
function bindingIn(folder: string): string | undefined {
  const lib = path.join(folder, "lib");
  if (!existsSync(lib)) return undefined;
  return readdirSync(lib)
    .map((version) => path.join(lib, version, "tfjs_binding.node"))
    .find((file) => existsSync(file));
}

const HOW_TO_BUILD = "run its install script, or tooling/tfjs-node-from-source/build.mjs of GMR-Conv";

/**
 * The first installed package that has its binding.
 * @param wanted only this one
 * @throws GmrError `unsupported`, naming both packages, if there is none
 */
export function usablePackage(wanted?: PackageName, installed = installedPackages()): InstalledPackage {
  const usable = installed.find(
    ({ name, binding }) => binding !== undefined && (wanted === undefined || name === wanted),
  );
  if (usable) return usable;
  const [gpu, cpu] = PACKAGES;
  const asked = PACKAGES.filter((name) => wanted === undefined || name === wanted);
  const reason =
    installed.length === 0
      ? `neither ${gpu} nor ${cpu} is installed: install one of them`
      : `${asked.map((name) => describe(name, installed)).join(", ")}: ${HOW_TO_BUILD}`;
  throw new GmrError("unsupported", reason);
}

function describe(name: PackageName, installed: readonly InstalledPackage[]): string {
  const found = installed.some((entry) => entry.name === name);
  return `${name} ${found ? "is installed without its native binding" : "is not installed"}`;
}

/**
 * Loads a package, which registers the backend `tensorflow`.
 * @throws GmrError `unsupported` with the loader's reason, such as a missing CUDA library
 */
export function loadPackage({ name }: InstalledPackage): void {
  try {
    require(name);
  } catch (error) {
    const [reason] = reasonOf(error).split("\n");
    throw new GmrError("unsupported", `${name} does not load: ${reason}`, { cause: error });
  }
}
