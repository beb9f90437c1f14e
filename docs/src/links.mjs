// Links of the repository's Markdown, as the site needs them.

import path from "node:path";

/**
 * The id of a heading, as on code hosts: lower case, spaces as hyphens, no punctuation.
 * @param {string} text
 */
export function headingId(text) {
  return text
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
    .replaceAll(" ", "-");
}

/** READMEs that the site includes, by their folder. */
const INCLUDED = /^(?:packages|apps)\/(?<name>[\w-]+)(?:\/README\.md)?$/;

/**
 * A link of a page on the site. READMEs of packages are pages under `packages/`; other files of the repository are
 * not on the site: links to them lead to the overview of the packages.
 * @param {string} href as written
 * @param {string} page the page's path in docs, such as `start/backend.md`
 */
export function linkInSite(href, page) {
  if (href === "" || /^(?:[a-z]+:|\/|#)/.test(href)) return href;
  const [file, anchor] = href.split("#");
  const target = path.posix.join("docs", path.posix.dirname(page), file);
  const from = path.posix.join("docs", path.posix.dirname(page));
  const name = INCLUDED.exec(target)?.groups?.name;
  const moved = name
    ? `docs/packages/${name}.md`
    : target.replace(/^docs\/contributing\/README\.md$/, "docs/contributing/index.md");
  const inSite = moved.startsWith("docs/") ? moved : "docs/packages/index.md";
  const relative = path.posix.relative(from, inSite);
  return (relative.startsWith(".") ? relative : `./${relative}`) + (anchor === undefined ? "" : `#${anchor}`);
}
