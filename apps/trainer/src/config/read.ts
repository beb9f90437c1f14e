// Configurations from files and presets, with changes from the command line.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { codeOf, describeValue, GmrError, nearestName, reasonOf } from "@gmr-conv/core";
import { parse } from "yaml";
import { isRecord } from "../isRecord.ts";
import { type ConfigInput, configSchema, problemsOf } from "./schema.ts";

const PRESETS = fileURLToPath(new URL("../../presets", import.meta.url));

/** The names of the presets that come with the command. */
export function presetNames(): string[] {
  return readdirSync(PRESETS)
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => path.basename(name, ".yaml"))
    .sort();
}

/** A change of one key of a configuration. */
export interface Override {
  /** Such as `["train", "optimizer", "learningRate"]`. */
  path: readonly string[];
  value: unknown;
}

/**
 * Reads `KEY=VALUE`, the value in YAML.
 * @throws GmrError `invalid-argument`
 */
export function parseOverride(text: string): Override {
  const at = text.indexOf("=");
  if (at <= 0) {
    throw new GmrError("invalid-argument", `--set ${text}: expected KEY=VALUE, such as train.epochs=5`);
  }
  try {
    return { path: text.slice(0, at).split("."), value: parse(text.slice(at + 1)) };
  } catch (error) {
    throw new GmrError("invalid-argument", `--set ${text}: ${reasonOf(error).split("\n")[0]}`);
  }
}

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

/** Sets a value in a tree of objects and lists; list entries are named by index. */
export function setAt(tree: Record<string, unknown>, keys: readonly string[], value: unknown): void {
  const [key, ...rest] = keys;
  if (rest.length === 0) {
    tree[key] = value;
    return;
  }
  const inner = tree[key];
  if (typeof inner !== "object" || inner === null) tree[key] = {};
  setAt(tree[key] as Record<string, unknown>, rest, value);
}
