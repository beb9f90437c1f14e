// Changes of single keys of a configuration.

import { GmrError, reasonOf } from "@gmr-conv/core";
import { parse } from "yaml";

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
