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
  relaxed: boolean;
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

  async function open(minify: boolean, isolated: boolean, query = ""): Promise<Result | string> {
    const pages = { "": path.join(folder, String(minify)), wasm: wasmFiles };
    const server = await servePages(pages, isolated ? ISOLATION : {});
    const page = await browser.newPage();
    try {
      await page.goto(server.address + query);
      await page.waitForSelector("#done", { timeout: 40_000 });
      const text = (await page.textContent("#done")) ?? "";
      return text.startsWith("{") ? (JSON.parse(text) as Result) : text;
    } finally {
      await page.close();
      server.close();
    }
  }

  it("uses relaxed SIMD, with the same bits for one thread and two", async () => {
    const one = (await open(true, false, "?relaxed")) as Result;
    const two = (await open(true, true, "?relaxed")) as Result;
    expect([one.relaxed, one.threads, two.relaxed, two.threads]).toEqual([true, 1, true, 2]);
    expect(two.numbers).toEqual(one.numbers);
  });

  it.each([false, true])(
    "uses threads in an isolated page, with exactly the numbers of Node: minified %s",
    async (minify) => {
      expect(await open(minify, true)).toEqual({
        isolated: true,
        threads: 2,
        relaxed: false,
        numbers: expected,
      });
    },
  );

  it("runs on one thread if memory cannot be shared", async () => {
    expect(await open(true, false)).toEqual({
      isolated: false,
      threads: 1,
      relaxed: false,
      numbers: expected,
    });
  });

  it.each([true, false])(
    "fetches the stock files from where a page serves them: isolated %s",
    async (isolated) => {
      const result = await open(true, isolated, "?wasmPaths=/wasm/");
      expect(result).toEqual({ isolated, threads: isolated ? 2 : 1, relaxed: false, numbers: expected });
    },
  );

  it.each([
    ["/nowhere/", /nowhere\/tfjs-backend-wasm-simd\.wasm: the server answered 404/],
    ["/index.html?", /is no WebAssembly module \(its type: text\/html\)/],
    ["http://localhost:1/", /could not be fetched: Failed to fetch/],
  ])("names an address without them: %s", async (paths, reason) => {
    expect(await open(true, false, `?wasmPaths=${encodeURIComponent(paths)}`)).toMatch(reason);
  });
});
