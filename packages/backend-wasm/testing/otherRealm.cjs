// Runs a bundle in a separate context, as Jest does: built-in types differ from those of Node's modules.

const { readFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const vm = require("node:vm");

const file = process.argv[2];
const globals = {
  process,
  console,
  Buffer,
  URL,
  setTimeout,
  clearTimeout,
  setImmediate,
  performance,
  atob,
  Event,
};
Object.assign(globals, {
  TextEncoder,
  TextDecoder,
  EventTarget,
  AbortController,
  structuredClone,
  queueMicrotask,
});
const context = vm.createContext(globals);
context.global = vm.runInContext("globalThis", context);
const run = vm.compileFunction(readFileSync(file, "utf8"), ["require", "module", "exports", "__filename"], {
  filename: file,
  parsingContext: context,
});
const module_ = { exports: {} };
run(createRequire(file), module_, module_.exports, file);
