// The golden cases of layers on WebGPU in a real browser.

import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium, type PageServer, servePages } from "../../../../tooling/testing/chromium.ts";
import { type ConvCase, readCases } from "./cases.ts";

const executable = findChromium();
const root = fileURLToPath(new URL("../../testing/browser", import.meta.url));
const fixtures = fileURLToPath(new URL("../../../../tooling/fixtures/official", import.meta.url));
const cases = (await readCases(fixtures)).filter((test): test is ConvCase => test.kind !== "network");

describe.skipIf(!executable)("golden cases on WebGPU in Chromium", () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "gmr-parity-"));
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
    server = await servePages({ "": folder, fixtures });
    const args = ["--no-sandbox", "--enable-unsafe-webgpu"];
    browser = await chromium.launch({ executablePath: executable ?? "", args });
    page = await browser.newPage();
    await page.goto(server.address);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("are all of the layers", () => expect(cases).toHaveLength(34));

  it.each(cases)("$name", async (test) => {
    const { ok, backend, errors } = await page.evaluate((test) => checkOnWebGpu(test), test);
    expect({ ok, backend }, JSON.stringify(errors)).toEqual({ ok: true, backend: "webgpu" });
  });
});
