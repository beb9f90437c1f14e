import { tuneNode, useNode } from "@gmr-conv/backend-node";
import { useWasm } from "@gmr-conv/backend-wasm";
import { createWebGpuBackend, queryWebGpuAdapter, tuneWebGpu, useWebGpu } from "@gmr-conv/backend-webgpu";
import { describe, it } from "vitest";
import { expectStrict, type StrictCase } from "../../../tooling/testing/expectStrict.ts";
import { selectBackend } from "./index.ts";

const CASES: readonly StrictCase[] = [
  ["selectBackend", (options) => selectBackend(["cpu"], options), "softwareAdapter"],
  ["selectBackend's node, without starting it", (node) => selectBackend(["cpu"], { node }), "threads"],
  ["selectBackend's wasm, without starting it", (wasm) => selectBackend(["cpu"], { wasm }), "threads"],
  ["selectBackend's webgpu, without starting it", (webgpu) => selectBackend(["cpu"], { webgpu }), "sums"],
  ["useWasm", (options) => useWasm(options), "wasmPaths"],
  ["useWebGpu", (options) => useWebGpu(options), "powerPreference"],
  ["createWebGpuBackend", (options) => createWebGpuBackend(options), "powerPreference"],
  ["queryWebGpuAdapter", (options) => queryWebGpuAdapter(options), "powerPreference"],
  ["tuneWebGpu", (options) => tuneWebGpu(() => 0, options), "repeats"],
  ["useNode", (options) => useNode(options), "deterministic"],
  ["tuneNode", (options) => tuneNode(() => 0, options), "repeats"],
];

describe("misspelt options are refused", () => {
  it.each(CASES)("%s", (_, call, option) => expectStrict(call, option));
});
