// What the stock backend's own start does with the module that its Emscripten factory returns.

import type * as TfjsWasm from "@tensorflow/tfjs-backend-wasm";

/** What a factory of the stock package resolves to. */
export interface StockModule {
  tfjs?: object;
  cwrap(name: string, result: string | null, args: string[]): (...args: number[]) => number;
}

/** A backend on such a module. */
export function backendOn(Backend: typeof TfjsWasm.BackendWasm, module: StockModule): TfjsWasm.BackendWasm {
  const number = "number";
  module.tfjs = {
    init: module.cwrap("init", null, []),
    initWithThreadsCount: module.cwrap("init_with_threads_count", null, [number]),
    getThreadsCount: module.cwrap("get_threads_count", number, []),
    registerTensor: module.cwrap("register_tensor", null, [number, number, number]),
    disposeData: module.cwrap("dispose_data", null, [number]),
    dispose: module.cwrap("dispose", null, []),
  };
  return new Backend(module as object as TfjsWasm.BackendWasm["wasm"]);
}
