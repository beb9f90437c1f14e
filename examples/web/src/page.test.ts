// The page in Chromium, from Vite's development server and from its build: a stroke is read as a one at every angle.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { build, createServer } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium, servePages } from "../../../tooling/testing/chromium.ts";

const executable = findChromium();
const root = fileURLToPath(new URL("..", import.meta.url));

describe.skipIf(!executable)("in Chromium", () => {
  let browser: Browser;

  beforeAll(async () => {
    await import("../scripts/network.js");
    browser = await chromium.launch({ executablePath: executable ?? "", args: ["--no-sandbox"] });
  }, 60_000);

  afterAll(() => browser?.close());

  /** Draws strokes, and returns what the page reads. */
  async function digitsAt(address: string): Promise<string[]> {
    const page = await browser.newPage();
    await page.goto(address);
    await page.waitForFunction(() => document.querySelector("#status")?.textContent !== "Loading …");
    expect(await page.textContent("#status")).toMatch(/^Ready, on (webgpu|wasm)\.$/);
    const box = await page.locator("canvas").boundingBox();
    const digits: string[] = [];
    for (const degrees of [90, 120, 200]) {
      const [x, y] = [Math.cos((degrees * Math.PI) / 180) * 90, Math.sin((degrees * Math.PI) / 180) * 90];
      const [left, top] = [(box?.x ?? 0) + 140, (box?.y ?? 0) + 140];
      await page.mouse.move(left - x, top - y);
      await page.mouse.down();
      await page.mouse.move(left + x, top + y, { steps: 5 });
      await page.mouse.up();
      await page.waitForFunction(() => document.querySelector("#digit")?.textContent !== "");
      digits.push((await page.textContent("#digit")) ?? "");
      await page.click("button");
    }
    await page.close();
    return digits;
  }

  it("reads a turned digit from Vite's development server", async () => {
    const server = await createServer({ root, logLevel: "error", server: { port: 0, host: "127.0.0.1" } });
    await server.listen();
    try {
      expect(await digitsAt(server.resolvedUrls?.local[0] ?? "")).toEqual(["1", "1", "1"]);
    } finally {
      await server.close();
    }
  });

  it("reads a turned digit from the production build", async () => {
    await build({ root, logLevel: "error" });
    const server = await servePages({ "": fileURLToPath(new URL("../dist", import.meta.url)) });
    try {
      expect(await digitsAt(server.address)).toEqual(["1", "1", "1"]);
    } finally {
      server.close();
    }
  });

  it("is short", () => {
    expect(readFileSync(new URL("../main.js", import.meta.url), "utf8").split("\n").length).toBeLessThan(60);
  });
});
