// Checks the built site: every link and picture of every page leads to a file, and to an element, of the site itself.
// node src/checkSite.mjs, after the build, with the same DOCS_BASE.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const site = fileURLToPath(new URL("../.vitepress/dist", import.meta.url));
const base = process.env.DOCS_BASE ?? "/";

const pages = new Map(
  readdirSync(site, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".html"))
    .map((name) => [name.replaceAll(path.sep, "/"), readFileSync(path.join(site, name), "utf8")]),
);
const idsOf = new Map(
  [...pages].map(([name, html]) => [name, new Set([...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id))]),
);

/** The file that a link leads to; undefined outside the site. */
function fileOf(address, page) {
  if (address === "") return page;
  if (!address.startsWith("/")) return path.posix.join(path.posix.dirname(page), address);
  if (!address.startsWith(base)) return undefined;
  const file = address.slice(base.length);
  return file === "" || file.endsWith("/") ? `${file}index.html` : file;
}

function isDead(link, page) {
  const [address, id] = link.replaceAll("&amp;", "&").split("#").map(decodeURIComponent);
  const file = fileOf(address, page);
  if (file === undefined || !existsSync(path.join(site, file))) return true;
  return id !== undefined && idsOf.has(file) && !idsOf.get(file).has(id);
}

let links = 0;
const dead = [];
for (const [page, html] of pages) {
  for (const [, link] of html.matchAll(/ (?:href|src)="([^"]+)"/g)) {
    if (/^[a-z]+:/.test(link)) continue;
    links++;
    if (isDead(link, page)) dead.push(`${page}: ${link}`);
  }
}
console.log(`${pages.size} pages with ${links} links within the site, ${dead.length} of them dead`);
for (const link of dead) console.error(link);
process.exitCode = dead.length > 0 ? 1 : 0;
