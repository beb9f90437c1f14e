import { GmrError } from "@gmr-conv/core";
import {
  type DatasetSpec,
  datasetCards,
  datasetEntry,
  type Verification,
  verifyDataset,
} from "@gmr-conv/data/node";
import { z } from "zod";
import { parseOverride, setAt } from "../config/override.ts";
import { fitTable } from "../fitTable.ts";
import { isLive } from "../terminal.ts";

export function list({ json }: { json: boolean }): void {
  if (json) {
    for (const card of datasetCards()) console.log(JSON.stringify(card));
    return;
  }
  const columns = [{ head: "name" }, { head: "data set", least: 20 }, { head: "licence", least: 16 }];
  const rows = datasetCards().map(({ name, title, licence }) => [name, title, licence]);
  console.log(fitTable(columns, rows));
}

export function info(name: string, { json }: { json: boolean }): void {
  const { card, options } = datasetEntry(name);
  const schema = z.toJSONSchema(options, { io: "input" });
  if (json) {
    console.log(JSON.stringify({ ...card, options: schema }));
    return;
  }
  console.log(`${card.title}\n  ${card.description}\n`);
  console.log(`From      ${card.source}\nLicence   ${card.licence}\nPixels    ${card.input}`);
  if (card.counts) {
    const counts = Object.entries(card.counts).map(
      ([part, count]) => `${part} ${count.toLocaleString("en")}`,
    );
    console.log(`Images    ${counts.join(", ")}`);
  }
  if (card.classNames) console.log(`Classes   ${card.classNames.join(", ")}`);
  console.log(`Files\n${card.layout.map((line) => `  ${line}`).join("\n")}`);
  const { properties = {} } = schema as {
    properties?: Record<string, { description?: string; default?: unknown }>;
  };
  console.log("Options");
  for (const [key, { description = "", default: value }] of Object.entries(properties)) {
    const text = value === undefined ? description : `${description} (default: ${JSON.stringify(value)})`;
    console.log(`  ${key.padEnd(14)} ${text}`);
  }
}

interface VerifyOptions {
  folder?: string;
  file?: string;
  skipDamaged?: boolean;
  set: string[];
  json: boolean;
}

export async function verify(name: string, options: VerifyOptions): Promise<void> {
  const spec: DatasetSpec = { name };
  if (options.folder !== undefined) spec.folder = options.folder;
  if (options.file !== undefined) spec.file = options.file;
  if (options.skipDamaged) spec.skipDamaged = true;
  for (const { path, value } of options.set.map(parseOverride)) setAt(spec, path, value);
  const live = isLive();
  const verification = await verifyDataset(spec, (done, total) => {
    if (live) process.stderr.write(`\r${done} of ${total} images read`);
  });
  if (live) process.stderr.write("\n");
  const { loaded, counts, problems } = verification;
  if (options.json) {
    console.log(JSON.stringify({ title: loaded.card.title, shape: loaded.train.shape, counts, problems }));
  } else print(verification);
  if (problems.length > 0) throw new GmrError("invalid-data", `${problems.length} problem(s), see above`);
}

/** Number of classes and of problems to print. */
const [CLASSES, PROBLEMS] = [20, 50];

function print({ loaded: { card, train }, counts, problems }: Verification): void {
  const { task, shape, classNames } = train;
  console.log(`${card.title}: ${task} of ${shape.join("×")} into ${classNames.length} classes`);
  for (const { part, images, perClass } of counts) {
    const list = perClass
      .slice(0, CLASSES)
      .map((count, k) => `${classNames[k]} ${count.toLocaleString("en")}`);
    if (perClass.length > CLASSES) list.push("…");
    const unit = task === "segmentation" ? "images with " : "";
    console.log(`  ${part}: ${images.toLocaleString("en")} images, ${unit}${list.join(", ")}`);
  }
  for (const problem of problems.slice(0, PROBLEMS)) console.log(`  problem: ${problem}`);
  if (problems.length > PROBLEMS) console.log(`  … and ${problems.length - PROBLEMS} more`);
}
