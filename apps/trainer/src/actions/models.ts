import { GmrError } from "@gmr-conv/core";
import { listModels, type ModelInfo } from "@gmr-conv/models/inspect";
import { MODEL_NAMES, type ModelName } from "@gmr-conv/models/registry";
import { useBackend } from "../backend.ts";
import { type Column, fitTable } from "../fitTable.ts";

export async function models(names: string[], options: { json: boolean }): Promise<void> {
  const wanted = names.length > 0 ? names.map(checkName) : MODEL_NAMES;
  await useBackend("wasm", { threads: 1 });
  if (options.json) {
    for (const name of wanted) console.log(JSON.stringify(listModels([name])[0]));
    return;
  }
  console.log(fitTable(COLUMNS, listModels(wanted).map(row)));
}

const COLUMNS: readonly Column[] = [
  { head: "name" },
  { head: "network", least: 24, optional: true },
  { head: "input", align: "right" },
  { head: "parameters", align: "right" },
  { head: "multiply-adds", align: "right" },
  { head: "receptive field", align: "right" },
];

/** @throws GmrError `invalid-argument` for an unknown name */
export function checkName(name: string): ModelName {
  const found = MODEL_NAMES.find((known) => known === name);
  if (found) return found;
  throw new GmrError(
    "invalid-argument",
    `network ${JSON.stringify(name)}: expected one of ${MODEL_NAMES.join(", ")}`,
  );
}

function row(info: ModelInfo): string[] {
  return [
    info.name,
    info.description,
    info.inputShape.join("×"),
    info.parameters.toLocaleString("en"),
    `${Math.round(info.multiplyAdds / 1e6).toLocaleString("en")} M`,
    info.receptiveField?.join("×") ?? "",
  ];
}
