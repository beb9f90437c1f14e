import { describeValue, GmrError } from "@gmr-conv/core";
import { HostObject, type PickleValue, type Scalar, Tuple } from "./pickle.ts";
import { TensorView } from "./tensorView.ts";

/** The leaves of nested dictionaries and lists. Their names are the keys that lead to them, joined by dots. */
export interface Leaves {
  tensors: Map<string, TensorView>;
  values: Map<string, Scalar>;
}

const MAX_DEPTH = 64;
/** Bounds the number of visits and the lengths of names, together: a list may contain another many times over. */
const MAX_WORK = 2 ** 25;

/**
 * @param file names the file in errors
 * @throws GmrError `invalid-data` if the value is too deep or too large, or if two leaves have the same name
 */
export function flatten(value: PickleValue, file: string): Leaves {
  const tensors = new Map<string, TensorView>();
  const values = new Map<string, Scalar>();
  const fail = (problem: string): GmrError => new GmrError("invalid-data", `${file}: ${problem}`);
  let work = 0;

  const visit = (item: PickleValue, name: string, depth: number): void => {
    work += 8 + name.length;
    if (depth > MAX_DEPTH) throw fail(`it is nested more than ${MAX_DEPTH} deep, or contains itself`);
    if (work > MAX_WORK) throw fail("it has too many entries, or lists that contain others too often");
    if (item instanceof Map || Array.isArray(item) || item instanceof Tuple) {
      const children = item instanceof Tuple ? item.items : item;
      for (const [key, child] of children.entries()) {
        visit(child, depth > 0 ? `${name}.${key}` : `${key}`, depth + 1);
      }
      return;
    }
    if (tensors.has(name) || values.has(name)) throw fail(`two entries are named ${describeValue(name)}`);
    if (item instanceof TensorView) tensors.set(name, item);
    else values.set(name, item instanceof HostObject ? item.name : item);
  };
  visit(value, "", 0);
  return { tensors, values };
}
