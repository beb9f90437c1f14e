// Pages in Chromium and in Firefox, with and without cross-origin isolation.

import { chromium } from "playwright-core";
import { servePages } from "../testing/chromium.ts";
import { type BrowserPage, openInFirefox } from "./firefoxPage.ts";
import type { Result } from "./project.ts";

/** What makes a page cross-origin isolated. */
export const ISOLATION: Readonly<Record<string, string>> = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** A browser of this machine. */
export interface InstalledBrowser {
  name: "chromium" | "firefox";
  executable: string;
}

interface RunningBrowser {
  /** @param hear takes each line that the page prints, and whether it is an error */
  open(hear: (line: string, isError: boolean) => void): Promise<BrowserPage>;
  close(): Promise<void>;
}

const START: Readonly<Record<InstalledBrowser["name"], (executable: string) => Promise<RunningBrowser>>> = {
  async chromium(executablePath) {
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    return {
      async open(hear) {
        const page = await browser.newPage();
        page.on("console", (message) => hear(message.text(), message.type() === "error"));
        page.on("pageerror", (error) => hear(String(error), true));
        return page;
      },
      close: () => browser.close(),
    };
  },
  async firefox(executable) {
    return { open: (hear) => openInFirefox(executable, hear), close: async () => {} };
  },
};

const running = new Map<string, Promise<RunningBrowser>>();

export async function closeBrowsers(): Promise<void> {
  const started = [...running.values()];
  running.clear();
  await Promise.all(started.map(async (browser) => (await browser).close()));
}

/** What a page computed: in itself, and in its worker. */
export interface PageResult {
  page: Result;
  worker?: Result;
}

/**
 * Opens a page and uses it.
 * @throws Error with what the page printed on its console, if the use fails
 * @param onErrors takes the errors that the page printed; by default they may be
 */
export async function withPage<T>(
  { name, executable }: InstalledBrowser,
  address: string,
  use: (page: BrowserPage) => Promise<T>,
  onErrors: (errors: readonly string[]) => void = () => {},
): Promise<T> {
  const browser = running.get(name) ?? START[name](executable);
  running.set(name, browser);
  const printed: string[] = [];
  const errors: string[] = [];
  const page = await (await browser).open((line, isError) => {
    printed.push(line);
    if (isError) errors.push(line);
  });
  try {
    await page.goto(address);
    const used = await use(page);
    onErrors(errors);
    return used;
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n${printed.join("\n")}`);
  } finally {
    await page.close();
  }
}

/** Waits until an expression is true, for a minute. */
export async function until(page: BrowserPage, expression: string): Promise<void> {
  const start = performance.now();
  while (!(await page.evaluate(`Boolean(${expression})`))) {
    if (performance.now() - start > 60_000) throw new Error(`not so after a minute: ${expression}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * Opens a page and waits for its global `result`.
 * @throws Error with what the page printed on its console
 */
export const visit = (browser: InstalledBrowser, address: string): Promise<PageResult> =>
  withPage(browser, address, async (page) => {
    await until(page, "globalThis.result !== undefined");
    return (await page.evaluate("globalThis.result")) as PageResult;
  });

/** Serves a folder and visits a page of it. */
export async function visitFolder(
  browser: InstalledBrowser,
  folder: string,
  { headers = {}, file = "" }: { headers?: Readonly<Record<string, string>>; file?: string } = {},
): Promise<PageResult> {
  const server = await servePages({ "": folder }, headers);
  try {
    return await visit(browser, `${server.address}${file}`);
  } finally {
    server.close();
  }
}
