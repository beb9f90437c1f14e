import path from "node:path";
import type { Command } from "commander";
import { useBackend } from "../backend.ts";
import { describeNetwork } from "../export/describe.ts";
import { exportNode } from "../export/node.ts";
import { filesIn, type WrittenFile } from "../export/outputFolder.ts";
import { exportWeb } from "../export/web.ts";
import { fitTable } from "../fitTable.ts";

interface ExportOptions {
  network?: string;
  title?: string;
  folded: boolean;
  overwrite: boolean;
  json: boolean;
  packageName?: string;
}

export function addExport(program: Command): void {
  const command = program
    .command("export")
    .summary("write a network as a web page, or as a package for Node")
    .description("Write a trained network as something to use: a web page, or a package for Node.");
  addTarget(command, "web", exportWeb)
    .summary("a static page that runs the network in the browser")
    .description(
      "Write a static page that runs the network in its visitor's browser: for image files, the camera or a drawing, " +
        "at any angle. SOURCE: the folder of a run, or the name of a pretrained network. Any web host can serve OUT.",
    );
  addTarget(command, "node", exportNode)
    .summary("a package with a predict function")
    .description(
      "Write a package for Node with a function predict(image). SOURCE: the folder of a run, or the name of a " +
        "pretrained network.",
    )
    .option("--package-name <name>", "of the package (default: after OUT)");
}

function addTarget(command: Command, name: string, write: typeof exportNode): Command {
  return command
    .command(name)
    .argument("<source>", "the network")
    .argument("<out>", "folder to write")
    .option("--network <name>", "which network of a run (default: the first)")
    .option("--title <text>", "of the page or package (default: the run's)")
    .option("--folded", "store stock layers only, with kernels in place of rings: larger", false)
    .option("--overwrite", "write into a folder with other files", false)
    .option("--json", "print what was written as one JSON object", false)
    .action((source: string, out: string, options: ExportOptions) => run(source, out, options, write, name));
}

async function run(
  source: string,
  out: string,
  options: ExportOptions,
  write: typeof exportNode,
  kind: string,
): Promise<void> {
  const say = (text: string): void => {
    if (!options.json) console.error(text);
  };
  await useBackend("wasm", { threads: 1 });
  say(`Reading ${source} …`);
  const exported = await describeNetwork(source, options.network, options);
  if (!exported.description.card.accuracy) {
    say("No evaluation of these weights to quote: gmr eval makes one, and another export shows it.");
  }
  say(`Writing ${out} …`);
  await write(exported, out, options);
  const folder = path.resolve(out);
  const files = filesIn(folder);
  const { task, classNames, shape, card } = exported.description;
  if (options.json) {
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    console.log(JSON.stringify({ kind, folder, title: card.title, task, shape, classNames, bytes, files }));
    return;
  }
  console.log(summary(files));
  if (kind === "web") console.log(`Look at it with: npx serve ${out}`);
}

const size = (bytes: number): string =>
  bytes < 1000
    ? `${bytes} B`
    : bytes < 999_500
      ? `${Math.round(bytes / 1000)} kB`
      : `${(bytes / 1e6).toFixed(1)} MB`;

function summary(files: readonly WrittenFile[]): string {
  const sum = (key: "bytes" | "compressed"): number => files.reduce((all, file) => all + file[key], 0);
  const row = (name: string, { bytes, compressed }: Omit<WrittenFile, "file">): string[] => [
    name,
    size(bytes),
    size(compressed),
  ];
  return fitTable(
    [
      { head: "file", least: 20 },
      { head: "size", align: "right" },
      { head: "gzipped", align: "right", optional: true },
    ],
    [
      ...files.map((file) => row(file.file, file)),
      row("in all", { bytes: sum("bytes"), compressed: sum("compressed") }),
    ],
  );
}
