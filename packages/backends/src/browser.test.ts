// Starts backends in pages with the headers of real servers, and in workers of such pages.

import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium, servePages } from "../../../tooling/testing/chromium.ts";

const executable = findChromium();
const root = fileURLToPath(new URL("../testing/browser", import.meta.url));

/** The report of testing/browser/starts.js. */
interface Report {
  started: string[];
  backend: string;
  threads: number;
  sum: number;
  seconds: number;
  warnings: string[];
}

const NO_BLOBS = /one thread, since this page does not let workers start from blob: addresses/;
const WASM = /'wasm-unsafe-eval'/;

/** Content security policies: the threads that start under them on an isolated page, or why wasm does not. */
const POLICIES: readonly [policy: string, expected: number | RegExp][] = [
  ["", 2],
  ["script-src 'self' blob: 'wasm-unsafe-eval'; worker-src 'self' blob:", 2],
  ["default-src 'self' blob: 'unsafe-eval'", 2],
  ["script-src 'self' 'wasm-unsafe-eval'", 1],
  ["default-src 'self' 'wasm-unsafe-eval'", 1],
  ["default-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:", 1],
  ["script-src 'self' blob: 'wasm-unsafe-eval'; worker-src 'self'", 1],
  ["script-src 'self' blob: 'wasm-unsafe-eval'; require-trusted-types-for 'script'", 1],
  ["default-src 'self'", WASM],
  ["default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'", WASM],
  ["script-src 'self' 'wasm-unsafe-eval'; connect-src 'none'", 1],
];

describe.skipIf(!executable)("in Chromium", () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "gmr-starts-"));
  let browser: Browser;

  beforeAll(async () => {
    await build({
      root,
      configFile: false,
      logLevel: "error",
      worker: { format: "es" },
      build: { outDir: folder, emptyOutDir: true, minify: true, target: "esnext" },
    });
    browser = await chromium.launch({ executablePath: executable ?? "", args: ["--no-sandbox"] });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(policy: string, isolated: boolean, inWorker: boolean): Promise<Report> {
    const headers: Record<string, string> = policy ? { "content-security-policy": policy } : {};
    if (isolated) {
      headers["cross-origin-opener-policy"] = "same-origin";
      headers["cross-origin-embedder-policy"] = "require-corp";
    }
    const server = await servePages({ "": folder }, headers);
    const page = await browser.newPage();
    try {
      await page.goto(`${server.address}${inWorker ? "#worker" : ""}`);
      await page.waitForSelector("#done", { state: "attached", timeout: 30_000 });
      return JSON.parse((await page.textContent("#done")) ?? "") as Report;
    } finally {
      await page.close();
      server.close();
    }
  }

  for (const inWorker of [false, true]) {
    for (const isolated of [true, false]) {
      const where = `${inWorker ? "a worker of " : ""}${isolated ? "an isolated" : "a"} page`;
      // A page that demands trusted types cannot start any worker without its own policy.
      const policies = POLICIES.filter(([policy]) => !(inWorker && policy.includes("require-trusted-types")));
      it.each(policies)(`starts in ${where} under "%s"`, async (policy, expected) => {
        const report = await open(policy, isolated, inWorker);
        expect(report.seconds).toBeLessThan(10);
        expect(report.sum).toBe(9 * 9 * 2);
        const { started, backend, threads, warnings } = report;
        if (typeof expected !== "number") {
          expect(started).toEqual(["cpu", expect.stringMatching(expected), "cpu"]);
          expect(backend).toBe("cpu");
          return;
        }
        expect({ started, backend }).toEqual({ started: ["wasm", "wasm", "wasm"], backend: "wasm" });
        expect(threads).toBe(isolated ? expected : 1);
        const reasons = warnings.filter((text) => text.includes("GMR-Conv"));
        expect(reasons).toEqual(isolated && expected === 1 ? [expect.stringMatching(NO_BLOBS)] : []);
      });
    }
  }
});
