// The same pages in Firefox as in Chromium, with the same numbers; an exported page; the demo.

import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { pngDataUri } from "../../apps/trainer/src/report/png.ts";
import { servePages } from "../testing/chromium.ts";
import { visitBuilt } from "./bundlers.ts";
import { type Check, type Consumer, chromium, inFirefox, LAYER, repository, TFJS } from "./checks.ts";
import { type InstalledBrowser, ISOLATION, withPage } from "./pages.ts";
import { scriptTag } from "./scriptTag.ts";

const pageProgram = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`programs/${name}`, import.meta.url)), "utf8");

function noErrors(errors: readonly string[]): void {
  if (errors.length > 0) throw new Error(`the console says: ${errors.join("\n")}`);
}

/** A digit of the demo, as a PNG file of 28×28 pixels. */
function digit(): string {
  const { digits } = JSON.parse(
    readFileSync(path.join(repository, "apps/demo/public/samples/digits.json"), "utf8"),
  );
  const grey = Buffer.from(digits[6].pixels, "base64");
  const rgba = Uint8Array.from({ length: 4 * grey.length }, (_, i) => (i % 4 === 3 ? 255 : grey[i >> 2]));
  return pngDataUri(28, 28, rgba);
}

interface Answer {
  /** By class, from 0 to 1. */
  shares: Record<string, number>;
  backend: string;
}

/** The exported page's answer, which is that of `gmr predict`. */
const exported = (headers: Readonly<Record<string, string>>): Check["run"] =>
  inFirefox((browser) => async (project) => {
    const image = digit();
    const file = path.join(project.folder, "digit.png");
    writeFileSync(file, Buffer.from(image.split(",")[1], "base64"));
    const gmr = (...args: string[]): Promise<string> => project.run("npx", ["--no-install", "gmr", ...args]);
    await gmr("export", "web", "gmr-mnist", "page", "--overwrite");
    const [expected] = JSON.parse(await gmr("predict", "gmr-mnist", file, "--json"));
    const server = await servePages({ "": path.join(project.folder, "page") }, headers);
    try {
      const answer = await withPage(
        browser,
        server.address,
        async (page) => {
          await page.evaluate(`globalThis.image = ${JSON.stringify(image)}`);
          return (await page.evaluate(pageProgram("exported.js"))) as Answer;
        },
        noErrors,
      );
      const share = answer.shares[expected.class];
      if (!(Math.abs(share - expected.probability) < 1e-4)) {
        throw new Error(
          `${JSON.stringify(answer)}: expected ${expected.class} with ${expected.probability}, as gmr predict`,
        );
      }
      return `${expected.class} with ${share.toFixed(4)}; ${answer.backend.trim()}`;
    } finally {
      server.close();
    }
  });

type Bars = Record<"gmr" | "dense", number[]>;

interface Shown {
  /** Percentages by angle. */
  turn: Record<"0" | "45" | "90", Bars>;
  segment: { dense: number[] };
  steps: Record<"gmr" | "dense", number>;
  backend: string;
}

async function visitDemo(browser: InstalledBrowser): Promise<Shown> {
  const server = await servePages({ "": path.join(repository, "apps/demo/dist") }, ISOLATION);
  try {
    return await withPage(
      browser,
      server.address,
      async (page) => (await page.evaluate(pageProgram("demo.js"))) as Shown,
      noErrors,
    );
  } finally {
    server.close();
  }
}

/** The demo shows the same in Firefox as in Chromium, and the GMR network answers the same at quarter turns. */
const demo = inFirefox((browser) => async () => {
  const { turn, segment, steps, backend } = await visitDemo(browser);
  const say = JSON.stringify;
  if (say(turn[90].gmr) !== say(turn[0].gmr)) {
    throw new Error(`the GMR network at 90°: ${turn[90].gmr}, expected ${turn[0].gmr} as at 0°`);
  }
  const did = `${steps.gmr} and ${steps.dense} steps of training; ${backend}`;
  if (!chromium) return `${did}; not compared, without Chromium`;
  const expected = await visitDemo(chromium);
  const all = (shown: Shown): number[] => [
    ...Object.values(shown.turn).flatMap(({ gmr, dense }) => [...gmr, ...dense]),
    ...shown.segment.dense,
  ];
  const [found, wanted] = [all({ turn, segment, steps, backend }), all(expected)];
  // Percentages as they are shown, rounded.
  const same = found.length === wanted.length && found.every((value, i) => Math.abs(value - wanted[i]) <= 1);
  if (!same) throw new Error(`percentages ${found.join(" ")}: expected ${wanted.join(" ")} as in Chromium`);
  return `${found.length} percentages as in Chromium; ${did}`;
});

export const firefox = (allPackages: readonly string[]): Consumer => ({
  name: "firefox",
  packages: allPackages,
  dependencies: [...TFJS, "vite@8"],
  programs: [...LAYER, "reference.js", "script.html", "page.js", "worker.js", "index.html"],
  checks: [
    { what: "core by script tag", run: scriptTag(inFirefox) },
    {
      what: "vite build, page and worker",
      run: inFirefox((browser) => async (project) => {
        await project.run("npx", ["--no-install", "vite", "build"]);
        return visitBuilt((run) => run(browser), {}, 1)(project);
      }),
    },
    { what: "vite build, page and worker, isolated", run: visitBuilt(inFirefox, ISOLATION, 2) },
    { what: "page of gmr export web", run: exported({}) },
    { what: "page of gmr export web, isolated", run: exported(ISOLATION) },
    { what: "demo: its panels, and a few steps of training", run: demo },
  ],
});
