// Writes the pretrained network for digits into the folder that Vite serves, as `gmr export web` does for a trained one.

import { mkdirSync, writeFileSync } from "node:fs";
import { writeSafetensors } from "@gmr-conv/io";
import { stateDictOf } from "@gmr-conv/io/layers";
import { loadPretrained, pretrainedCards } from "@gmr-conv/models";
import { parseNetworkDescription } from "@gmr-conv/web/description";

const folder = new URL("../public/network/", import.meta.url);
const card = pretrainedCards().find(({ name }) => name === "gmr-mnist");
if (!card) throw new Error("@gmr-conv/models has no gmr-mnist");

const description = parseNetworkDescription({
  format: "gmr-conv network",
  version: 1,
  task: "classification",
  network: card.model,
  weights: "weights.safetensors",
  shape: card.model.options.inputShape,
  classNames: card.classNames,
  normalization: card.normalization ?? null,
  reading: {},
  card: { title: card.name, text: card.description, licence: card.licence, data: card.data },
});
mkdirSync(folder, { recursive: true });
writeFileSync(new URL("network.json", folder), JSON.stringify(description, undefined, 2));
const weights = await stateDictOf(await loadPretrained("gmr-mnist"));
writeFileSync(new URL(description.weights, folder), writeSafetensors(weights));
