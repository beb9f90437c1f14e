import { describeValue, GmrError } from "@gmr-conv/core";
import {
  ByteString,
  HostObject,
  OpaqueName,
  OpaqueObject,
  type PickleDict,
  type PickleValue,
  type Scalar,
  Tuple,
} from "./pickle.ts";
import { TensorView } from "./tensorView.ts";

/** The leaves of nested dictionaries and lists, named by the keys that lead to them, joined by dots. */
export interface Leaves {
  tensors: Map<string, TensorView>;
  values: Map<string, Scalar>;
  /** The classes of other objects. */
  opaque: Map<string, string>;
}

/** A dictionary, or the entries of an object that extends one. */
export function dictionaryOf(value: PickleValue): PickleDict | undefined {
  if (value instanceof OpaqueObject) return value.items.size > 0 ? value.items : undefined;
  return value instanceof Map ? value : undefined;
}

const MAX_DEPTH = 64;
/** Bounds the sum of visits and lengths of names, since a list may contain another many times. */
const MAX_WORK = 2 ** 25;

/**
 * @param file name of the file in errors
 * @throws GmrError `invalid-data` if the value is too deep or too large, or if two leaves have the same name
 */
export function flatten(value: PickleValue, file: string): Leaves {
  const tensors = new Map<string, TensorView>();
  const values = new Map<string, Scalar>();
  const opaque = new Map<string, string>();
  const fail = (problem: string): GmrError => new GmrError("invalid-data", `${file}: ${problem}`);
  let work = 0;

  const visit = (item: PickleValue, name: string, depth: number): void => {
    work += 8 + name.length;
    if (depth > MAX_DEPTH) throw fail(`it is nested more than ${MAX_DEPTH} deep, or contains itself`);
    if (work > MAX_WORK) throw fail("it has too many entries, or lists that contain others too often");
    const children = childrenOf(item);
    if (children) {
      if (item instanceof OpaqueObject) opaque.set(name, item.name);
      for (const [key, child] of children.entries()) {
        visit(child, depth > 0 ? `${name}.${key}` : `${key}`, depth + 1);
      }
      return;
    }
    if (tensors.has(name) || values.has(name)) throw fail(`two entries are named ${describeValue(name)}`);
    if (item instanceof TensorView) tensors.set(name, item);
    else if (isOpaque(item)) opaque.set(name, item.name);
    else if (typeof item !== "object" || item === null || item instanceof HostObject)
      values.set(name, item instanceof HostObject ? item.name : item);
  };
  visit(value, "", 0);
  return { tensors, values, opaque };
}

const isOpaque = (item: PickleValue): item is OpaqueObject | OpaqueName | ByteString =>
  item instanceof OpaqueObject || item instanceof OpaqueName || item instanceof ByteString;

type Children = PickleDict | readonly PickleValue[];

/** The contents of an item, if it is a container. */
function childrenOf(item: PickleValue): Children | undefined {
  if (item instanceof Tuple) return item.items;
  if (item instanceof OpaqueObject) {
    return item.items.size > 0 ? item.items : item.list.length > 0 ? item.list : undefined;
  }
  return item instanceof Map || Array.isArray(item) ? item : undefined;
}
