// The other panels, and the page as a whole: accessible, on any screen, offline.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { describeDemo, serveDemo, waitForBackend } from "./testing/visit.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The panels, and what is there once a panel has something to show. */
const PANELS: Readonly<Record<string, string>> = {
  turn: ".network .best",
  segment: ".segment .hint >> text=/ms a mask/",
  train: ".train .primary:not(:disabled)",
  inside: ".map-row canvas",
  measure: ".primary:not(:disabled)",
};

/** Shaders compile slowly on a software adapter. */
const SOON = { timeout: 30_000 };

describeDemo("the page in Chromium", (demo) => {
  it.each(["wasm", "webgpu"])(
    "shows kernels and feature maps that turn with the image, whatever the widths of the rings, on %s",
    async (name) => {
      const { page, leave } = await demo.visit("inside");
      const captions = page.locator(".maps figcaption");
      await waitForBackend(page, "wasm");
      await page.selectOption(".status select", name);
      await waitForBackend(page, name);
      await expect.poll(() => captions.first().textContent(), SOON).toMatch(/rounding .* at quarter turns/);
      const offBy = async (): Promise<number[]> =>
        (await captions.allInnerTexts()).map((text) => Number(/off by ([\d.]+) %/.exec(text)?.[1]));
      const [gmr, dense] = await offBy();
      expect(gmr).toBeLessThan(dense / 3);

      await page.selectOption(".choices select", "layer2.0.conv1");
      await expect.poll(() => captions.first().textContent(), SOON).toMatch(/rounding .* at quarter turns/);
      expect(await page.locator(".kernels .gmr canvas").count()).toBe(8);
      const width = page.getByRole("slider", { name: /^centre/ });
      const before = await page.locator(".sliders label").first().textContent();
      const kernel = (): Promise<string> =>
        page
          .locator(".kernels .gmr canvas")
          .first()
          .evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
      const asTrained = await kernel();
      await width.fill("1");
      await expect.poll(kernel, SOON).not.toBe(asTrained);
      expect(await page.locator(".sliders label").first().textContent()).not.toBe(before);
      await expect
        .poll(() => page.locator(".sliders .explain").textContent(), SOON)
        .toMatch(/now reads a \d/);
      await expect.poll(() => captions.first().textContent(), SOON).toMatch(/rounding .* at quarter turns/);
      await page.getByRole("button", { name: "As trained" }).click();
      await expect.poll(kernel, SOON).toBe(asTrained);
      await leave();
    },
  );

  it.each(["wasm", "webgpu"])("measures on %s, and stops when told to", async (name) => {
    const { page, leave } = await demo.visit("measure");
    await waitForBackend(page, "wasm");
    await page.selectOption(".measure select", name);
    await waitForBackend(page, name);
    if (name === "webgpu") {
      await page.getByRole("button", { name: "Measure" }).click();
      await expect.poll(() => page.locator("tbody tr").count(), { timeout: 60_000 }).toBe(5);
      await page.getByRole("button", { name: "Copy as JSON" }).waitFor();
    } else {
      await page.getByRole("checkbox").check();
      await page.getByRole("button", { name: "Measure" }).click();
      await expect.poll(() => page.locator("tbody tr").count(), SOON).toBe(5);
      const copy = page.getByRole("button", { name: "Copy as JSON" });
      await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
      await copy.click();
      await page.waitForSelector(".message");
      const text = await page.evaluate(() => navigator.clipboard.readText());
      const { device, milliseconds } = JSON.parse(text);
      expect(device).toMatchObject({ backend: "wasm", processors: expect.any(Number) });
      expect(milliseconds).toHaveLength(5);
      const large = milliseconds.at(-1);
      console.log("11×11 on wasm with gradients:", large);
      expect(large.gmr).toBeLessThan(large.dense);
      await page.getByRole("checkbox").uncheck();
    }
    await page.getByRole("button", { name: "Measure" }).click();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Measure" }).waitFor({ timeout: 30_000 });
    expect(await page.locator("tbody tr").count()).toBeLessThan(5);
    await leave();
  });

  it.each(["light", "dark"] as const)(
    "breaks no rule of axe-core, and fits a phone, in %s colours",
    async (colorScheme) => {
      const { page, leave } = await demo.visit("turn", {
        colorScheme,
        viewport: { width: 360, height: 740 },
      });
      for (const [panel, ready] of Object.entries(PANELS)) {
        await page.evaluate((hash) => {
          location.hash = hash;
        }, panel);
        await page.waitForSelector(ready);
        await page.waitForTimeout(200);
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        expect([panel, width]).toEqual([panel, 360]);
        expect([panel, await violations(page)]).toEqual([panel, []]);
      }
      await page.setViewportSize({ width: 1400, height: 900 });
      expect(await violations(page)).toEqual([]);
      const theme = (): Promise<string> =>
        page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const before = await theme();
      await page.getByRole("button", { name: /colours/ }).click();
      expect(await theme()).not.toBe(before);
      await page.reload();
      expect(await theme()).not.toBe(before);
      await leave();
    },
  );

  it("works offline once it was loaded, and isolates itself", async () => {
    const own = await serveDemo();
    const { page, leave } = await demo.visit("turn", { serviceWorkers: "allow" }, own);
    await page.waitForSelector(PANELS.turn);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
    expect(await page.locator(".status").textContent()).toMatch(
      /one thread, since the page is not cross-origin isolated/,
    );
    await page.evaluate(async () => {
      const { active } = await navigator.serviceWorker.ready;
      if (active?.state !== "activated") {
        await new Promise((resolve) => active?.addEventListener("statechange", resolve, { once: true }));
      }
    });
    own.close();
    await page.context().setOffline(true);
    await page.reload();
    await page.waitForSelector(PANELS.turn);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    const processors = await page.evaluate(() => navigator.hardwareConcurrency);
    const threads = processors > 1 ? /\d+ threads$/ : /one thread$/;
    await expect.poll(() => page.locator(".status").textContent()).toMatch(threads);
    await page.locator(".dial").press("PageUp");
    await expect.poll(() => page.locator(".angle").textContent()).toBe("45°");
    for (const panel of ["inside", "measure"]) {
      await page.evaluate((hash) => {
        location.hash = hash;
      }, panel);
      await page.waitForSelector(PANELS[panel]);
    }
    await leave();
  });

  it("says so, and goes on, where there is no WebGPU", async () => {
    const { page, leave } = await demo.visit("turn");
    await waitForBackend(page, "wasm");
    const engine = page.workers().find((worker) => worker.url().includes("/worker-"))!;
    await engine.evaluate(() => Object.defineProperty(navigator, "gpu", { value: undefined }));
    await page.selectOption(".status select", "webgpu");
    await page.getByText("WebGPU does not work here: this browser has no WebGPU").waitFor();
    await waitForBackend(page, "wasm");
    await leave();
  });
});

/** What is wrong by axe-core's rules. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const { violations } = (await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")) as {
    violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
  };
  return violations.map(
    ({ id, nodes }) => `${id} (${nodes.length}×): ${nodes[0].html} ${nodes[0].failureSummary}`,
  );
}
