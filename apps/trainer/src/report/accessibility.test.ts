// The report in a real browser: axe-core's rules, contrast, narrow screens and print.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium } from "../../../../tooling/testing/chromium.ts";
import { renderReport } from "./report.ts";
import { atChance, fakeReport } from "./testing/fakeReport.ts";
import type { NetworkReport, RotationReport } from "./types.ts";

const executable = findChromium();
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const schemes = ["light", "dark"] as const;

/** Every section there is, with networks in all four colours. */
function fullReport(): RotationReport {
  const report = fakeReport();
  const [gmr, dense] = report.networks;
  const picture =
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  const extra: Partial<NetworkReport> = {
    mistakes: [{ picture, label: 3, predicted: 8, confidence: 0.97, source: "a.png" }],
    masks: [{ title: "turned by 45°", image: picture, truth: picture, predicted: picture }],
    sigmas: [{ layer: "conv1", points: [1, 2].map((step) => ({ step, sigmas: [0.4, step] })) }],
  };
  const networks = [gmr, dense, gmr, atChance(dense)].map((network, i) => ({
    ...network,
    ...extra,
    name: `n${i}`,
    label: `${network.label} ${i}`,
  }));
  const settings = (name: string) => ({
    name,
    model: { name: "gmr-resnet18", widths: [16, 32] },
    train: { epochs: 3 },
  });
  return {
    ...report,
    networks,
    config: { ...report.config, networks: networks.map(({ name }) => settings(name)) },
  };
}

/** The least contrast of the text of some elements with their own background. */
function leastContrast(selector: string): number {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const luminance = (colour: string): number => {
    if (!canvas) throw new Error("no canvas");
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = Array.from(canvas.getImageData(0, 0, 1, 1).data.slice(0, 3), (byte) => {
      const part = byte / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrasts = Array.from(document.querySelectorAll(selector), (element) => {
    const { color, backgroundColor } = getComputedStyle(element);
    const [a, b] = [luminance(color), luminance(backgroundColor)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  });
  return Math.min(...contrasts);
}

describe.skipIf(!executable)("a report in Chromium", () => {
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executable ?? "", args: ["--no-sandbox"] });
    page = await browser.newPage();
    await page.setContent(renderReport(fullReport()));
    await page.addScriptTag({ content: axe });
  }, 60_000);

  afterAll(() => browser?.close());

  describe.each(schemes)("on a %s screen", (colorScheme) => {
    it.each([1280, 390])(
      "of %d pixels, breaks no rule of axe-core",
      async (width) => {
        await page.emulateMedia({ colorScheme, media: "screen" });
        await page.setViewportSize({ width, height: 900 });
        const { violations } = (await page.evaluate(
          "axe.run(document, { resultTypes: ['violations'] })",
        )) as {
          violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
        };
        const found = violations.map(
          ({ id, nodes }) => `${id} (${nodes.length}×): ${nodes[0].html} ${nodes[0].failureSummary}`,
        );
        expect(found).toEqual([]);
      },
      60_000,
    );

    it("has readable confusion matrices", async () => {
      await page.emulateMedia({ colorScheme, media: "screen" });
      expect(await page.evaluate(leastContrast, ".confusion td")).toBeGreaterThanOrEqual(4.5);
    });
  });

  it("is no wider than a phone: what is wider scrolls, by keyboard too", async () => {
    await page.emulateMedia({ media: "screen" });
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    const scrolling = await page.evaluate(() =>
      Array.from(document.querySelectorAll<HTMLElement>("*"))
        .filter((e) => /auto|scroll/.test(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth)
        .map((e) => ({
          name: e.getAttribute("aria-label"),
          role: e.getAttribute("role"),
          focusable: e.tabIndex === 0,
        })),
    );
    expect(scrolling.length).toBeGreaterThan(0);
    for (const part of scrolling) {
      expect(part).toEqual({ name: expect.any(String), role: "region", focusable: true });
    }
  });

  it("has headings in order", async () => {
    const levels = await page.evaluate(() =>
      Array.from(document.querySelectorAll("h1, h2, h3, h4, h5, h6"), ({ tagName }) => Number(tagName[1])),
    );
    expect(levels[0]).toBe(1);
    for (const [i, level] of levels.entries()) expect(level).toBeLessThanOrEqual((levels[i - 1] ?? 0) + 1);
  });

  it("opens what is folded, and cuts nothing off, in print", async () => {
    await page.emulateMedia({ media: "print" });
    await page.setViewportSize({ width: 700, height: 900 });
    const heights = await page.evaluate(() =>
      Array.from(
        document.querySelectorAll("details > :not(summary)"),
        (part) => part.getBoundingClientRect().height,
      ),
    );
    expect(heights.length).toBeGreaterThan(2);
    expect(Math.min(...heights)).toBeGreaterThan(0);
    const pages = (await page.pdf({ format: "A4" })).toString("latin1").match(/\/Type\s*\/Page\b/g) ?? [];
    expect(pages.length).toBeGreaterThan(4);
  });
});
