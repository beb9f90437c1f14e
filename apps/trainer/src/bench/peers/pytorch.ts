// PyTorch as a peer, through the script tooling/peers/bench.py of the repository.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { GmrError } from "@gmr-conv/core";
import { BenchProcess } from "../benchProcess.ts";
import type { Entrant } from "../entrants.ts";
import { type LayerPeer, type LayerShape, peerLabel } from "../layers.ts";
import type { LayerPass, NetworkPass, PeerImpl } from "../measurements.ts";
import type { ModelBench } from "../models.ts";
import type { NetworkPeer } from "../network.ts";
import type { NetworkShape } from "../networkRun.ts";
import { leftOut } from "./leftOut.ts";

const LAYER_IMPLS = ["pytorch-dense", "official", "official-best"] as const;
const PASSES: readonly LayerPass[] = ["forward", "forward+backward"];

/** The Python to use: the given one, that of the environment variable GMR_PEER_PYTHON, or `python3`. */
export function peerPython(given: string | undefined): string {
  return given ?? process.env.GMR_PEER_PYTHON ?? "python3";
}

/** Layers in PyTorch. @throws GmrError `unsupported` if Python or its packages are missing */
export async function pyTorchLayers(
  python: string,
  { shape, filters }: LayerShape,
  threads: number,
): Promise<LayerPeer> {
  const args = ["--shape", shape.join(","), "--filters", String(filters), "--threads", String(threads)];
  const server = await start(python, ["layers", ...args]);
  const common = { backend: "pytorch", threads: server.threads };
  return {
    jobs: (k) =>
      PASSES.flatMap((pass) =>
        LAYER_IMPLS.map((impl) => ({
          label: peerLabel(impl, pass, k, common),
          run: async () => (await server.turn({ k, impl, pass })).ms,
        })),
      ),
    close: () => server.close(),
  };
}

/** The official network. `note` is called once with the reason if it cannot run here. */
export function pyTorchNetwork(
  python: string,
  shape: NetworkShape,
  note: (text: string) => void,
): NetworkPeer {
  let missing = false;
  return {
    backend: "pytorch",
    impls: ["official", "official-best"],
    async start(impl: PeerImpl, pass: NetworkPass, threads: number) {
      if (missing) return undefined;
      const args = {
        batch: shape.batch,
        "image-size": shape.imageSize,
        widths: shape.widths.join(","),
        depths: shape.depths.join(","),
        "kernel-sizes": shape.kernelSizes.join(","),
        classes: shape.classes,
        threads,
        impl,
        pass,
      };
      try {
        return await start(python, ["network", ...flags(args)]);
      } catch (error) {
        missing = true;
        note(leftOut("PyTorch", error));
        return undefined;
      }
    },
  };
}

/** The official package's networks, by our names. `note` is called with the reason why one cannot run here. */
export function pyTorchModels(python: string, note: (text: string) => void) {
  const missing = new Set<string>();
  return (
    { name, options, batch }: ModelBench,
    pass: NetworkPass,
    threads: number | undefined,
  ): readonly Entrant[] =>
    (["official", "official-best"] as const).map((impl) => ({
      backend: "pytorch",
      impl,
      async start(ours = 1) {
        if (missing.has(name)) return undefined;
        const args = { name, options: JSON.stringify(options), batch, threads: threads ?? ours, impl, pass };
        try {
          return await start(python, ["model", ...flags(args)]);
        } catch (error) {
          missing.add(name);
          note(leftOut(`${name} of the official package`, error));
          return undefined;
        }
      },
    }));
}

function flags(args: Record<string, string | number>): string[] {
  return Object.entries(args).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

function start(python: string, args: readonly string[]): Promise<BenchProcess> {
  const script = fileURLToPath(new URL("../../../../../tooling/peers/bench.py", import.meta.url));
  if (!existsSync(script)) {
    throw new GmrError("unsupported", "tooling/peers/bench.py exists only in the repository");
  }
  return BenchProcess.start(python, [script, ...args, "--serve"]);
}
