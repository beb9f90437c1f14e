// jax-js as a peer: its dense convolution, in its own process.

import { fileURLToPath } from "node:url";
import { GmrError } from "@gmr-conv/core";
import { BenchProcess } from "../benchProcess.ts";
import { type LayerPeer, type LayerShape, peerLabel } from "../layers.ts";
import type { LayerPass } from "../measurements.ts";
import type { Run } from "../turns.ts";

/** Runs that take more milliseconds are not repeated, and larger kernels are left out. */
const TOO_SLOW = 1000;

/**
 * Dense convolutions in jax-js. `note` is called if larger kernels are left out.
 * @throws GmrError `unsupported` if it is not installed or does not run here
 */
export async function jaxLayers(shape: LayerShape, note: (text: string) => void): Promise<LayerPeer> {
  if (shape.groups !== 1) throw new GmrError("unsupported", "it is measured without groups");
  const entry = fileURLToPath(new URL("./jaxProcess.js", import.meta.url));
  const server = await BenchProcess.start(process.execPath, [entry, JSON.stringify(shape)]);
  let tooSlow = false;
  const onSlow = (ms: number): void => {
    if (!tooSlow) note(`jax-js needs ${(ms / 1000).toFixed(1)} s per run: larger kernels are left out`);
    tooSlow = true;
  };
  return {
    jobs(k) {
      if (tooSlow) return [];
      const job = (pass: LayerPass) => ({
        label: peerLabel("jax-dense", pass, k, { backend: "jax-js", threads: server.threads }),
        run: unlessSlow(async () => (await server.turn({ k, pass })).ms, onSlow),
      });
      return [job("forward"), job("forward+backward")];
    },
    close: () => server.close(),
  };
}

/** A run that is not repeated if it took too long in its second turn (the first one compiles). */
function unlessSlow(run: Run, onSlow: (ms: number) => void): Run {
  let turns = 0;
  let last = 0;
  return async () => {
    if (turns >= 2 && last > TOO_SLOW) return last;
    last = await run();
    if (++turns >= 2 && last > TOO_SLOW) onSlow(last);
    return last;
  };
}
