// The build of the wasm kernels without relaxed SIMD, in turn with the one that has it.

import { fileURLToPath } from "node:url";
import { GmrError } from "@gmr-conv/core";
import { BenchProcess } from "./benchProcess.ts";
import { PLAIN_IMPLS } from "./measurements.ts";
import type { NetworkBenchOptions, NetworkPeer } from "./network.ts";
import type { NetworkProcessInput } from "./networkProcess.ts";
import { runsHere } from "./peak.ts";

/**
 * Our own networks without relaxed SIMD.
 * @throws GmrError `unsupported` if ours does not use relaxed SIMD here either
 */
export function plainBuild({ shape, impls, backend }: NetworkBenchOptions): NetworkPeer {
  if (backend !== "wasm") {
    throw new GmrError("unsupported", `only the kernels of wasm have two builds, not those of ${backend}`);
  }
  if (!runsHere("relaxed") || process.env.GMR_RELAXED_SIMD === "0") {
    throw new GmrError(
      "unsupported",
      `no relaxed SIMD in Node ${process.versions.node}: use Node 22 or later, without GMR_RELAXED_SIMD=0`,
    );
  }
  const entry = fileURLToPath(new URL("./networkProcess.js", import.meta.url));
  return {
    backend,
    impls: PLAIN_IMPLS.filter((_, i) => impls.includes(i === 0 ? "gmr" : "dense")),
    start(name, pass, threads) {
      const impl = name === "gmr-plain" ? "gmr" : "dense";
      const input: NetworkProcessInput = { shape, impl, pass, backend, threads, plain: true };
      return BenchProcess.start(process.execPath, [entry, JSON.stringify(input)]);
    },
  };
}
