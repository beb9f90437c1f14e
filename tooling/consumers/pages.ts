// Pages in Chromium, with and without cross-origin isolation.

import { type Browser, chromium } from "playwright-core";
import { servePages } from "../testing/chromium.ts";
import type { Result } from "./project.ts";

/** What makes a page cross-origin isolated. */
export const ISOLATION: Readonly<Record<string, string>> = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

let browser: Browser | undefined;

export async function closeBrowser(): Promise<void> {
  await browser?.close();
  browser = undefined;
}

/** What a page computed: in itself, and in its worker. */
export interface PageResult {
  page: Result;
  worker?: Result;
}

/**
 * Opens a page and waits for its global `result`.
 * @throws Error with what the page printed on its console
 */
export async function visit(executablePath: string, address: string): Promise<PageResult> {
  browser ??= await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const page = await browser.newPage();
  const printed: string[] = [];
  page.on("console", (message) => printed.push(message.text()));
  page.on("pageerror", (error) => printed.push(error.message));
  try {
    await page.goto(address);
    await page.waitForFunction("globalThis.result !== undefined", undefined, { timeout: 60_000 });
    return await page.evaluate("globalThis.result");
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n${printed.join("\n")}`);
  } finally {
    await page.close();
  }
}

/** Serves a folder and visits a page of it. */
export async function visitFolder(
  executablePath: string,
  folder: string,
  { headers = {}, file = "" }: { headers?: Readonly<Record<string, string>>; file?: string } = {},
): Promise<PageResult> {
  const server = await servePages({ "": folder }, headers);
  try {
    return await visit(executablePath, `${server.address}${file}`);
  } finally {
    server.close();
  }
}
