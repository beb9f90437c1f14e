// What a page's policies allow: WebAssembly at all, and shared memory.

import { reasonOf } from "@gmr-conv/core";

/** The smallest module: a magic number and a version. */
const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

/** Why the stock backend did not start in a page, and what to do about it. */
export function remedy(error: unknown): string {
  try {
    new WebAssembly.Module(EMPTY_MODULE);
  } catch {
    return "this page's content security policy forbids WebAssembly: add 'wasm-unsafe-eval' to its script-src";
  }
  return reasonOf(error);
}

/** Whether the page may share memory between threads. */
export function isIsolated(): boolean {
  return (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === true;
}
