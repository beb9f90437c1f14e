// The code of the guide: blocks that say what they print are run, all are compiled; and so is the TypeScript of READMEs,
// whose JavaScript runs in tests of the packages. (Pages on contributing quote files: examples/contributing checks them.)

import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { blocksOf, markdownFiles, read } from "./markdown.mjs";

const docs = fileURLToPath(new URL("..", import.meta.url));
const folder = path.join(docs, "node_modules", ".code");
const pages = markdownFiles().filter((file) => /^(?:docs\/(?!contributing)|packages\/|README)/.test(file));

const blocks = pages.flatMap((page) =>
  blocksOf(read(page))
    .map((block, i, all) => ({ ...block, page, i, expected: all[i + 1] }))
    .filter(({ language }) => language === "ts" || (language === "js" && page.startsWith("docs/"))),
);

/** What blocks take for granted: the package that the page on deployment lets one make, and values of the reader's. */
const GIVEN = `
declare module "which-leaf" {
  export function predict(image: string): Promise<{ classes: { name: string; probability: number }[] }>;
}
declare const model: import("@tensorflow/tfjs").LayersModel;
declare const x: import("@tensorflow/tfjs").Tensor;
declare const y: import("@tensorflow/tfjs").Tensor;
declare const bytes: Uint8Array;
declare const images: Float32Array;
declare const volumes: Float32Array;
`;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("is correctly typed", () => {
  mkdirSync(folder, { recursive: true });
  for (const { page, i, language, code } of blocks) {
    const name = `${page.replaceAll("/", "-").replace(/\.md$/, "")}-${i}.${language === "js" ? "mjs" : "mts"}`;
    writeFileSync(path.join(folder, name), code);
  }
  writeFileSync(path.join(folder, "given.d.ts"), GIVEN);
  const compilerOptions = {
    noEmit: true,
    allowJs: true,
    checkJs: true,
    noImplicitAny: false,
    noUnusedLocals: false,
  };
  const tsconfig = { extends: "../../tsconfig.json", compilerOptions, include: ["*"] };
  writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify(tsconfig));
  const tsc = path.join(docs, "node_modules", "typescript", "bin", "tsc");
  let problems = "";
  try {
    execFileSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    problems = (error as { stdout: string }).stdout;
  }
  console.log(`${blocks.length} blocks of code compiled`);
  expect(problems).toBe("");
});

describe("prints what the page says", () => {
  const complete = blocks.filter(
    ({ language, expected }) => language === "js" && expected?.language === "text",
  );

  it.each(complete)("$page, block $i", ({ code, expected }) => {
    const args = ["--input-type=module", "-e", code];
    const printed = execFileSync(process.execPath, args, { cwd: docs, encoding: "utf8", stdio: "pipe" });
    expect(printed).toBe(expected.code);
  });

  it("at least once", () => expect(complete.length).toBeGreaterThan(1));
});
