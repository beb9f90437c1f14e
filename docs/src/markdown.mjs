// Reading the repository's Markdown files.

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { headingId } from "./links.mjs";

export const root = fileURLToPath(new URL("../../", import.meta.url));

/** @returns {string[]} Markdown files below a folder that people wrote. */
function below(folder) {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = path.posix.join(folder, entry.name);
    const isOurs = !/^(?:node_modules|dist|\..*)$/.test(entry.name) && name !== "docs/api";
    if (entry.isDirectory()) return isOurs ? below(name) : [];
    return /(?<!CHANGELOG)\.md$/.test(entry.name) ? [name] : [];
  });
}

/** Pages of the site and READMEs, as paths in the repository. */
export const markdownFiles = () => [
  "README.md",
  ...["docs", "packages", "apps", "examples", "tooling"].flatMap(below),
];

/** @param {string} file */
export const read = (file) => readFileSync(path.join(root, file), "utf8");

/**
 * The text without blocks and pieces of code.
 * @param {string} text
 */
const prose = (text) =>
  text.replace(/^```[\s\S]*?^```$/gm, "").replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]]/g, " "));

/**
 * Targets of links and pictures.
 * @param {string} text
 */
export const linksOf = (text) =>
  [...prose(text).matchAll(/\]\(([^)\s]+)[^)]*\)/g)].map(([, target]) => target);

/**
 * Ids of headings, the n-th of equal ones with -n.
 * @param {string} text
 */
export function idsOf(text) {
  const counts = new Map();
  const body = text.replace(/^```[\s\S]*?^```$/gm, "");
  return [...body.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => {
    const id = headingId(heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1"));
    const count = counts.get(id) ?? 0;
    counts.set(id, count + 1);
    return count === 0 ? id : `${id}-${count}`;
  });
}

/**
 * Blocks of code, by language.
 * @param {string} text
 */
export const blocksOf = (text) =>
  [...text.matchAll(/^```(\w+)(.*)\n([\s\S]*?)^```$/gm)].map(([, language, file, code]) => ({
    language,
    file: file.trim(),
    code,
  }));
