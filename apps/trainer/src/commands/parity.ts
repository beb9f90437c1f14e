import { type Command, Option } from "commander";
import { BACKENDS } from "../backendNames.ts";
import { TOLERANCE } from "../parity/tolerance.ts";
import { lazy } from "./lazy.ts";
import { pattern } from "./options.ts";

export function addParity(program: Command): void {
  program
    .command("parity")
    .summary("compare with golden cases of the official package")
    .description(
      "Compare this package with golden cases of the official one. A case fails beyond a relative error of " +
        `${TOLERANCE.values} for a layer's kernel and output, ${TOLERANCE.gradients} for its gradients, ` +
        `${TOLERANCE.networks} for a network's logits and loss (folded and as ONNX too), ten times PyTorch's own ` +
        "float32 error for its gradients.",
    )
    .requiredOption("--fixtures <folder>", "folder with cases.json and the files of each case")
    .addOption(new Option("--backend <name>", "where to compute").choices(BACKENDS).default("wasm"))
    .addOption(
      new Option("--strategy <name>", "how to compute").choices(["both", "ring", "dense"]).default("both"),
    )
    .option("--only <pattern>", "run the cases whose names match a regular expression", pattern)
    .option("--json", "print one JSON object per case", false)
    .action(lazy(async () => (await import("../actions/parity.ts")).parity));
}
