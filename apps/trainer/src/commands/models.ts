import { GmrError } from "@gmr-conv/core";
import { listModels, MODEL_NAMES, type ModelInfo, type ModelName } from "@gmr-conv/models";
import Table from "cli-table3";
import type { Command } from "commander";
import { useBackend } from "../backend.ts";

export function addModels(program: Command): void {
  program
    .command("models")
    .description(
      "List the networks: trained parameters, multiply-adds and receptive field for a typical input.",
    )
    .argument("[names...]", "which ones (default: all)")
    .option("--json", "print one JSON object per network", false)
    .action(async (names: string[], options: { json: boolean }) => {
      const wanted = names.length > 0 ? names.map(checkName) : MODEL_NAMES;
      await useBackend("wasm", { threads: 1 });
      if (options.json) {
        for (const name of wanted) console.log(JSON.stringify(listModels([name])[0]));
        return;
      }
      const table = new Table({
        head: ["name", "network", "input", "trained parameters", "multiply-adds", "receptive field"],
        colAligns: ["left", "left", "right", "right", "right", "right"],
        style: { head: [], border: [], compact: true },
      });
      for (const info of listModels(wanted)) table.push(row(info));
      console.log(table.toString());
    });
}

function checkName(name: string): ModelName {
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
