// Configurations from files and presets, with changes from the command line.

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { codeOf, describeValue, GmrError, nearestName, reasonOf } from "@gmr-conv/core";
import { parse } from "yaml";
import { isRecord } from "../isRecord.ts";
import { type Override, setAt } from "./override.ts";
import { PRESETS, presetNames } from "./presets.ts";
import { type ConfigInput, configSchema, problemsOf } from "./schema.ts";

/** The content of a file or preset, not validated. @throws GmrError `io`, `invalid-data` */
export function readConfigFile(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const why =
      codeOf(error) === "ENOENT" ? "no such file" : reasonOf(error).replace(/, expected a file$/, "");
    throw new GmrError("io", `${file}: ${why}, expected a configuration in YAML or JSON`);
  }
  let value: unknown;
  try {
    value = parse(text, { merge: true });
  } catch (error) {
    throw new GmrError("invalid-data", `${file}: ${reasonOf(error).split("\n")[0]}`);
  }
  if (isRecord(value)) return value;
  throw new GmrError(
    "invalid-data",
    `${file}: expected a configuration (keys and values in YAML or JSON), got ${describeValue(value)}`,
  );
}

/** A preset by name. @throws GmrError `invalid-argument` for an unknown one */
export function readPreset(name: string): Record<string, unknown> {
  const file = path.join(PRESETS, `${name}.yaml`);
  if (/^[\w.-]+$/.test(name) && existsSync(file)) return readConfigFile(file);
  const near = nearestName(name, presetNames());
  throw new GmrError(
    "invalid-argument",
    `preset ${describeValue(name)}: ` +
      (near ? `did you mean ${near}?` : `expected one of ${presetNames().join(", ")}`),
  );
}

/**
 * A configuration with changes, validated.
 * @param source names it in errors
 * @throws GmrError `invalid-argument`, naming the key and what was expected
 */
export function checkConfig(
  given: Record<string, unknown>,
  changes: readonly Override[],
  source: string,
): ConfigInput {
  const changed = structuredClone(given);
  for (const { path: keys, value } of changes) setAt(changed, keys, value);
  const result = configSchema.safeParse(changed);
  if (result.success) return result.data as unknown as ConfigInput;
  throw new GmrError("invalid-argument", `${source}: ${problemsOf(result.error)}`);
}
