// The peers that are installed, and a line about each that is not.

import type { LayerPeer, LayerShape } from "../layers.ts";
import { jaxLayers } from "./jax.ts";
import { leftOut } from "./leftOut.ts";
import { pyTorchLayers } from "./pytorch.ts";

/** Every peer that can measure layers here; `note` receives the reason why others cannot. */
export async function layerPeers(
  shape: LayerShape,
  python: string,
  threads: number,
  note: (text: string) => void,
): Promise<LayerPeer[]> {
  const candidates: [string, () => Promise<LayerPeer>][] = [
    ["jax-js", () => jaxLayers(shape, note)],
    ["PyTorch", () => pyTorchLayers(python, shape, threads)],
  ];
  const peers: LayerPeer[] = [];
  for (const [name, start] of candidates) {
    try {
      peers.push(await start());
    } catch (error) {
      note(leftOut(name, error));
    }
  }
  return peers;
}
