// Training in a real browser's tab, which is reloaded in the middle of it.

import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium, type PageServer, servePages } from "../../../tooling/testing/chromium.ts";

const executable = findChromium();

interface Result {
  /** Steps that were done already. */
  start: number;
  weights: number[][];
  /** Upright, and by quarter turns. */
  accuracy: number[];
  tensors: number[];
}

describe.skipIf(!executable)("in Chromium", () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "gmr-training-"));
  let browser: Browser;
  let server: PageServer;

  beforeAll(async () => {
    const root = fileURLToPath(new URL("../testing/browser", import.meta.url));
    await build({
      root,
      configFile: false,
      logLevel: "error",
      build: { outDir: folder, emptyOutDir: true, target: "esnext" },
    });
    server = await servePages({ "": folder });
    browser = await chromium.launch({ executablePath: executable ?? "", args: ["--no-sandbox"] });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Trains with a database, and reloads the tab once there is a checkpoint if that is wanted. */
  async function train(database: string, reload: boolean): Promise<Result> {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${server.address}?database=${database}`);
    if (reload) {
      await page.waitForSelector("#kept, #done", { timeout: 60_000 });
      await page.reload();
    }
    await page.waitForSelector("#done", { timeout: 60_000 });
    const text = (await page.textContent("#done")) ?? "";
    await page.close();
    return JSON.parse(text) as Result;
  }

  it("continues after a reload to exactly the weights of an undisturbed tab", async () => {
    const alone = await train("alone", false);
    expect(alone.start).toBe(0);
    expect(new Set(alone.tensors.slice(1)).size).toBe(1);
    const [upright, ...turned] = alone.accuracy;
    expect(upright).toBeGreaterThan(0.8);
    for (const score of turned) expect(score).toBe(upright);

    const reloaded = await train("reloaded", true);
    expect(reloaded.start).toBeGreaterThan(8);
    expect(reloaded.weights).toEqual(alone.weights);
  });
});
