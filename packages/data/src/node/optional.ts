// Packages that only some work needs. They are large, so ours do not bring them.

import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { codeOf, GmrError } from "@gmr-conv/core";

export interface OptionalPackage {
  /** On npm. */
  name: string;
  /** The version to install. */
  version: string;
  /** What needs it, as the subject of a sentence. */
  user: string;
}

/**
 * The file that a module of an optional package is in: installed beside the package that asks, or in the current folder
 * or one above, where those who start a command by `npx` install it.
 * @param module such as `echarts/core`
 * @param asking `import.meta.url` of the module that asks
 * @throws GmrError `unsupported` if it is in neither place, with the command that installs it
 */
export function findOptional(
  { name, version, user }: OptionalPackage,
  module: string,
  asking: string,
): string {
  const here = pathToFileURL(path.join(process.cwd(), "package.json"));
  let cause: unknown;
  for (const place of [asking, here]) {
    try {
      return createRequire(place).resolve(module);
    } catch (error) {
      if (codeOf(error) !== "MODULE_NOT_FOUND") throw error;
      cause = error;
    }
  }
  throw new GmrError(
    "unsupported",
    `${user} needs the npm package ${name}, which is not installed; install it in this folder: ` +
      `npm install ${name}@${version}`,
    { cause },
  );
}

/** Imports a module of an optional package, from where {@link findOptional} finds it. @throws GmrError `unsupported` */
export async function importOptional<T>(
  optional: OptionalPackage,
  module: string,
  asking: string,
): Promise<T> {
  return import(/* @vite-ignore */ pathToFileURL(findOptional(optional, module, asking)).href) as Promise<T>;
}
