// @tensorflow/tfjs-node 4.22 calls functions of node:util that Node 23 removed. Imported before that package, this
//   module restores the missing ones it needs; the package itself is not modified.

import util from "node:util";

const REMOVED = {
  isArray: Array.isArray,
  isNullOrUndefined: (value: unknown): boolean => value === null || value === undefined,
};

for (const [name, value] of Object.entries(REMOVED)) {
  if (name in util) continue;
  Object.defineProperty(util, name, { value, configurable: true, writable: true });
}
