// An exported page in a real browser, as its visitors use it.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { servePages } from "../../../tooling/testing/chromium.ts";

/** The strictest policy that exported pages run under. */
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' blob: data:";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** With a camera, and with WebGPU on a software adapter. */
export function startBrowser(executablePath: string): Promise<Browser> {
  const camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
  const gpu = ["--enable-unsafe-webgpu", "--enable-features=Vulkan", "--use-webgpu-adapter=swiftshader"];
  return chromium.launch({ executablePath, args: ["--no-sandbox", ...camera, ...gpu] });
}

export interface OpenedPage {
  page: Page;
  /** What went wrong: console errors and uncaught exceptions. */
  problems: string[];
  close(): Promise<void>;
}

/** Opens an exported page below a path of a strict host, and waits until its network is loaded. */
export async function openPage(browser: Browser, folder: string): Promise<OpenedPage> {
  const isolation = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
  };
  const server = await servePages(
    { below: folder, "": folder },
    { ...isolation, "content-security-policy": POLICY },
  );
  const context = await browser.newContext({ bypassCSP: false, reducedMotion: "reduce" });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.goto(`${server.address}below/index.html`);
  await page.waitForSelector("#backend", { timeout: 60_000 });
  const close = async (): Promise<void> => {
    await context.close();
    server.close();
  };
  return { page, problems, close };
}

/** Drops a file on the page. */
export async function dropFile(page: Page, file: string): Promise<void> {
  const bytes = readFileSync(file).toString("base64");
  await page.evaluate(
    ([name, content]) => {
      const data = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
      const dropped = new DataTransfer();
      dropped.items.add(new File([data], name, { type: "image/png" }));
      for (const type of ["dragover", "drop"]) {
        const event = new DragEvent(type, { dataTransfer: dropped, bubbles: true, cancelable: true });
        document.body.dispatchEvent(event);
      }
    },
    [path.basename(file), bytes],
  );
}

/** The shares that the page shows by name, once it shows some. */
export async function sharesOn(page: Page): Promise<Map<string, number>> {
  await page.waitForSelector(".answer data", { timeout: 60_000 });
  const entries = await page.$$eval(".answer li", (items) =>
    items.map((item): [string, number] => [
      item.querySelector(".name")?.textContent ?? "",
      Number(item.querySelector("data")?.value),
    ]),
  );
  return new Map(entries);
}

/** Waits until no answer is being computed. */
export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector(".answer")?.getAttribute("aria-busy") === "false");
}

/** What axe-core finds, as texts. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  // Added as a user script would be: the page's policy allows no other scripts.
  await page.evaluate(axe);
  const { violations } = (await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")) as {
    violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
  };
  return violations.map(
    ({ id, nodes }) => `${id} (${nodes.length}×): ${nodes[0].html} ${nodes[0].failureSummary}`,
  );
}
