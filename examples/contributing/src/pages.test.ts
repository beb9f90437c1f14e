// The pages on contributing quote files that exist and run: a block of code names its file after the language, and must
// be found there word for word; of a change (`diff`), everything but the lines that it adds.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const folder = path.join(root, "docs/contributing");
const pages = readdirSync(folder).filter((name) => name.endsWith(".md"));
const read = (file: string): string => readFileSync(path.join(root, file), "utf8");
/** Without indentation: the formatter moves quotes from within functions to the left. */
const flushLeft = (code: string): string => code.replace(/^ +/gm, "");

/** Languages of blocks that are quotes. */
const CODE = ["ts", "js", "assemblyscript", "diff"];

interface Block {
  language: string;
  file: string;
  code: string;
}

function blocksOf(text: string): Block[] {
  return [...text.matchAll(/^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm)].map(([, language, file, code]) => ({
    language,
    file,
    code,
  }));
}

/** The parts of a change that its file must hold already. */
function unchanged(diff: string): string[] {
  const lines = diff.split("\n").filter((line) => line !== "");
  for (const line of lines) expect(line, "a line of a change begins with + or a space").toMatch(/^[+ ]/);
  return lines
    .map((line) => (line.startsWith("+") ? "\n" : `${line.slice(1)}\n`))
    .join("")
    .split(/^\n+/m)
    .filter((part) => part !== "");
}

describe.each(pages)("docs/contributing/%s", (page) => {
  const text = read(`docs/contributing/${page}`);
  const quotes = blocksOf(text).filter(({ language }) => CODE.includes(language));
  const numbered = quotes.map((block, i) => [`${i + 1}, of ${block.file}`, block] as const);

  it.each(numbered)("quotes code word for word: block %s", (_, { language, file, code }) => {
    expect(file, `a block of ${language} names its file`).not.toBe("");
    const parts = language === "diff" ? unchanged(code) : [code];
    const missing = parts.filter((part) => !flushLeft(read(file)).includes(flushLeft(part)));
    expect(missing).toEqual([]);
  });

  it("links to what exists", () => {
    const links = [...text.matchAll(/\]\(([^)#:]+)[^):]*\)/g)].map(([, link]) => path.resolve(folder, link));
    expect(links.filter((file) => !existsSync(file))).toEqual([]);
  });

  it("names files that exist, but for those that the reader is to write", () => {
    const named = [
      ...text.matchAll(/`((?:packages|apps|examples|docs|tooling)\/[\w./-]+\.\w+)`( \(new\))?/g),
    ];
    const missing = named.filter(([, file, isNew]) => !isNew && !existsSync(path.join(root, file)));
    expect(missing.map(([, file]) => file)).toEqual([]);
  });
});

it("has a page for each kind of addition", () => {
  const kinds = ["README", "backend", "command", "data-set", "layer", "model", "op"];
  expect(pages.sort()).toEqual(kinds.map((kind) => `${kind}.md`));
});
