import path from "node:path";
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

export const web = (source: string, out: string, options: ExportOptions): Promise<void> =>
  run(source, out, options, exportWeb, "web");

export const node = (source: string, out: string, options: ExportOptions): Promise<void> =>
  run(source, out, options, exportNode, "node");

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
