// The kernels in a real browser, bundled as a user would, with and without shared memory.

import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gmrConv2d } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { type Browser, chromium } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium, servePages } from "../../../tooling/testing/chromium.ts";
import { layerNumbers } from "../testing/layerNumbers.js";
import { useWasm } from "./index.ts";

const executable = findChromium();
const root = fileURLToPath(new URL("../testing/browser", import.meta.url));
const wasmFiles = path.join(
  path.dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm/package.json")),
  "wasm-out",
);
const ISOLATION = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

interface Result {
  isolated: boolean;
  threads: number;
  numbers: number[];
}

describe.skipIf(!executable)("in Chromium", () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "gmr-browser-"));
  let browser: Browser;
  let expected: number[];

  beforeAll(async () => {
    await useWasm({ threads: 1 });
    expected = layerNumbers(tf, gmrConv2d);
    for (const minify of [false, true]) {
      const outDir = path.join(folder, String(minify));
      await build({
        root,
        configFile: false,
        logLevel: "error",
        build: { outDir, emptyOutDir: true, minify, target: "esnext" },
      });
    }
    browser = await chromium.launch({ executablePath: executable ?? "", args: ["--no-sandbox"] });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(minify: boolean, isolated: boolean): Promise<{ result: Result; messages: string[] }> {
    const pages = { "": path.join(folder, String(minify)), wasm: wasmFiles };
    const server = await servePages(pages, isolated ? ISOLATION : {});
    const page = await browser.newPage();
    const messages: string[] = [];
    page.on("console", (message) => messages.push(message.text()));
    try {
      await page.goto(server.address);
      await page.waitForSelector("#done", { timeout: 40_000 });
      return { result: JSON.parse((await page.textContent("#done")) ?? "") as Result, messages };
    } finally {
      await page.close();
      server.close();
    }
  }

  it("uses threads in a cross-origin isolated page, with exactly the numbers of Node", async () => {
    const { result } = await open(false, true);
    expect(result).toEqual({ isolated: true, threads: 2, numbers: expected });
  });

  it("runs on one thread if memory cannot be shared", async () => {
    const { result } = await open(true, false);
    expect(result).toEqual({ isolated: false, threads: 1, numbers: expected });
  });

  it("says why a minified script runs on one thread", async () => {
    const { result, messages } = await open(true, true);
    expect(result).toEqual({ isolated: true, threads: 1, numbers: expected });
    expect(messages.join("\n")).toContain("one thread, since this script is minified");
  });
});
