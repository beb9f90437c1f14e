// The masks in the page as a visitor sees them.

import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { describeDemo, type Visit } from "../../testing/visit.ts";

/** Others may share the machine. */
const SOON = { timeout: 30_000 };

/** What the page says of a network's mask. */
const agreement = (page: Page, name: "gmr" | "dense"): Promise<string | null> =>
  page.locator(`[data-agreement=${name}]`).textContent();

/** The mask as it is drawn. */
const drawn = (page: Page, name: "gmr" | "dense"): Promise<string> =>
  page.locator(`.network.${name} canvas`).evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());

const percentOf = (text: string | null): number => Number(/[\d.]+/.exec(text ?? "")?.[0]);

describeDemo("segmenting in Chromium", (demo) => {
  async function opened(options = {}): Promise<Visit> {
    const visited = await demo.visit("segment", options);
    await expect.poll(() => agreement(visited.page, "gmr"), { timeout: 30_000 }).toBe("100.0 %");
    return visited;
  }

  it("marks the same pixels at quarter turns and in the mirror, in any image that is given", async () => {
    const { page, leave } = await opened();
    const upright = await drawn(page, "gmr");
    const dial = page.locator(".dial");
    await dial.press("PageUp");
    await expect.poll(() => agreement(page, "gmr"), SOON).not.toBe("100.0 %"); // between the pixels
    const [gmr, dense] = await Promise.all([agreement(page, "gmr"), agreement(page, "dense")]);
    expect(percentOf(gmr)).toBeGreaterThan(percentOf(dense));
    await dial.press("PageUp");
    await expect.poll(() => agreement(page, "gmr"), SOON).toBe("100.0 %");
    expect(percentOf(await agreement(page, "dense"))).toBeLessThan(98);
    expect(await drawn(page, "gmr")).not.toBe(upright);
    await page.getByRole("button", { name: "Upright" }).click();
    await expect.poll(() => drawn(page, "gmr"), SOON).toBe(upright);
    await page.getByRole("button", { name: "Mirror upside down" }).click();
    await expect.poll(() => drawn(page, "gmr"), SOON).not.toBe(upright);
    expect(await agreement(page, "gmr")).toBe("100.0 %");
    expect(percentOf(await agreement(page, "dense"))).toBeLessThan(98);
    expect(await page.locator(".sentence").textContent()).toMatch(
      /GMR-UNet has kept at least 9\d\.\d %, that of/,
    );
    await page.getByRole("button", { name: "Mirror upside down" }).click();
    await expect.poll(() => drawn(page, "gmr"), SOON).toBe(upright);

    await page.getByRole("button", { name: "Nuclei 2" }).click();
    await expect.poll(() => drawn(page, "gmr"), SOON).not.toBe(upright);
    const second = await drawn(page, "gmr");

    // Dark spots on white, dropped.
    await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(300, 200);
      const context = canvas.getContext("2d")!;
      context.fillStyle = "#eee";
      context.fillRect(0, 0, 300, 200);
      context.fillStyle = "#444";
      for (const [x, y] of [
        [110, 70],
        [160, 100],
        [190, 140],
      ]) {
        context.beginPath();
        context.ellipse(x, y, 12, 9, 0.5, 0, 7);
        context.fill();
      }
      const file = new File([await canvas.convertToBlob()], "spots.png", { type: "image/png" });
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(file);
      dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true }));
    });
    await page.getByText("Dark and bright are exchanged in your image spots.png").waitFor();
    await expect.poll(() => drawn(page, "gmr"), SOON).not.toBe(second);
    await page.getByRole("button", { name: "Nuclei 1" }).click();
    await expect.poll(() => drawn(page, "gmr"), SOON).toBe(upright);

    const give = (name: string, buffer: Buffer): Promise<void> =>
      page.setInputFiles("input[type=file]", { name, mimeType: "image/png", buffer });
    const alert = page.getByRole("alert");
    await give("broken.png", Buffer.from("not an image"));
    await expect.poll(() => alert.textContent(), SOON).toMatch(/broken\.png \(image\/png\) is not an image/);
    const blank = await page.evaluate(() => {
      const canvas = document.createElement("canvas");
      return canvas.toDataURL("image/png").split(",")[1];
    });
    await give("blank.png", Buffer.from(blank, "base64"));
    await expect.poll(() => alert.textContent(), SOON).toMatch(/one colour: there is nothing to find/);
    expect(await drawn(page, "gmr")).toBe(upright);
    await leave();
  });

  it("turns the masks live", async () => {
    const { page, leave } = await opened({ reducedMotion: "no-preference" });
    const perSecond = await page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          const from = performance.now();
          let masks = 0;
          const { putImageData } = CanvasRenderingContext2D.prototype;
          CanvasRenderingContext2D.prototype.putImageData = function (
            this: CanvasRenderingContext2D,
            ...given: unknown[]
          ) {
            (putImageData as (...all: unknown[]) => void).apply(this, given);
            if (this.canvas.classList.contains("mask")) masks++;
            if (masks === 40) resolve((1000 * masks) / (performance.now() - from));
          };
        }),
    );
    const hints = await page.locator(".network .hint").allInnerTexts();
    console.log(`${perSecond.toFixed(1)} masks a second; ${hints.join("; ")}`);
    await expect.poll(() => page.locator(".polar svg path").count(), SOON).toBeGreaterThan(2);
    await leave();
  });

  it("gives the same masks on WebGPU", async () => {
    const { page, leave } = await opened();
    const dial = page.locator(".dial");
    const turned = async (): Promise<number[]> => {
      await dial.press("ArrowLeft");
      await expect.poll(() => agreement(page, "dense"), { timeout: 180_000 }).not.toBe("100.0 %");
      return [percentOf(await agreement(page, "gmr")), percentOf(await agreement(page, "dense"))];
    };
    const before = await turned();
    await dial.press("ArrowRight");
    await expect.poll(() => agreement(page, "dense"), SOON).toBe("100.0 %");
    await page.selectOption(".status select", "webgpu");
    await page.waitForSelector(".segment[data-backend=webgpu]", { timeout: 60_000 });
    const [gmr, dense] = await turned();
    expect(Math.abs(gmr - before[0])).toBeLessThan(0.3);
    expect(Math.abs(dense - before[1])).toBeLessThan(0.3);
    await leave();
  });
});
