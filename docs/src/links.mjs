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

/** Where the links of a page start: pages of packages are their READMEs. */
function folderOf(page) {
  const name = /^packages\/(?<name>[\w-]+)\.md$/.exec(page)?.groups?.name ?? "index";
  if (name === "index") return path.posix.join("docs", path.posix.dirname(page));
  return /^(?:trainer|demo)$/.test(name) ? `apps/${name}` : `packages/${name}`;
}

/**
 * A link of a page on the site. READMEs of packages are pages under `packages/`.
 * @param {string} href as written
 * @param {string} page the page's path in docs, such as `start/backend.md`
 * @returns {string | undefined} undefined for other files of the repository, which are not on the site
 */
export function linkInSite(href, page) {
  if (href === "" || /^(?:[a-z]+:|\/|#)/.test(href)) return href;
  const [file, anchor] = href.split("#");
  const target = path.posix.join(folderOf(page), file);
  const name = INCLUDED.exec(target)?.groups?.name;
  const moved = name
    ? `docs/packages/${name}.md`
    : target.replace(/^docs\/contributing\/README\.md$/, "docs/contributing/index.md");
  if (!moved.startsWith("docs/")) return undefined;
  const relative = path.posix.relative(path.posix.join("docs", path.posix.dirname(page)), moved);
  return (relative.startsWith(".") ? relative : `./${relative}`) + (anchor === undefined ? "" : `#${anchor}`);
}
