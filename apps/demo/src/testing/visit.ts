// A visit of the built page, served from a folder of a plain static server. Fails on any error in the console.

import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { expect } from "vitest";
import { type PageServer, servePages } from "../../../../tooling/testing/chromium.ts";

const dist = fileURLToPath(new URL("../../dist", import.meta.url));

/** Runs WebGPU on a software adapter where there is no GPU. */
export function launch(executablePath: string): Promise<Browser> {
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

export async function visit(
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
