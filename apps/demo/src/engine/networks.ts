// The two trained networks. Their weights are fetched once and kept, so that a network can be made anew on another
// backend, even if the one before has disappeared.

import { GmrError } from "@gmr-conv/core";
import { readSafetensors, type StoredTensor } from "@gmr-conv/io";
import { loadPretrained, type ModelCard, pretrainedCards } from "@gmr-conv/models";
import { restoreNetwork } from "@gmr-conv/models/stored";
import type * as tf from "@tensorflow/tfjs";
import type { PerNetwork } from "./types.ts";

export type Networks = PerNetwork<tf.LayersModel>;

let twin: Promise<{ card: ModelCard; tensors: Map<string, StoredTensor> }> | undefined;

/** @param base address of the page's folder */
export async function loadNetworks(base: string): Promise<Networks> {
  const fetched = fetchTwin(base);
  const gmr = await loadPretrained("gmr-mnist");
  const { card, tensors } = await fetched;
  return { gmr, dense: restoreNetwork(card.model, tensors) };
}

/** What the networks are and how accurate. */
export async function loadCards(base: string): Promise<PerNetwork<ModelCard>> {
  const gmr = pretrainedCards().find(({ name }) => name === "gmr-mnist");
  if (!gmr) throw new GmrError("invalid-data", "there is no card of gmr-mnist");
  return { gmr, dense: (await fetchTwin(base)).card };
}

function fetchTwin(base: string): NonNullable<typeof twin> {
  twin ??= (async () => {
    const file = (name: string): Promise<Response> => fetchFile(new URL(`networks/${name}`, base));
    const [card, weights] = await Promise.all([
      file("dense-mnist.json").then((response) => response.json() as Promise<ModelCard>),
      file("dense-mnist.safetensors").then((response) => response.arrayBuffer()),
    ]);
    return { card, tensors: readSafetensors(new Uint8Array(weights), "dense-mnist.safetensors").tensors };
  })();
  twin.catch(() => {
    twin = undefined; // the next call tries again
  });
  return twin;
}

async function fetchFile(url: URL): Promise<Response> {
  const response = await fetch(url);
  if (response.ok) return response;
  throw new GmrError("io", `${url.pathname} could not be loaded: the server answered ${response.status}`);
}
