// Networks exported as pages and as packages for Node, and used as their users do.

import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { decodeMask } from "@gmr-conv/data/node";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium, servePages } from "../../../../tooling/testing/chromium.ts";
import { installPacked } from "../../../../tooling/testing/installPacked.ts";
import { gmr, temporaryFolder } from "../../testing/cli.ts";
import { trainOnDiscs } from "../../testing/discs.ts";
import {
  accessibilityProblems,
  dropFile,
  type OpenedPage,
  openPage,
  settled,
  sharesOn,
  startBrowser,
} from "../../testing/exportedPage.ts";

const root = temporaryFolder();
const at = (...names: string[]): string => path.join(root, ...names);
const run = (name: string): string => at("runs", name);
const image = at("classes", "large", "3.png");
const scene = at("masks", "images", "5.png");

/** What gmr predict says of the images. */
let row: { class: string; probability: number; class2: string; probability2: number };
let shares: Record<string, number>;

beforeAll(async () => {
  await trainOnDiscs(root);
  const classified = await gmr(["predict", run("c"), image, "--top", "2", "--json"]);
  [row] = JSON.parse(classified.stdout);
  const segmented = await gmr(["predict", run("s"), scene, "--masks", at("found"), "--json"]);
  [shares] = JSON.parse(segmented.stdout);
}, 240_000);

describe("gmr export", () => {
  it("writes a page, over its own earlier output only", async () => {
    const exportPage = (...more: string[]) => gmr(["export", "web", run("c"), at("page"), ...more]);
    const first = await exportPage();
    const evaluation =
      "No evaluation of these weights to quote: gmr eval makes one, and another export shows it.";
    const said = `Reading ${run("c")} …\n${evaluation}\nWriting ${at("page")} …\n`;
    expect([first.code, first.stderr]).toEqual([0, said]);
    expect(first.stdout).toMatch(/network\/weights\.safetensors +│ +\d+ kB/);
    const files = readdirSync(at("page")).sort();
    expect(files).toEqual([
      "README.txt",
      "assets",
      "files.json",
      "icon.svg",
      "index.html",
      "network",
      "opened.js",
      "sw.js",
    ]);

    const evaluated = await gmr(["eval", "--runs", at("runs"), "--name", "c", "--rotations", "90", "--json"]);
    const [{ upright, mean }] = JSON.parse(evaluated.stdout).networks;
    const again = await exportPage("--json", "--title", "Two discs", "--folded");
    expect([again.code, again.stderr]).toEqual([0, ""]);
    const written = JSON.parse(again.stdout);
    expect(written).toMatchObject({
      kind: "web",
      folder: at("page"),
      title: "Two discs",
      shape: [16, 16, 1],
    });
    expect(written.classNames).toEqual(["large", "small"]);
    const names = written.files.map(({ file }: { file: string }) => file);
    expect(names).toContain("network/model.json");
    expect(names).not.toContain("network/weights.safetensors");
    const description = JSON.parse(readFileSync(at("page", "network", "network.json"), "utf8"));
    expect(description.card).toMatchObject({ title: "Two discs", data: { name: "classes" } });
    expect(description.card.accuracy).toMatchObject({
      score: "accuracy",
      upright: upright.score ?? upright,
      mean,
    });
    expect(description.card.accuracy.angles).toHaveLength(4);

    mkdirSync(at("notes"));
    writeFileSync(at("notes", "notes.txt"), "mine");
    const refused = await gmr(["export", "web", "gmr-mnist", at("notes")]);
    expect([refused.code, refused.stderr.split("\n").at(-2)]).toEqual([
      1,
      `gmr: ${at("notes")} has other files (notes.txt): choose an empty or new folder, or add --overwrite to write ` +
        "among them",
    ]);
    const among = await gmr(["export", "web", "gmr-mnist", at("notes"), "--overwrite"]);
    expect([among.code, readFileSync(at("notes", "notes.txt"), "utf8")]).toEqual([0, "mine"]);
    expect(existsSync(at("notes", "index.html"))).toBe(true);
  });

  it("says what cannot be exported", async () => {
    const errorOf = async (...args: string[]) => (await gmr(["export", ...args])).stderr.split("\n").at(-2);
    expect(await errorOf("web", at("nowhere"), at("none"))).toContain("expected the folder of a run");
    expect(await errorOf("web", run("c"), at("none"), "--network", "other")).toContain('no network "other"');
    expect(await errorOf("node", run("c"), at("none"), "--package-name", "Not A Name")).toBe(
      'gmr: package name "Not A Name": expected lower-case letters, digits, "-", "_" and ".", as npm does',
    );
    writeFileSync(at("file"), "");
    expect(await errorOf("web", run("c"), at("file"))).toContain("it is a file, expected a folder");
    const folded = await errorOf("web", run("s"), at("none"), "--folded");
    expect(folded).toMatch(/cannot be folded for images of any size \(layer .*\): leave out --folded$/);
    expect(existsSync(at("none"))).toBe(false);
  });
});

describe("a package for Node, with the packages as they are published", () => {
  const parts = [
    "core",
    "tfjs",
    "models",
    "data",
    "io",
    "distributed",
    "training",
    "backend-wasm",
    "web",
    "predict",
  ];
  let folder: string;
  let remove = (): void => {};

  beforeAll(async () => {
    ({ folder, remove } = installPacked(parts));
    for (const name of ["c", "s"]) {
      const exported = await gmr(["export", "node", run(name), at(`discs-${name}`)]);
      expect([exported.code, exported.code === 0 ? "" : exported.stderr]).toEqual([0, ""]);
      // As `npm install ./discs-c` does, without a registry.
      cpSync(at(`discs-${name}`), path.join(folder, "node_modules", `discs-${name}`), { recursive: true });
    }
    writeFileSync(path.join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
  }, 120_000);

  afterAll(() => remove());

  function runProgram<Answer>(text: string): Answer {
    writeFileSync(path.join(folder, "program.js"), text);
    const options = { cwd: folder, encoding: "utf8", stdio: "pipe" } as const;
    return JSON.parse(execFileSync(process.execPath, ["program.js"], options)) as Answer;
  }

  it("gives the probabilities of gmr predict", () => {
    const { classes, names } = runProgram<{
      classes: { name: string; probability: number }[];
      names: string[];
    }>(`
      import { classNames, predict } from "discs-c";
      const { classes } = await predict(${JSON.stringify(image)});
      console.log(JSON.stringify({ classes, names: classNames }));
    `);
    expect(names).toEqual(["large", "small"]);
    expect(classes[0].name).toBe(row.class);
    expect(Math.abs(classes[0].probability - row.probability)).toBeLessThanOrEqual(1e-6);
    expect(Math.abs(classes[1].probability - row.probability2)).toBeLessThanOrEqual(1e-6);
  });

  it("gives the mask of gmr predict", async () => {
    const answer = runProgram<{ mask: number[]; width: number; pixels: number[] }>(`
      import { readFileSync } from "node:fs";
      import { predict } from "discs-s";
      const { mask, width, pixels } = await predict(readFileSync(${JSON.stringify(scene)}));
      console.log(JSON.stringify({ mask: [...mask], width, pixels }));
    `);
    const { data, shape } = await decodeMask(at("found", "5.png"));
    expect(answer.mask).toEqual([...data]);
    expect([answer.width, answer.pixels.length]).toEqual([shape[1], 2]);
  });

  it("has types for its own classes", () => {
    const program = `
      import { type ClassName, predict } from "discs-c";
      import { predict as segment } from "discs-s";
      const { classes } = await predict({ data: new Uint8Array(256), width: 16, height: 16, channels: 1 });
      const best: ClassName = classes[0].name;
      const { mask }: { mask: Uint8Array } = await segment(new URL("file:///image.png"), { tile: 64 });
      // @ts-expect-error not a class
      const other: ClassName = "medium";
      console.log(best, mask, other);
    `;
    writeFileSync(path.join(folder, "program.ts"), program);
    writeFileSync(
      path.join(folder, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: {
          strict: true,
          noEmit: true,
          module: "NodeNext",
          target: "ES2022",
          lib: ["ES2022", "DOM"],
          types: [],
        },
        files: ["program.ts"],
      }),
    );
    const tsc = fileURLToPath(new URL("../../../../node_modules/typescript/bin/tsc", import.meta.url));
    const options = { cwd: folder, encoding: "utf8" } as const;
    const { stdout } = spawnSync(process.execPath, [tsc, "-p", folder, "--pretty", "false"], options);
    const ours = stdout
      .split("\n")
      .filter((line) => /^(node_modules\/(discs|@gmr-conv)|program\.ts|error)/.test(line));
    expect(ours.join("\n"), stdout).toBe("");
  });
});

const executable = findChromium();

describe.skipIf(!executable)("a page in Chromium, on a host with a strict policy", () => {
  let browser: Browser;
  const opened: OpenedPage[] = [];

  beforeAll(async () => {
    for (const name of ["c", "s"]) {
      const exported = await gmr(["export", "web", run(name), at("pages", name)]);
      expect([exported.code, exported.code === 0 ? "" : exported.stderr]).toEqual([0, ""]);
    }
    browser = await startBrowser(executable ?? "");
    for (const name of ["c", "s"]) opened.push(await openPage(browser, at("pages", name)));
  }, 120_000);

  afterAll(async () => {
    for (const { close } of opened) await close();
    await browser?.close();
  });

  it("says what gmr predict says of a dropped image, and the same of the turned one", async () => {
    const [{ page, problems }] = opened;
    await dropFile(page, image);
    const upright = await sharesOn(page);
    expect(Math.abs((upright.get(row.class) ?? 0) - row.probability)).toBeLessThan(1e-4);
    expect(Math.abs((upright.get(row.class2) ?? 0) - row.probability2)).toBeLessThan(1e-4);

    const turned = async (degrees: string): Promise<Map<string, number>> => {
      await page.fill("#turn", degrees);
      await settled(page);
      return sharesOn(page);
    };
    for (const degrees of ["90", "180", "-90"]) {
      const found = await turned(degrees);
      expect(Math.abs((found.get(row.class) ?? 0) - row.probability)).toBeLessThan(1e-4);
    }
    for (const degrees of ["37", "-100"]) expect([...(await turned(degrees)).keys()][0]).toBe(row.class);
    await page.click("text=Upright");
    await page.click("text=Mirror");
    await settled(page);
    const mirrored = await sharesOn(page);
    expect(Math.abs((mirrored.get(row.class) ?? 0) - row.probability)).toBeLessThan(1e-4);
    await page.focus("#turn");
    await page.keyboard.press("ArrowRight");
    expect(await page.textContent("output")).toBe("1° right");
    await page.click("text=Try every angle");
    await page.waitForSelector(`text=/^${row.class} at .*24 angles, with /`);
    expect(problems).toEqual([]);
  });

  it("goes from one backend to another with the same answer", async () => {
    const [{ page, problems }] = opened;
    await page.click("text=Upright");
    await page.click("text=Mirror");
    await settled(page);
    const before = await sharesOn(page);
    expect(await page.inputValue("#backend")).toBe("wasm");
    expect(await page.textContent(".engine")).toMatch(/WebGPU.*software adapter/);
    for (const backend of ["webgpu", "wasm"]) {
      await page.selectOption("#backend", backend);
      await page.waitForFunction(() => !document.querySelector<HTMLSelectElement>("#backend")?.disabled);
      expect([backend, await page.inputValue("#backend")]).toEqual([backend, backend]);
      await settled(page);
      const after = await sharesOn(page);
      for (const [name, share] of before) expect(after.get(name)).toBeCloseTo(share, 4);
    }
    expect(problems).toEqual([]);
  });

  it("reads drawings and the camera, and says what it cannot read", async () => {
    const [{ page, problems }] = opened;
    await page.click("text=Draw");
    const { x, y, width } = (await (await page.$(".stage canvas"))?.boundingBox()) ?? {
      x: 0,
      y: 0,
      width: 0,
    };
    await page.mouse.move(x + 0.4 * width, y + 0.4 * width);
    await page.mouse.down();
    await page.mouse.move(x + 0.6 * width, y + 0.6 * width, { steps: 5 });
    await page.mouse.up();
    await settled(page);
    const drawn = await sharesOn(page);
    expect([...drawn.values()].reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 4);
    expect(drawn.get("large")).toBeGreaterThan(0);

    const both = ["small", "large"].map((name) => at("classes", name, "7.png"));
    await page.setInputFiles("input[type=file]", both);
    await page.waitForFunction(() => document.querySelectorAll(".thumbnail").length === 3);
    await page.click("button[aria-pressed=false] >> img >> nth=-1");
    await settled(page);
    await page.click("text=Camera");
    await page.waitForSelector("text=Stop the camera");
    await sharesOn(page);
    await page.click("text=Stop the camera");
    await page.waitForSelector("text=The answer to an image appears here");

    writeFileSync(at("letter.txt"), "Dear network");
    await page.setInputFiles("input[type=file]", at("letter.txt"));
    await page.waitForSelector("text=letter.txt (text/plain) is not an image that this browser can read");
    await page.click("text=Close");
    expect(problems).toEqual([]);
  });

  it("shows the mask of gmr predict over an image, turns it along, and gives it away", async () => {
    const { page, problems } = opened[1];
    await dropFile(page, scene);
    const shown = await sharesOn(page);
    expect([...shown.keys()]).toEqual(["background", "class 1"]);
    for (const [name, share] of shown) expect(share).toBeCloseTo(shares[name], 3);

    const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=Download mask")]);
    expect(download.suggestedFilename()).toBe("5-mask.png");
    await download.saveAs(at("downloaded.png"));
    const [mine, its] = [await decodeMask(at("found", "5.png")), await decodeMask(at("downloaded.png"))];
    expect(its.shape).toEqual(mine.shape);
    const different = mine.data.filter((label, i) => label !== its.data[i]).length;
    expect(different).toBeLessThanOrEqual(mine.data.length / 1000);

    await page.fill("#turn", "90");
    await settled(page);
    expect((await sharesOn(page)).get("class 1")).toBeCloseTo(shares["class 1"], 3);
    await page.fill("#turn", "30");
    await settled(page);
    expect((await sharesOn(page)).get("class 1")).toBeCloseTo(shares["class 1"], 1);
    const painted = await page.$eval("canvas.overlay", (canvas) => {
      const { width, height } = canvas as HTMLCanvasElement;
      const context = (canvas as HTMLCanvasElement).getContext("2d");
      return context?.getImageData(0, 0, width, height).data.filter((value, i) => i % 4 === 3 && value > 0)
        .length;
    });
    expect(painted).toBeGreaterThan(10);
    expect(problems).toEqual([]);
  });

  it("breaks no rule of axe-core, light and dark, wide and narrow", async () => {
    for (const { page } of opened) {
      await dropFile(page, at("masks", "images", "6.png"));
      await sharesOn(page);
      for (const colorScheme of ["light", "dark"] as const) {
        for (const width of [360, 1400]) {
          await page.emulateMedia({ colorScheme });
          await page.setViewportSize({ width, height: 800 });
          expect(await accessibilityProblems(page)).toEqual([]);
          expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
        }
      }
    }
  });

  it("works without a network once visited, and isolated on hosts that do not isolate it", async () => {
    const folder = at("offline");
    expect((await gmr(["export", "web", run("c"), folder])).code).toBe(0);
    const server = await servePages({ "": folder });
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(server.address);
    await page.waitForFunction(() => navigator.serviceWorker.controller?.state === "activated");
    server.close();
    await context.setOffline(true);
    await page.reload();
    await page.waitForSelector("#backend");
    await dropFile(page, image);
    expect((await sharesOn(page)).get(row.class)).toBeCloseTo(row.probability, 3);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    await context.close();
  });

  it("says how to serve it if it is opened as a file", async () => {
    const page = await browser.newPage();
    await page.goto(pathToFileURL(at("pages", "c", "index.html")).href);
    expect(await page.textContent("#app")).toContain("Serve its folder instead");
    await page.close();
  });

  it("says so if the network is not there", async () => {
    cpSync(at("pages", "c"), at("pages", "bare"), { recursive: true });
    rmSync(at("pages", "bare", "network"), { recursive: true });
    const context = await browser.newContext();
    const server = await servePages({ "": at("pages", "bare") });
    const page = await context.newPage();
    await page.goto(server.address);
    await page.waitForSelector("text=The network could not be loaded.");
    expect(await page.textContent("[role=alert]")).toContain("network/network.json: the server answers 404");
    await context.close();
    server.close();
  });
});
