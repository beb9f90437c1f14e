// The stock wasm backend in a page or a worker of one, from files that are part of our code. Left to itself, it fetches
// a `.wasm` file that no bundler copies, starts its threads from the source text of a function that minifiers break, and
// waits for ever if either fails.

import { GmrError, reasonOf } from "@gmr-conv/core";
import type * as TfjsWasm from "@tensorflow/tfjs-backend-wasm";
import { unpacked } from "./inlined.ts";
import { backendOn, type StockModule } from "./stockModule.ts";

/** The folder of the stock `.wasm` files, its address ending in `/`, or their addresses by name. */
export type WasmPaths = string | { [name in WasmName]?: string };

type WasmName =
  | "tfjs-backend-wasm.wasm"
  | "tfjs-backend-wasm-simd.wasm"
  | "tfjs-backend-wasm-threaded-simd.wasm";

type Receive = (instance: WebAssembly.Instance, module: WebAssembly.Module) => void;

/** The package's Emscripten factories. */
type Factory = (config: {
  instantiateWasm(imports: WebAssembly.Imports, receive: Receive): object;
  mainScriptUrlOrBlob?: Blob;
  locateFile?(file: string): string;
  onAbort(reason: unknown): void;
}) => Promise<StockModule>;

/**
 * Starts the build with threads or the one without.
 * @returns the backend
 * @throws whatever keeps the module from starting
 */
export async function startPageHost(
  Backend: typeof TfjsWasm.BackendWasm,
  threaded: boolean,
  paths: WasmPaths | undefined,
): Promise<TfjsWasm.BackendWasm> {
  const name = `tfjs-backend-wasm-${threaded ? "threaded-" : ""}simd.wasm` as const;
  const address = typeof paths === "string" ? paths + name : paths?.[name];
  const compiled = await WebAssembly.compile(
    address === undefined ? await inlinedWasm(threaded) : await fetched(address),
  );
  const scripts = threaded ? await threadScripts() : undefined;
  const factory = await (threaded
    ? import("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js")
    : import("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js"));
  const module = await new Promise<StockModule>((resolve, reject) => {
    const start = factory.default as object as Factory;
    start({
      ...scripts,
      instantiateWasm(imports, receive) {
        WebAssembly.instantiate(compiled, imports).then((instance) => receive(instance, compiled), reject);
        return {};
      },
      onAbort: reject,
    }).then(resolve, reject);
  });
  return backendOn(Backend, module);
}

async function inlinedWasm(threaded: boolean): Promise<ArrayBuffer> {
  const { WASM } = await (threaded
    ? import("./generated/stockThreadedWasm.ts")
    : import("./generated/stockWasm.ts"));
  return await unpacked(WASM);
}

async function threadScripts(): Promise<object> {
  const { SCRIPT, WORKER } = await import("./generated/stockThreadScripts.ts");
  const [script, worker] = await Promise.all(
    [SCRIPT, WORKER].map(async (text) => new Blob([await unpacked(text)], { type: "text/javascript" })),
  );
  return { mainScriptUrlOrBlob: script, locateFile: () => URL.createObjectURL(worker) };
}

async function fetched(address: string): Promise<ArrayBuffer> {
  let response: Response;
  try {
    response = await fetch(address);
  } catch (error) {
    throw new GmrError("io", `${address} could not be fetched: ${reasonOf(error)}`, { cause: error });
  }
  if (!response.ok) throw new GmrError("io", `${address}: the server answered ${response.status}`);
  const bytes = await response.arrayBuffer();
  // A server of a single-page application answers any address with its page.
  if (WebAssembly.validate(bytes)) return bytes;
  const type = response.headers.get("content-type");
  throw new GmrError("invalid-data", `${address} is no WebAssembly module (its type: ${type})`);
}
