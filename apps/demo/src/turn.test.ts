// The first panel as a visitor uses it.

import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { describeDemo, waitForBackend } from "./testing/visit.ts";

/** Weights and images do not count as the page. */
const NOT_THE_PAGE = /\/networks\/|\/samples\/|gmr-mnist/;

/** What the networks say at the moment. */
async function answers(page: Page): Promise<Record<"gmr" | "dense" | "angle", string | null>> {
  return {
    gmr: await page.locator(".network.gmr .answer strong").textContent(),
    dense: await page.locator(".network.dense .answer strong").textContent(),
    angle: await page.locator(".angle").textContent(),
  };
}

/** All probabilities, as the page shows them. */
const bars = (page: Page): Promise<string[]> => page.locator(".bar-value").allInnerTexts();

const settled = (page: Page): Promise<unknown> =>
  page.waitForFunction(() => /^\d$/.test(document.querySelector(".network.gmr strong")?.textContent ?? ""));

describeDemo("turning an image in Chromium", (demo) => {
  it("convinces in ten seconds: turns by itself, until it is touched", async () => {
    const context = { reducedMotion: "no-preference" } as const;
    const { page, leave } = await demo.visit("turn", context);
    const sizes: Promise<number>[] = [];
    page.on("response", (response) => {
      if (NOT_THE_PAGE.test(response.url()) || response.url().endsWith("/sw.js")) return;
      sizes.push(
        response.body().then(
          (body) => gzipSync(body).length,
          () => 0,
        ),
      );
    });
    await page.reload();
    const sentence = page.locator(".sentence");
    await expect
      .poll(() => sentence.textContent(), { timeout: 15_000 })
      .toMatch(/Over the 1\d angles shown so far/);
    const [, gmr, dense] = /was right at (?:all )?(\d+), its dense twin at (?:all )?(\d+)/.exec(
      (await sentence.textContent()) ?? "",
    ) as RegExpExecArray;
    expect(Number(gmr)).toBeGreaterThan(Number(dense));
    await expect.poll(() => page.locator(".polar svg path").count()).toBeGreaterThan(2);

    const kilobytes = (await Promise.all(sizes)).reduce((a, b) => a + b, 0) / 1000;
    console.log(`First load: ${kilobytes.toFixed(0)} kB compressed, without weights and samples`);
    expect(kilobytes).toBeLessThan(1000);

    await page.locator(".dial").focus();
    await page.keyboard.press("ArrowLeft");
    const { angle } = await answers(page);
    await page.waitForTimeout(300);
    expect((await answers(page)).angle).toBe(angle);
    await leave();
  });

  it("can be used within two seconds", async () => {
    const { page, leave } = await demo.visit("turn");
    await settled(page); // the files are in the browser's cache now
    const start = performance.now();
    await page.reload();
    await settled(page);
    await page.locator(".dial").press("ArrowLeft");
    await expect.poll(async () => (await answers(page)).angle, { interval: 10 }).toBe("5°");
    const ms = performance.now() - start;
    console.log(`From navigation to a turned digit with both networks' answers: ${ms.toFixed(0)} ms`);
    expect(ms).toBeLessThan(8000); // 2000 on a quiet machine; others may share this one
    await leave();
  });

  it("turns by keyboard, mouse and wheel, and mirrors", async () => {
    const { page, leave } = await demo.visit("turn");
    await settled(page);
    expect(await page.locator(".sentence").textContent()).toMatch(/Turn the digit/); // not by itself
    const upright = await bars(page);
    expect(await answers(page)).toEqual({ gmr: "4", dense: "4", angle: "0°" });

    const dial = page.locator(".dial");
    await dial.press("PageUp");
    await dial.press("PageUp");
    await expect.poll(async () => (await answers(page)).angle).toBe("90°");
    // A GMR network's answer to a quarter turn is exactly that to the upright image; the twin's is not.
    await expect.poll(() => page.locator(".turn").getAttribute("data-read")).toBe("90"); // not that of 45° before
    await expect.poll(async () => (await answers(page)).dense).not.toBe("4");
    const turned = await bars(page);
    expect(turned.slice(0, 10)).toEqual(upright.slice(0, 10));
    expect(turned.slice(10)).not.toEqual(upright.slice(10));

    await page.getByRole("button", { name: "Mirror left and right" }).press("Enter");
    await page.getByRole("button", { name: "Upright" }).click();
    await expect.poll(async () => (await answers(page)).angle).toBe("0°");
    await expect.poll(async () => (await bars(page)).slice(10)).not.toEqual(upright.slice(10));
    expect((await bars(page)).slice(0, 10)).toEqual(upright.slice(0, 10));
    await page.getByRole("button", { name: "Mirror left and right" }).click();

    const box = (await dial.boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(x, box.y + 12);
    await page.mouse.down();
    await page.mouse.move(box.x + 12, y, { steps: 12 }); // a quarter, counter-clockwise
    await page.mouse.up();
    expect((await answers(page)).angle).toBe("90°");
    await expect.poll(() => page.locator(".sentence").textContent()).toMatch(/Over the (9|1\d) angles shown/);
    await page.mouse.move(x, y);
    await page.mouse.wheel(0, 100);
    await expect.poll(async () => (await answers(page)).angle).toBe("85°");
    await leave();
  });

  it("reads samples, files, drops, drawings and the camera, and says what is wrong with a file", async () => {
    const { page, leave } = await demo.visit("turn");
    await settled(page);
    await page.getByRole("button", { name: "Show the digit 7" }).first().click();
    await expect.poll(async () => (await answers(page)).gmr).toBe("7");

    // A 1, drawn by the browser: a thick stroke on white.
    const one = await page.evaluate(() => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [200, 300];
      const context = canvas.getContext("2d")!;
      context.fillStyle = "white";
      context.fillRect(0, 0, 200, 300);
      context.fillStyle = "black";
      context.fillRect(90, 60, 22, 180);
      return canvas.toDataURL("image/png").split(",")[1];
    });
    const png = Buffer.from(one, "base64");
    await page.setInputFiles("input[type=file]", { name: "one.png", mimeType: "image/png", buffer: png });
    await expect.poll(async () => (await answers(page)).gmr).toBe("1");

    await page.getByRole("button", { name: "Show the digit 7" }).first().click();
    await expect.poll(async () => (await answers(page)).gmr).toBe("7");
    await page.evaluate((base64) => {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([bytes], "one.png", { type: "image/png" }));
      dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true }));
    }, one);
    await expect.poll(async () => (await answers(page)).gmr).toBe("1");

    const alert = page.getByRole("alert");
    const bad = { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("not an image") };
    await page.setInputFiles("input[type=file]", bad);
    expect(await alert.textContent()).toMatch(
      /notes\.txt \(text\/plain\) is not an image that this browser reads/,
    );
    const blank = await page.evaluate(() => {
      const canvas = document.createElement("canvas");
      return canvas.toDataURL("image/png").split(",")[1];
    });
    const empty = { name: "blank.png", mimeType: "image/png", buffer: Buffer.from(blank, "base64") };
    await page.setInputFiles("input[type=file]", empty);
    await expect.poll(() => alert.textContent()).toMatch(/one colour/);
    expect((await answers(page)).gmr).toBe("1");

    await page.getByRole("button", { name: "Draw" }).click();
    const canvas = (await page.locator(".drawing canvas").boundingBox())!;
    const at = (x: number, y: number): [number, number] => [
      canvas.x + x * canvas.width,
      canvas.y + y * canvas.height,
    ];
    await page.mouse.move(...at(0.25, 0.2)); // a 7
    await page.mouse.down();
    await page.mouse.move(...at(0.75, 0.2), { steps: 8 });
    await page.mouse.move(...at(0.45, 0.85), { steps: 8 });
    await page.mouse.up();
    await expect.poll(async () => (await answers(page)).dense).toBe("7");

    await page.getByRole("button", { name: "Camera" }).click();
    await page.waitForFunction(() => document.querySelector("video")?.videoWidth);
    await page.getByRole("button", { name: "Take it" }).click();
    await expect.poll(() => page.locator(".dial canvas").getAttribute("aria-label")).toBe("your photo");
    await leave();
  });

  it("switches the backend with the networks in place, and goes on when the GPU is lost", async () => {
    const { page, leave } = await demo.visit("turn");
    await settled(page);
    const upright = await bars(page);
    await page.locator(".dial").press("PageUp");
    await expect.poll(() => bars(page)).not.toEqual(upright);
    const before = await bars(page);
    const engine = page.workers().find((worker) => worker.url().includes("/worker-"))!;
    await engine.evaluate(() => {
      // Hands the device of the backend to this test.
      const { requestDevice } = GPUAdapter.prototype;
      GPUAdapter.prototype.requestDevice = async function (...options) {
        const device = await requestDevice.apply(this, options);
        Object.assign(globalThis, { device });
        return device;
      };
    });
    for (const name of ["cpu", "webgpu"]) {
      await page.selectOption(".status select", name);
      await waitForBackend(page, name);
      await page.locator(".dial").press("PageDown");
      await expect.poll(async () => (await answers(page)).angle).toBe("0°");
      await page.locator(".dial").press("PageUp");
      await expect.poll(() => bars(page), { timeout: 30_000 }).toEqual(before);
    }
    await engine.evaluate(() => (globalThis as unknown as { device: GPUDevice }).device.destroy());
    await waitForBackend(page, "wasm");
    expect(await page.locator(".message.note").textContent()).toMatch(
      /The GPU was lost \(.+\), so the page went on with/,
    );
    await page.locator(".dial").press("PageDown");
    await page.locator(".dial").press("PageUp");
    await expect.poll(() => bars(page)).toEqual(before);
    await leave();
  });
});
