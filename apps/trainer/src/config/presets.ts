// The configurations that come with the command.

import { readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const PRESETS = fileURLToPath(new URL("../../presets", import.meta.url));

/** The names of the presets that come with the command. */
export function presetNames(): string[] {
  return readdirSync(PRESETS)
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => path.basename(name, ".yaml"))
    .sort();
}
