// The code of the guide: blocks that say what they print are run, all are compiled. (Pages on contributing quote files;
// examples/contributing checks them. READMEs are checked in their packages.)

import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { blocksOf, markdownFiles, read } from "./markdown.mjs";

const docs = fileURLToPath(new URL("..", import.meta.url));
const folder = path.join(docs, "node_modules", ".code");
const pages = markdownFiles().filter((file) => /^docs\/(?!contributing)/.test(file));

const blocks = pages.flatMap((page) =>
  blocksOf(read(page))
    .map((block, i, all) => ({ ...block, page, i, expected: all[i + 1] }))
    .filter(({ language }) => language === "js" || language === "ts"),
);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("is correctly typed", () => {
  mkdirSync(folder, { recursive: true });
  for (const { page, i, language, code } of blocks) {
    const name = `${page.replaceAll("/", "-").replace(/\.md$/, "")}-${i}.${language === "js" ? "mjs" : "mts"}`;
    writeFileSync(path.join(folder, name), code);
  }
  // The package that the page on deployment lets the reader make.
  const leaf = `declare module "which-leaf" {
    export function predict(image: string): Promise<{ classes: { name: string; probability: number }[] }>;
  }`;
  writeFileSync(path.join(folder, "which-leaf.d.ts"), leaf);
  const compilerOptions = {
    noEmit: true,
    allowJs: true,
    checkJs: true,
    noImplicitAny: false,
    noUnusedLocals: true,
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
