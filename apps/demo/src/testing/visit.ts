// A visit of the built page, served from a folder of a plain static server. Fails on any error in the console.

import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { findChromium, type PageServer, servePages } from "../../../../tooling/testing/chromium.ts";

const dist = fileURLToPath(new URL("../../dist", import.meta.url));

/** Runs WebGPU on a software adapter where there is no GPU. */
function launch(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--enable-unsafe-webgpu",
      "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream",
    ],
  });
}

/** Serves the page at `address + "demo/"`, without any headers of its own unless given. */
export function serveDemo(headers: Readonly<Record<string, string>> = {}): Promise<PageServer> {
  return servePages({ "": `${dist}/no-such-folder`, demo: dist }, headers);
}

export interface Visit {
  page: Page;
  /** What the console has said that it should not have. */
  complaints: string[];
  /** Fails if the console said anything, and leaves. */
  leave(): Promise<void>;
}

export interface Demo {
  /** Of the page's server, ending in `/`. */
  readonly address: string;
  /** Opens a panel in a context of its own. @param from another server */
  visit(panel: string, options?: BrowserContextOptions, from?: PageServer): Promise<Visit>;
}

const executable = findChromium();

/** Tests with the built page in Chromium; skipped, as {@link findChromium} says, where there is none. */
export function describeDemo(title: string, tests: (demo: Demo) => void): void {
  describe.skipIf(!executable)(title, () => {
    let browser: Browser;
    let server: PageServer;
    beforeAll(async () => {
      browser = await launch(executable ?? "");
      server = await serveDemo();
    });
    afterAll(async () => {
      await browser?.close();
      server?.close();
    });
    tests({
      get address() {
        return server.address;
      },
      visit: (panel, options, from = server) => visit(browser, from, panel, options),
    });
  });
}

async function visit(
  browser: Browser,
  server: PageServer,
  panel: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ reducedMotion: "reduce", serviceWorkers: "block", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error.stack ?? error)));
  await page.goto(`${server.address}demo/#${panel}`);
  return {
    page,
    complaints,
    async leave() {
      await context.close();
      expect(complaints).toEqual([]);
    },
  };
}

/** Waits until the page computes with a backend. */
export async function waitForBackend(page: Page, name: string): Promise<void> {
  await page.waitForFunction(
    (wanted) => {
      const select = document.querySelector<HTMLSelectElement>(".status select");
      return select !== null && !select.disabled && select.value === wanted;
    },
    name,
    { timeout: 60_000 },
  );
}
