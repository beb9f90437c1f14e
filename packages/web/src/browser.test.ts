// The package in Chromium: delivered in the ways that pages are delivered, under the policies of real servers, with the
// images that people give it.

import { cpSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { useWasm } from "@gmr-conv/backend-wasm";
import { decodeImage } from "@gmr-conv/data/node";
import { planTiles, predict, segmentTiles } from "@gmr-conv/training";
import type * as tf from "@tensorflow/tfjs";
import { type Browser, chromium, type Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium, type PageServer, servePages } from "../../../tooling/testing/chromium.ts";
import { writeColours, writeDigits, writeFolded, writeSegmenter } from "../testing/networks.ts";
import { esbuildBundle, installPage, scriptTag, viteBuild, viteDev, webpackBuild } from "../testing/sites.ts";
import type { LoadOptions } from "./types.ts";

declare const gmrWeb: typeof import("./index.ts");

const executable = findChromium();
const STRICT = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};
const WASM: LoadOptions = { backends: ["wasm"] };

/** A grey ramp with a bright bar, [28, 28]. */
const PIXELS = Array.from({ length: 28 * 28 }, (_, i) =>
  i % 28 > 11 && i % 28 < 16 ? 250 : (i % 28) + (i >> 6),
);

describe.skipIf(!executable)("in Chromium", () => {
  const installed = installPage();
  const { folder } = installed;
  const at = (...names: string[]): string => path.join(folder, ...names);
  const sites: Record<string, string> = {};
  const models: Record<string, tf.LayersModel> = {};
  let browser: Browser;

  beforeAll(async () => {
    await useWasm({ threads: 1 });
    models.digits = await writeDigits(at("digits"));
    await writeFolded(at("folded"), models.digits, at("digits"));
    models.colours = await writeColours(at("colours"));
    models.segmenter = await writeSegmenter(at("segmenter"));
    await writeImages();
    sites.vite = await viteBuild(folder);
    sites.script = await scriptTag(folder);
    sites.esbuild = await esbuildBundle(folder);
    sites.webpack = await webpackBuild(folder);
    browser = await chromium.launch({
      executablePath: executable ?? "",
      args: ["--no-sandbox", "--enable-unsafe-webgpu"],
    });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    installed.remove();
  });

  /** Images of the kinds that people have. */
  async function writeImages(): Promise<void> {
    mkdirSync(at("images"));
    const photographs = fileURLToPath(new URL("../../../tooling/fixtures/photographs", import.meta.url));
    for (const name of ["rocket.jpg", "cell.png"]) cpSync(path.join(photographs, name), at("images", name));
    const rocket = sharp(at("images", "rocket.jpg"));
    const resized = rocket.clone().resize(300, 211, { fit: "fill" });
    await resized.clone().png().toFile(at("images", "photograph.png"));
    await resized.clone().resize(40, 50).png().toFile(at("images", "small.png"));
    await resized.clone().webp({ lossless: true }).toFile(at("images", "photograph.webp"));
    await rocket.clone().withMetadata({ orientation: 6 }).jpeg().toFile(at("images", "turned.jpg"));
    const alpha = Buffer.from(Uint8Array.from({ length: 300 * 211 }, (_, i) => Math.min(255, (i % 300) * 2)));
    await resized
      .clone()
      .joinChannel(alpha, { raw: { width: 300, height: 211, channels: 1 } })
      .png()
      .toFile(at("images", "transparent.png"));
    const deep = Uint16Array.from({ length: 90 * 70 }, (_, i) => 900 + 40 * (i % 90) + ((i * i) % 701));
    await sharp(deep, { raw: { width: 90, height: 70, channels: 1 } })
      .toColourspace("grey16")
      .png()
      .toFile(at("images", "deep.png"));
    writeFileSync(at("images", "text.png"), "This is not an image.");
    writeFileSync(at("images", "cut.jpg"), readFileSync(at("images", "rocket.jpg")).subarray(0, 300));
    writeFileSync(at("images", "scan.tiff"), "II*\0……");
  }

  const serve = (site: string, headers: Record<string, string> = {}): Promise<PageServer> => {
    const shared = Object.fromEntries(
      ["digits", "folded", "colours", "segmenter", "images", "broken"].map((name) => [name, at(name)]),
    );
    return servePages({ "": site, ...shared }, headers);
  };

  /** Opens a page, and closes everything afterwards. */
  async function inPage<T>(
    site: string,
    headers: Record<string, string>,
    use: (page: Page) => Promise<T>,
  ): Promise<T> {
    const server = await serve(site, headers);
    try {
      return await open(server.address, use);
    } finally {
      server.close();
    }
  }

  async function open<T>(address: string, use: (page: Page) => Promise<T>): Promise<T> {
    const page = await browser.newPage();
    try {
      await page.goto(address);
      await page.waitForFunction(() => "gmrWeb" in globalThis);
      return await use(page);
    } finally {
      await page.close();
    }
  }

  interface Answer {
    where: string;
    reason: string | undefined;
    threads: number;
    probabilities: Record<string, number>;
  }

  /** Classifies {@link PIXELS} in a page. */
  const classifyPixels = (page: Page, options: LoadOptions = WASM, network = "digits"): Promise<Answer> =>
    page.evaluate(
      async ([pixels, options, network]) => {
        const classifier = await gmrWeb.loadClassifier(`/${network}/`, options);
        const rgba = Uint8ClampedArray.from({ length: pixels.length * 4 }, (_, i) =>
          i % 4 === 3 ? 255 : pixels[i >> 2],
        );
        const { classes } = await classifier.classify(new ImageData(rgba, 28, 28));
        const { where, whereReason, backend } = classifier;
        classifier.dispose();
        const probabilities = Object.fromEntries(classes.map(({ name, probability }) => [name, probability]));
        return { where, reason: whereReason, threads: backend.threads, probabilities };
      },
      [PIXELS, options, network] as const,
    );

  /** The largest difference from what Node computes for {@link PIXELS}. */
  async function differenceFromNode({ probabilities }: Answer): Promise<number> {
    const p = await predict(
      models.digits,
      Float32Array.from(PIXELS, (byte) => byte / 255),
      [28, 28, 1],
    );
    return Math.max(...Array.from(p, (value, k) => Math.abs(value - probabilities[k])));
  }

  it.each([
    ["Vite's build", "vite"],
    ["webpack's build", "webpack"],
    ["a script tag", "script"],
  ])("runs in the worker's own file under a strict policy, delivered by %s", async (_, name) => {
    const answer = await inPage(sites[name], { "content-security-policy": STRICT }, classifyPixels);
    expect(answer).toMatchObject({ where: "worker", reason: undefined, threads: 1 });
    expect(await differenceFromNode(answer)).toBeLessThan(1e-5);
  });

  it("runs a network that was folded to stock layers, and in the worker of a function", async () => {
    const folded = await inPage(sites.vite, {}, (page) => classifyPixels(page, WASM, "folded"));
    expect(await differenceFromNode(folded)).toBeLessThan(1e-4);
    const where = await inPage(sites.script, {}, (page) =>
      page.evaluate(async (options) => {
        const worker = (): Worker => new Worker("/lib/worker.js", { name: "mine" });
        const classifier = await gmrWeb.loadClassifier("/digits/", { ...options, worker });
        const { where } = classifier;
        classifier.dispose();
        return where;
      }, WASM),
    );
    expect(where).toBe("worker");
  });

  it("runs in a worker made of its text where bundlers copy no file: esbuild, Vite's development server", async () => {
    const bundled = await inPage(sites.esbuild, {}, classifyPixels);
    expect(bundled).toMatchObject({ where: "worker", reason: undefined });
    expect(await differenceFromNode(bundled)).toBeLessThan(1e-5);
    cpSync(at("digits"), at("public", "digits"), { recursive: true });
    const dev = await viteDev(folder);
    try {
      const answer = await open(dev.resolvedUrls?.local[0] ?? "", classifyPixels);
      expect(answer).toMatchObject({ where: "worker", reason: undefined });
      expect(await differenceFromNode(answer)).toBeLessThan(1e-5);
    } finally {
      await dev.close();
      rmSync(at("public"), { recursive: true });
    }
  });

  it("runs in the page, saying why, where no worker may start", async () => {
    const bundled = await inPage(sites.esbuild, { "content-security-policy": STRICT }, classifyPixels);
    expect(bundled.where).toBe("page");
    expect(bundled.reason).toMatch(
      /did not start from its file \(.+\); .* did not start from its text \(.+\)/,
    );
    expect(await differenceFromNode(bundled)).toBeLessThan(1e-5);
    const asked = await inPage(sites.vite, {}, (page) => classifyPixels(page, { ...WASM, worker: false }));
    expect(asked).toMatchObject({ where: "page", reason: "the option worker is false" });
    const pair = await inPage(sites.vite, {}, (page) =>
      page.evaluate(async (options) => {
        const inPage = { ...options, worker: false };
        const classifiers = await Promise.all([
          gmrWeb.loadClassifier("/digits/", inPage),
          gmrWeb.loadClassifier("/digits/", { ...inPage, backends: ["cpu"] }),
        ]);
        const answers = await Promise.all(
          [0, 1, 0, 1].map((i) => classifiers[i].classify("/images/cell.png", { views: "all" })),
        );
        const names = classifiers.map(({ backend }) => backend.name);
        for (const classifier of classifiers) classifier.dispose();
        return { names, best: answers.map(({ classes }) => classes[0].probability) };
      }, WASM),
    );
    expect(pair.names).toEqual(["wasm", "cpu"]);
    for (const probability of pair.best) expect(Math.abs(probability - pair.best[0])).toBeLessThan(1e-4);
  });

  it("uses threads on an isolated page, in either kind of worker", async () => {
    for (const site of [sites.vite, sites.script, sites.esbuild]) {
      const answer = await inPage(site, ISOLATED, (page) => classifyPixels(page, { ...WASM, threads: 2 }));
      expect(answer).toMatchObject({ where: "worker", threads: 2 });
      expect(await differenceFromNode(answer)).toBeLessThan(1e-5);
    }
  });

  it("classifies files as gmr predict does", async () => {
    const files = [
      "photograph.png",
      "small.png",
      "cell.png",
      "deep.png",
      "transparent.png",
      "photograph.webp",
      "rocket.jpg",
      "turned.jpg",
    ];
    const found = await inPage(sites.vite, {}, (page) =>
      page.evaluate(
        async ([files, options]) => {
          const answers: Record<string, number[]> = {};
          for (const network of ["digits", "colours"]) {
            const classifier = await gmrWeb.loadClassifier(`/${network}/`, options);
            for (const file of files) {
              const { classes } = await classifier.classify(`/images/${file}`);
              answers[`${network} ${file}`] = classifier.classNames.map(
                (name) => classes.find((entry) => entry.name === name)?.probability ?? Number.NaN,
              );
            }
            classifier.dispose();
          }
          return answers;
        },
        [files, WASM] as const,
      ),
    );
    const table: Record<string, string> = {};
    for (const file of files) {
      const differences: number[] = [];
      for (const [network, side, channels] of [
        ["digits", 28, 1],
        ["colours", 64, 3],
      ] as const) {
        const description = JSON.parse(readFileSync(at(network, "network.json"), "utf8"));
        const { data } = await decodeImage(at("images", file), {
          ...description.reading,
          size: [side, side],
          channels,
        });
        const pixels = data instanceof Uint8Array ? Float32Array.from(data, (byte) => byte / 255) : data;
        const p = await predict(models[network], pixels, [side, side, channels], {
          normalization: description.normalization ?? undefined,
        });
        const own = found[`${network} ${file}`];
        differences.push(Math.max(...Array.from(p, (value, k) => Math.abs(value - own[k]))));
      }
      table[file] = differences.map((value) => value.toExponential(1)).join(", ");
      expect.soft(Math.max(...differences), file).toBeLessThan(0.01);
    }
    console.log("largest difference of probabilities from gmr predict (digits, colours):", table);
  });

  it("segments like Node, reports tiles, stops between them, and stays usable", async () => {
    const size = [90, 130] as const;
    const rgb = Array.from({ length: size[0] * size[1] * 3 }, (_, i) => (i * i * 7 + (i >> 3)) % 256);
    const options = { tile: 64, overlap: 12 };
    const found = await inPage(sites.vite, {}, (page) =>
      page.evaluate(
        async ([rgb, [height, width], tiles, options]) => {
          const segmenter = await gmrWeb.loadSegmenter("/segmenter/network.json", options);
          const rgba = Uint8ClampedArray.from({ length: (rgb.length / 3) * 4 }, (_, i) =>
            i % 4 === 3 ? 255 : rgb[(i >> 2) * 3 + (i % 4)],
          );
          const image = new ImageData(rgba, width, height);
          const controller = new AbortController();
          let before = 0;
          const stopped = await segmenter
            .segment(image, {
              ...tiles,
              signal: controller.signal,
              onProgress() {
                before++;
                controller.abort("enough");
              },
            })
            .catch((error) => error);
          const progress: string[] = [];
          const { mask, pixels, ...rest } = await segmenter.segment(image, {
            ...tiles,
            views: "flips",
            onProgress: ({ done, total }) => progress.push(`${done}/${total}`),
          });
          const whole = await segmenter.segment(await createImageBitmap(image));
          const file = await segmenter.segment("/images/deep.png");
          segmenter.dispose();
          const sizes = [whole, file].map(({ mask, width, height }) => [mask.length, width, height]);
          return { stopped, before, progress, mask: [...mask], pixels, rest, whole: [...whole.mask], sizes };
        },
        [rgb, size, options, WASM] as const,
      ),
    );
    expect([found.stopped, found.before]).toEqual(["enough", 1]);
    expect(found.progress.at(0)).toBe(`1/${found.progress.length}`);
    expect(found.rest).toMatchObject({ width: 130, height: 90 });
    expect(found.sizes).toEqual([
      [11_700, 130, 90],
      [6300, 90, 70],
    ]);
    for (const [mask, tiles, views] of [
      [found.mask, options, "flips"],
      [found.whole, {}, "none"],
    ] as const) {
      const parts: Uint8Array[] = [];
      const pixels = await segmentTiles(
        models.segmenter,
        planTiles(size, [32, 32], tiles),
        {
          channels: 3,
          read: (top, height) => Uint8Array.from(rgb.slice(top * 390, (top + height) * 390)),
          write: (rows) => parts.push(rows),
        },
        { views },
      );
      expect(mask).toEqual([...Buffer.concat(parts)]);
      if (mask === found.mask) expect(pixels).toEqual(found.pixels);
    }
    expect(found.pixels.reduce((a, b) => a + b)).toBe(90 * 130);
  });

  it("takes images in every form, in order, with no tensor left over", async () => {
    const found = await inPage(sites.vite, {}, async (page) => {
      const forms = await page.evaluate(async (options) => {
        const progress: string[] = [];
        const classifier = await gmrWeb.loadClassifier("digits", {
          ...options,
          onProgress: ({ stage, loaded, total }) => progress.push(`${stage} ${loaded === total}`),
        });
        Object.assign(globalThis, { classifier });
        const canvas = Object.assign(document.createElement("canvas"), { width: 120, height: 100 });
        const context = canvas.getContext("2d") as CanvasRenderingContext2D;
        context.fillStyle = "white";
        context.fillRect(52, 10, 16, 80);
        const address = canvas.toDataURL();
        const blob = await (await fetch(address)).blob();
        const image = Object.assign(new Image(), { src: address });
        const offscreen = new OffscreenCanvas(120, 100);
        offscreen.getContext("2d")?.drawImage(canvas, 0, 0);
        const sources = {
          canvas,
          offscreen,
          blob,
          file: new File([blob], "one.png"),
          address,
          url: new URL(address),
          image,
          bitmap: await createImageBitmap(canvas),
          pixels: context.getImageData(0, 0, 120, 100),
        };
        const answers = await Promise.all(
          Object.entries(sources).map(async ([name, source]) => {
            const { classes } = await classifier.classify(source, { top: 2 });
            return [name, classes[0].name, classes[0].probability, classes.length] as const;
          }),
        );
        const all = await classifier.classify(canvas, { views: "all" });
        return { answers, progress, sum: all.classes.reduce((sum, entry) => sum + entry.probability, 0) };
      }, WASM);
      const [worker] = page.workers();
      const tensors = (): Promise<number> =>
        worker.evaluate(
          () =>
            (globalThis as unknown as { _tfengine: { state: { numTensors: number } } })._tfengine.state
              .numTensors,
        );
      const before = await tensors();
      await page.evaluate(async () => {
        const { classifier } = globalThis as unknown as { classifier: import("./types.ts").Classifier };
        for (let i = 0; i < 20; i++)
          await classifier.classify("/images/rocket.jpg", i % 2 ? { views: "all" } : {});
        await classifier.useBackend("cpu");
        await classifier.useBackend("wasm");
      });
      return { ...forms, tensors: [before, await tensors()] };
    });
    expect(found.progress[0]).toBe("start false");
    expect(found.progress.at(-1)).toBe("compile true");
    expect(found.progress.some((text) => text.startsWith("weights"))).toBe(true);
    expect(found.sum).toBeCloseTo(1, 5);
    const [, , probability] = found.answers[0];
    for (const [name, digit, own, count] of found.answers) {
      expect([name, digit, count]).toEqual([name, "1", 2]);
      expect(Math.abs(own - probability)).toBeLessThan(1e-3);
    }
    expect(found.tensors[1]).toBe(found.tensors[0]);
  });

  it("says what is wrong with addresses, files, options and images", async () => {
    mkdirSync(at("broken", "cut"), { recursive: true });
    mkdirSync(at("broken", "later"), { recursive: true });
    mkdirSync(at("broken", "other"), { recursive: true });
    mkdirSync(at("broken", "model"), { recursive: true });
    const description = JSON.parse(readFileSync(at("digits", "network.json"), "utf8"));
    const put = (name: string, value: object): void =>
      writeFileSync(at("broken", name), JSON.stringify(value));
    put("cut/network.json", description);
    writeFileSync(
      at("broken/cut/weights.safetensors"),
      readFileSync(at("digits/weights.safetensors")).subarray(0, 5000),
    );
    put("later/network.json", { ...description, version: 2 });
    for (const name of ["model.json", "weights.bin"]) {
      cpSync(at("folded/model", name), at("broken/model", name));
    }
    put("model/network.json", { ...description, network: undefined, weights: "model.json" });
    truncateSync(at("broken/model/weights.bin"), 1000);
    put("other/network.json", { ...description, weights: "gone.safetensors" });
    writeFileSync(at("broken/page.json"), "<!doctype html><title>Home</title>");
    put("package.json", { name: "something" });
    const errors = await inPage(sites.vite, {}, (page) =>
      page.evaluate(async (options) => {
        const errors: Record<string, string> = {};
        const expectError = async (name: string, action: () => Promise<unknown>): Promise<void> => {
          errors[name] = await action().then(
            (value) => `no error: ${JSON.stringify(value)}`,
            (error) => `${error.code ?? error.name ?? error}: ${error.message}`,
          );
        };
        const load = (url: string) => () => gmrWeb.loadClassifier(url, options);
        for (const url of [
          "nowhere",
          "broken/cut",
          "broken/later",
          "broken/other",
          "broken/model",
          "broken/page.json",
        ])
          await expectError(url, load(url));
        await expectError("broken/package.json", load("broken/package.json"));
        await expectError("segmenter", load("segmenter"));
        await expectError("server", load("http://127.0.0.1:1/network.json"));
        await expectError("option", () =>
          gmrWeb.loadNetwork("digits", { ...options, treads: 2 } as typeof options),
        );
        await expectError("backend", () => gmrWeb.loadNetwork("digits", { backends: ["gpu" as "cpu"] }));
        await expectError("worker", () =>
          gmrWeb.loadNetwork("digits", { worker: () => new Worker("/no-worker.js") }),
        );
        await expectError("stopped", () =>
          gmrWeb.loadNetwork("digits", { ...options, signal: AbortSignal.abort() }),
        );
        const classifier = await gmrWeb.loadClassifier("digits", options);
        const classify =
          (image: unknown, more = {}) =>
          () =>
            classifier.classify(image as string, more);
        for (const file of ["text.png", "cut.jpg", "scan.tiff", "gone.png"])
          await expectError(file, classify(`/images/${file}`));
        await expectError("number", classify(7));
        await expectError("img", classify(Object.assign(new Image(), { src: "/images/gone.png" })));
        await expectError("video", classify(document.createElement("video")));
        await expectError("empty", classify(Object.assign(document.createElement("canvas"), { width: 0 })));
        await expectError("top", classify("/images/cell.png", { top: 0 }));
        await expectError("views", classify("/images/cell.png", { views: "some" }));
        await expectError("useBackend", () => classifier.useBackend("webgl" as "cpu"));
        const controller = new AbortController();
        const first = classifier.classify("/images/cell.png", { views: "all" });
        const waiting = classifier.classify("/images/cell.png", { signal: controller.signal });
        setTimeout(() => controller.abort());
        await expectError("aborted", () => waiting);
        await first;
        await classifier.classify("/images/cell.png");
        const pending = classifier.classify("/images/rocket.jpg");
        setTimeout(() => classifier.dispose());
        await expectError("disposed", () => pending);
        await expectError("later", classify("/images/cell.png"));
        return errors;
      }, WASM),
    );
    const expected: Record<string, RegExp> = {
      nowhere:
        /^io: .*\/nowhere\/network.json: expected the description of a network, the server answered 404/,
      "broken/cut":
        /^invalid-data: .*weights.safetensors: (tensor .* of \d+ bytes|the header .* the file has 5000)/,
      "broken/later": /^unsupported: .*version 2 of the format, this program reads version 1/,
      "broken/other": /^io: .*gone.safetensors: expected the weights of the network, the server answered 404/,
      "broken/model": /^invalid-data: .*model.json: its weights are \d+ bytes, the files have 1000/,
      "broken/page.json": /^invalid-data: .*page.json: expected the description of a network, got a web page/,
      "broken/package.json": /^invalid-data: .*expected "format": "gmr-conv network", got undefined/,
      segmenter:
        /^invalid-argument: .*this network is for segmentation, not classification: use loadSegmenter/,
      server: /^io: .*could not be fetched/,
      option: /^invalid-argument: .*have no "treads": did you mean threads/,
      backend: /^invalid-argument: backends must be one of "webgpu", "wasm", "cpu", got "gpu"/,
      worker: /^unsupported: the worker of the option worker did not start/,
      stopped: /^20: |^AbortError/,
      "text.png": /^invalid-data: .*text.png: expected an image that .*, got text, "This is not an image."/,
      "cut.jpg": /^invalid-data: .*got a damaged JPEG file/,
      "scan.tiff": /^invalid-data: .*got a TIFF file/,
      "gone.png": /^io: .*gone.png: expected an image, the server answered 404/,
      number: /^invalid-argument: image must be a file \(Blob\), .*, got 7/,
      img: /^invalid-data: the <img> element has no picture: .*gone.png could not be loaded/,
      video: /^invalid-data: the video has no picture yet/,
      empty: /^invalid-data: the canvas has no pixels/,
      top: /^invalid-argument: top must be a positive integer, got 0/,
      views: /^invalid-argument: views must be one of "none", "flips", "all", got "some"/,
      useBackend: /^invalid-argument: backend must be one of .*, got "webgl"/,
      aborted: /^20: |^AbortError/,
      disposed: /^interrupted: the network was disposed of/,
      later: /^interrupted: the network was disposed of/,
    };
    for (const [name, message] of Object.entries(expected)) expect.soft(errors[name], name).toMatch(message);
  });

  it("computes on WebGPU, and goes on with wasm when the device is lost", async () => {
    const options = { ...WASM, backends: ["webgpu", "wasm"] as const, softwareAdapter: true };
    await inPage(sites.vite, {}, async (page) => {
      const first = await page.evaluate(
        async ([options]) => {
          const classifier = await gmrWeb.loadClassifier("digits", options);
          Object.assign(globalThis, { classifier });
          const { classes } = await classifier.classify("/images/cell.png");
          return { backend: classifier.backend, classes };
        },
        [options] as const,
      );
      if (first.backend.name !== "webgpu") {
        console.warn(`WebGPU is not tested: ${first.backend.skipped[0]?.reason}`);
        return;
      }
      await page.workers()[0].evaluate(() => {
        const engine = (
          globalThis as unknown as { _tfengine: { registry: Record<string, { device: GPUDevice }> } }
        )._tfengine;
        engine.registry.webgpu.device.destroy();
      });
      const second = await page.evaluate(async () => {
        const { classifier } = globalThis as unknown as { classifier: import("./types.ts").Classifier };
        const { classes } = await classifier.classify("/images/cell.png");
        const after = classifier.backend;
        const again = await classifier.useBackend("webgpu");
        return { after, again, classes };
      });
      expect(second.after).toMatchObject({ name: "wasm", skipped: [{ backend: "webgpu" }] });
      expect(second.after.skipped[0].reason).toMatch(/device was lost \(destroyed/);
      expect(second.again.name).toBe("webgpu");
      for (const [i, { name, probability }] of second.classes.entries()) {
        expect(name).toBe(first.classes[i].name);
        expect(Math.abs(probability - first.classes[i].probability)).toBeLessThan(1e-5);
      }
    });
  });

  it("runs the README's example, which prints what it says", async () => {
    const readme = readFileSync(fileURLToPath(new URL("../README.md", import.meta.url)), "utf8");
    const [, example = ""] = /```js\n(.*?)```/s.exec(readme) ?? [];
    const [, expected = ""] = /```text\n(.*?)```/s.exec(readme) ?? [];
    const site = at("readme");
    mkdirSync(site);
    cpSync(at("digits"), path.join(site, "network"), { recursive: true });
    const stroke = '<line x1="80" y1="40" x2="120" y2="160" stroke="white" stroke-width="18"/>';
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="200" height="200">${stroke}</svg>`;
    await sharp(Buffer.from(svg)).flatten({ background: "black" }).png().toFile(path.join(site, "digit.png"));
    writeFileSync(at("page.js"), example);
    cpSync(await viteBuild(folder), site, { recursive: true });
    const server = await serve(site);
    const page = await browser.newPage();
    try {
      const printed = page.waitForEvent("console", (message) => message.type() === "log");
      await page.goto(server.address);
      expect(`${(await printed).text()}\n`).toBe(expected);
    } finally {
      await page.close();
      server.close();
    }
  });
});
