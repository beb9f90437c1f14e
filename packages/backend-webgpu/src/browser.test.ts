// The conformance suite in a real browser, on the minified bundle that users ship.

import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { conformanceCases } from "@gmr-conv/tfjs/conformance";
import { type Browser, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium, type PageServer, servePages } from "../../../tooling/testing/chromium.ts";

const executable = findChromium();
const root = fileURLToPath(new URL("../testing/browser", import.meta.url));

/** The functions of `testing/browser/page.js`. */
declare const start: () => Promise<{ name: string }>;
declare const runCase: (name: string, options: object) => Promise<string | null>;

describe.skipIf(!executable)("the conformance suite on WebGPU in Chromium", () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "gmr-webgpu-"));
  const options = { randomCases: 2 };
  let server: PageServer;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    await build({
      root,
      configFile: false,
      logLevel: "error",
      build: { outDir: folder, emptyOutDir: true, target: "esnext" },
    });
    server = await servePages({ "": folder });
    browser = await chromium.launch({
      executablePath: executable ?? "",
      args: ["--no-sandbox", "--enable-unsafe-webgpu"],
    });
    page = await browser.newPage();
    await page.goto(server.address);
    const { name } = await page.evaluate(() => start());
    console.log(`Chromium runs WebGPU on ${name}`);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const { name } of conformanceCases(options)) {
    it(name, async () => {
      const wrong = await page.evaluate(([name, options]) => runCase(name, options), [
        name,
        options,
      ] as const);
      expect(wrong).toBeNull();
    });
  }
});
