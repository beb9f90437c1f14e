// Training in the page as a visitor does it.

import { readFileSync } from "node:fs";
import { readSafetensors } from "@gmr-conv/io";
import type { Page, Worker } from "playwright-core";
import { expect, it } from "vitest";
import { describeDemo } from "../../testing/visit.ts";

/** Others may share the machine. */
const SOON = { timeout: 30_000 };

const button = (page: Page, name: string | RegExp) => page.locator(".train").getByRole("button", { name });

async function steps(page: Page): Promise<Record<"gmr" | "dense", number>> {
  const read = async (name: string): Promise<number> =>
    Number(await page.locator(`[data-step=${name}]`).textContent());
  return { gmr: await read("gmr"), dense: await read("dense") };
}

/** Waits until a network has done so many steps. They take turns, and the GMR network is the first. */
const reached = (page: Page, name: "gmr" | "dense", least: number): Promise<unknown> =>
  expect.poll(async () => (await steps(page))[name], { timeout: 90_000 }).toBeGreaterThanOrEqual(least);

async function pause(page: Page): Promise<void> {
  await button(page, "Pause").click();
  await button(page, /Go on|Trained/).waitFor();
}

async function workerNamed(page: Page, wanted: string): Promise<Worker> {
  for (const worker of page.workers()) {
    if ((await worker.evaluate(() => self.name)) === wanted) return worker;
  }
  throw new Error(`no worker ${wanted}`);
}

/** Where other programs take the processor, frames are late for reasons that are not the page's. */
async function expectSmooth(page: Page): Promise<void> {
  let idle = 0;
  for (let attempt = 0; attempt < 3; attempt++) {
    const late = await lateFrames(page, "While training");
    if (late <= MOST_LATE) return;
    await pause(page);
    idle = Math.max(idle, await lateFrames(page, "While not training"));
    await button(page, "Go on").click();
  }
  if (idle <= MOST_LATE) throw new Error("training makes the page stutter, and it is smooth without");
  console.warn(
    "Not judged: the page stutters without training, too, since other programs use the processor.",
  );
}

/** Share of frames that may take more than 50 ms. */
const MOST_LATE = 0.01;

/** The share of late frames over some seconds. */
async function lateFrames(page: Page, when: string): Promise<number> {
  const frames = await framesWhileTurning(page, 3);
  const late = frames.filter((milliseconds) => milliseconds > 50).length / frames.length;
  const progress = (await page.locator(".progress").allInnerTexts()).join(" ").replaceAll("\n", " ");
  console.log(
    `${when}: ${frames.length} frames in 3 s, ${(100 * late).toFixed(1)} % longer than 50 ms, ` +
      `the longest ${Math.max(...frames).toFixed(0)} ms; ${progress}`,
  );
  return late;
}

/** Turns the digits with every frame. @returns milliseconds between the frames of some seconds */
const framesWhileTurning = (page: Page, seconds: number): Promise<number[]> =>
  page.evaluate(
    (milliseconds) =>
      new Promise<number[]>((resolve) => {
        const slider = document.querySelector<HTMLInputElement>(".train input[type=range]")!;
        const times: number[] = [];
        requestAnimationFrame(function frame(now) {
          times.push(now);
          slider.value = String((5 * times.length) % 360);
          slider.dispatchEvent(new Event("input", { bubbles: true }));
          if (now - times[0] < milliseconds) requestAnimationFrame(frame);
          else resolve(times.slice(1).map((time, i) => time - times[i]));
        });
      }),
    1000 * seconds,
  );

describeDemo("training in Chromium", (demo) => {
  it("trains beside a page that stays smooth, pauses, survives a reload, goes on, saves and loads", async () => {
    const { page, leave } = await demo.visit("train");
    await button(page, "Train").waitFor();
    expect(await page.locator(".sentence").textContent()).toMatch(/have learned nothing yet/);
    await button(page, "Train").click();
    await reached(page, "dense", 1); // the charts are loaded
    await expectSmooth(page);
    await reached(page, "dense", 50);
    await pause(page);
    const before = await steps(page);
    const loss = await page.locator(".chart[aria-label^=Loss]").getAttribute("aria-label");
    expect(loss).toMatch(/Last: gmr \d\.\d\d, dense \d\.\d\d/);

    await page.reload();
    await button(page, "Go on").waitFor();
    expect(await steps(page)).toEqual(before);
    expect(await page.locator(".chart[aria-label^=Loss]").getAttribute("aria-label")).toBe(loss);
    await button(page, "Go on").click();
    await reached(page, "gmr", before.gmr + 1);
    await pause(page);
    const after = await steps(page);

    const saved = page.waitForEvent("download");
    await button(page, "Save weights").first().click();
    const download = await saved;
    expect(download.suggestedFilename()).toBe(`gmr-digits-${after.gmr}-steps.safetensors`);
    const bytes = readFileSync(await download.path());
    expect(readSafetensors(bytes).metadata.steps).toBe(String(after.gmr));

    const [gmr, dense] = ["GMR network", "Dense twin"].map((name) =>
      page.getByLabel(`Weights for the ${name}`),
    );
    const file = { name: "mine.safetensors", mimeType: "application/octet-stream", buffer: bytes };
    const alert = page.getByRole("alert");
    await dense.setInputFiles(file);
    expect(await alert.textContent()).toMatch(
      /mine\.safetensors has the weights of another network than this/,
    );
    await dense.setInputFiles({ ...file, name: "notes.txt", buffer: Buffer.from("not weights") });
    await expect.poll(() => alert.textContent(), SOON).toMatch(/^notes\.txt/);
    expect(await steps(page)).toEqual(after);
    await gmr.setInputFiles(file);
    await expect.poll(() => steps(page), SOON).toEqual({ gmr: 0, dense: after.dense });
    expect(await alert.count()).toBe(0);

    await button(page, "Start over").click();
    await expect.poll(() => steps(page), SOON).toEqual({ gmr: 0, dense: 0 });
    await page.getByRole("combobox", { name: "Steps" }).selectOption("200");
    await expect.poll(() => page.locator(".progress").first().textContent(), SOON).toMatch(/step 0 of 200/);
    await leave();
  });

  it("leaves the checkpoints of another tab alone, and says so", async () => {
    const { page, leave } = await demo.visit("train");
    await button(page, "Train").click();
    await reached(page, "gmr", 1);
    const second = await page.context().newPage();
    await second.goto(page.url());
    await button(second, "Train").waitFor();
    expect(await second.locator(".message.note").textContent()).toMatch(/^Another tab trains here/);
    await second.close();
    await pause(page);
    const before = await steps(page);
    await page.reload();
    await button(page, "Go on").waitFor();
    expect(await steps(page)).toEqual(before);
    await leave();
  });

  it("goes on in memory when the browser's storage is full, and says so", async () => {
    const { page, leave } = await demo.visit("train");
    await button(page, "Train").waitFor();
    const session = await page.context().newCDPSession(page);
    const { origin } = new URL(demo.address);
    await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 1000 });
    await button(page, "Train").click();
    await reached(page, "gmr", 1);
    await pause(page);
    expect(await page.locator(".message.note").textContent()).toMatch(/storage for this page is full/);
    const before = await steps(page);
    await button(page, "Go on").click();
    await reached(page, "gmr", before.gmr + 1);
    await pause(page);
    await leave();
  });

  it("switches to WebGPU with what was learned, and goes on from the checkpoint when the GPU is lost", async () => {
    const { page, leave } = await demo.visit("train");
    await button(page, "Train").click();
    await reached(page, "gmr", 1);
    await pause(page);
    const before = await steps(page);
    const trainer = await workerNamed(page, "trainer");
    await trainer.evaluate(() => {
      // Hands the device of the backend to this test.
      const { requestDevice } = GPUAdapter.prototype;
      GPUAdapter.prototype.requestDevice = async function (...options) {
        const device = await requestDevice.apply(this, options);
        Object.assign(globalThis, { device });
        return device;
      };
    });
    await page.selectOption(".status select", "webgpu");
    await page.waitForSelector("[data-backend=webgpu]", { timeout: 60_000 });
    expect(await steps(page)).toEqual(before);
    await button(page, "Go on").click();
    await reached(page, "gmr", before.gmr + 1);
    await trainer.evaluate(() => (globalThis as unknown as { device: GPUDevice }).device.destroy());
    await page.waitForSelector("[data-backend=wasm]");
    expect(await page.locator(".message.note").last().textContent()).toMatch(
      /The GPU was lost \(.+\): training goes on with WebAssembly, from the last checkpoint/,
    );
    await reached(page, "gmr", before.gmr + 2);
    await pause(page);
    await leave();
  });
});
