import type { Command } from "commander";
import { lazy } from "./lazy.ts";

export function addExport(program: Command): void {
  const command = program
    .command("export")
    .summary("write a network as a web page, or as a package for Node")
    .description("Write a trained network as something to use: a web page, or a package for Node.");
  addTarget(command, "web")
    .summary("a static page that runs the network in the browser")
    .description(
      "Write a static page that runs the network in its visitor's browser: for image files, the camera or a drawing, " +
        "at any angle. SOURCE: the folder of a run, or the name of a pretrained network. Any web host can serve OUT.",
    );
  addTarget(command, "node")
    .summary("a package with a predict function")
    .description(
      "Write a package for Node with a function predict(image). SOURCE: the folder of a run, or the name of a " +
        "pretrained network.",
    )
    .option("--package-name <name>", "of the package (default: after OUT)");
}

function addTarget(command: Command, name: "web" | "node"): Command {
  return command
    .command(name)
    .argument("<source>", "the network")
    .argument("<out>", "folder to write")
    .option("--network <name>", "which network of a run (default: the first)")
    .option("--title <text>", "of the page or package (default: the run's)")
    .option("--folded", "store stock layers only, with kernels in place of rings: larger", false)
    .option("--overwrite", "write into a folder with other files", false)
    .option("--json", "print what was written as one JSON object", false)
    .action(lazy(async () => (await import("../actions/export.ts"))[name]));
}
