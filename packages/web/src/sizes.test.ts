// What a page downloads, and what the README says about it.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { expect, it } from "vitest";

const at = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

/** The page's side as a bundler delivers it, without what it loads on demand. */
async function pageSide(): Promise<string> {
  const result = await build({
    root: at("."),
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      lib: { entry: at("dist/index.js"), formats: ["es"] },
      rolldownOptions: { external: /prebuilt/, output: { minify: true } },
      assetsInlineLimit: 0,
    },
  });
  const [{ output }] = result as { output: { code?: string; fileName: string }[] }[];
  return output[0].code ?? "";
}

it("is small in the page, and as large in all as the README says", async () => {
  const texts: Record<string, string> = {
    "the page's side": await pageSide(),
    "`worker.js`": readFileSync(at("dist/worker.js"), "utf8"),
    "`prebuilt/workerText.js`": readFileSync(at("dist/prebuilt/workerText.js"), "utf8"),
    "`prebuilt/engine.js`": readFileSync(at("dist/prebuilt/engine.js"), "utf8"),
    "`gmr-web.js`": readFileSync(at("dist/gmr-web.js"), "utf8"),
  };
  const readme = readFileSync(at("README.md"), "utf8");
  for (const [name, text] of Object.entries(texts)) {
    const sizes = [text.length, gzipSync(text).length].map((bytes) => bytes / 1000);
    console.log(`${name}: ${sizes.map((size) => `${Math.round(size)} kB`).join(", compressed ")}`);
    const row = readme.split("\n").find((line) => line.startsWith(`| ${name}`)) ?? "";
    const said = [...row.matchAll(/([\d,]+) kB/g)].map(([, number]) => Number(number.replace(",", "")));
    expect(said.length, name).toBe(2);
    for (const [i, size] of sizes.entries())
      expect(Math.abs(said[i] - size), name).toBeLessThan(1 + 0.1 * size);
  }
});
