// A static page for a network.

import { cpSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { writeFileAtomically } from "@gmr-conv/io/node";
import { writeNetworkFolder } from "@gmr-conv/predict";
import type { Exported } from "./describe.ts";
import { filesBelow, prepareExport } from "./outputFolder.ts";

const OWN = ["index.html", "assets", "icon.svg", "opened.js", "sw.js", "files.json", "README.txt", "network"];

interface WebOptions {
  overwrite: boolean;
}

/** Writes the page of a network. @throws GmrError as `prepareExport` */
export async function exportWeb(
  { model, description }: Exported,
  folder: string,
  { overwrite }: WebOptions,
): Promise<void> {
  prepareExport(folder, OWN, overwrite);
  cpSync(pageFolder(), folder, { recursive: true });
  await writeNetworkFolder(path.join(folder, "network"), model, description);
  const kept = `${JSON.stringify(keptFiles(folder), undefined, 2)}\n`;
  writeFileAtomically(path.join(folder, "files.json"), kept);
  writeFileAtomically(path.join(folder, "README.txt"), readme(description.card.title));
}

/** The built page, which comes with the package. */
const pageFolder = (): string => fileURLToPath(new URL("page/", import.meta.resolve("@gmr-conv/web")));

/** What the service worker keeps, itself aside. The page loads `unusual` ones only where no worker can be started. */
function keptFiles(folder: string): string[] {
  const unusual = /^assets\/(engine|workerText)-/;
  return filesBelow(folder).filter((file) => !["sw.js", "README.txt"].includes(file) && !unusual.test(file));
}

const readme = (title: string): string => `${title}

A page that runs a trained network in its visitor's browser. Images are not sent anywhere.

To look at it:   npx serve    (in this folder; then open the address that it prints)
To publish it:   copy this folder to any web host, into any path. There is nothing to run on the host.

Pages need https, or localhost, for the camera and WebGPU.

Without WebGPU the network runs on WebAssembly: with several threads on the first visit if the host sends these two
headers, and else from the second visit on, when the page's service worker adds them:
  Cross-Origin-Opener-Policy: same-origin
  Cross-Origin-Embedder-Policy: require-corp
Once visited, the page also works without a network.

network/ is the network: network.json describes it, and loadNetwork of the npm package @gmr-conv/web loads it in pages
of your own.
`;
