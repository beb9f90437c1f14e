// Offers the check of golden cases to whoever drives this page.

import { useWebGpu } from "@gmr-conv/backend-webgpu";
import { readSafetensors } from "@gmr-conv/io";
import type { ConvCase } from "../../src/parity/cases.ts";
import { checkCase, type ParityResult } from "../../src/parity/check.ts";

declare global {
  /** Checks a case whose tensors are served under /fixtures/. */
  var checkOnWebGpu: (test: ConvCase) => Promise<ParityResult>;
}

globalThis.checkOnWebGpu = async (test) => {
  await useWebGpu();
  const file = `/fixtures/${test.name}.safetensors`;
  const bytes = new Uint8Array(await (await fetch(file)).arrayBuffer());
  return checkCase(test, readSafetensors(bytes, file).tensors, ["ring", "dense"]);
};
