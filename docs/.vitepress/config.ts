import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitepress";
import { headingId, linkInSite } from "../src/links.mjs";

const page = (text: string, link: string) => ({ text, link });

const packages = [
  ...["core", "tfjs", "backends", "backend-wasm", "backend-webgpu", "backend-node"],
  ...["models", "data", "training", "distributed", "io", "web", "predict"],
];

/** Written by TypeDoc before the site is built. */
const api = fileURLToPath(new URL("../api", import.meta.url));
const hasApi = existsSync(api);
const entries = hasApi
  ? readdirSync(api, { recursive: true, encoding: "utf8" })
      .map((name) => name.replaceAll("\\", "/").replace(/\.md$/, ""))
      .filter((name) => /^@gmr-conv\//.test(name) && existsSync(`${api}/${name}.md`))
      .sort()
  : [];
const reference = hasApi ? [page("API reference", "/api/")] : [];

/** The path under which the site is served: DOCS_BASE=/gmr-conv/ for a sub-path. */
const base = process.env.DOCS_BASE ?? "/";

const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke="#1f8a70" stroke-width="5">' +
  '<circle cx="16" cy="16" r="12"/><circle cx="16" cy="16" r="3"/></svg>';

interface Token {
  type: string;
  content: string;
  attrGet(name: string): string | null;
  attrSet(name: string, value: string): void;
}

/** Points links to the site's pages; text of links to files that are not on the site stays text. */
function leadLinks(tokens: Token[], page: string): void {
  let dropped = false;
  for (const token of tokens) {
    if (token.type === "link_open") {
      const href = linkInSite(token.attrGet("href") ?? "", page);
      dropped = href === undefined;
      if (href !== undefined) token.attrSet("href", href);
    }
    if (dropped && /^link_/.test(token.type)) {
      dropped = token.type === "link_open";
      token.type = "text";
      token.content = "";
    }
  }
}

export default defineConfig({
  title: "GMR-Conv",
  description:
    "Convolutional networks that give the same answer for turned and mirrored images, in JavaScript",
  lang: "en",
  base,
  // Two rings, so that no page asks for a file.
  head: [["link", { rel: "icon", href: `data:image/svg+xml,${encodeURIComponent(ICON)}` }]],
  rewrites: { "contributing/README.md": "contributing/index.md" },
  srcExclude: ["src/**"],
  markdown: {
    math: true,
    anchor: { slugify: headingId },
    languageAlias: { assemblyscript: "ts" },
    config(md) {
      md.core.ruler.push("links-in-site", (state) => {
        const { relativePath } = state.env;
        if (typeof relativePath !== "string") return;
        for (const { children } of state.tokens) {
          if (children) leadLinks(children, relativePath);
        }
      });
    },
  },
  vite: { build: { chunkSizeWarningLimit: 4000 } }, // the search index is one file, loaded with the first search
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [
      page("Start", "/start/own-images"),
      page("Mathematics", "/mathematics"),
      page("Packages", "/packages/"),
      ...reference,
    ],
    sidebar: {
      "/api/": [page("← Guide", "/"), ...reference, ...entries.map((name) => page(name, `/api/${name}`))],
      "/": [
        {
          text: "Start",
          items: [
            page("What it is", "/"),
            page("Your own images", "/start/own-images"),
            page("A web page", "/start/web-page"),
            page("A PyTorch model", "/start/pytorch"),
            page("A layers model", "/start/layers-model"),
            page("A backend", "/start/backend"),
          ],
        },
        {
          text: "Guide",
          items: [
            page("The mathematics", "/mathematics"),
            page("Backends", "/backends"),
            page("Networks", "/packages/models"),
            page("Data sets", "/data-sets"),
            page("Training", "/training"),
            page("The cost of training", "/models"),
            page("How far training scales", "/scaling"),
            page("Deployment", "/deployment"),
            page("Benchmarks", "/benchmarks"),
            page("From the Python package", "/migration"),
            page("Reproducibility", "/reproducibility"),
            page("Several processes", "/distributed"),
            page("Failures", "/failures"),
            page("Questions", "/faq"),
          ],
        },
        {
          text: "Packages",
          collapsed: true,
          items: [
            page("Overview", "/packages/"),
            ...packages.map((name) => page(name, `/packages/${name}`)),
            page("the gmr command", "/packages/trainer"),
            page("the demo", "/packages/demo"),
            ...reference,
          ],
        },
        {
          text: "Contributing",
          collapsed: true,
          items: [
            page("Overview", "/contributing/"),
            page("Architecture", "/architecture"),
            page("A backend", "/contributing/backend"),
            page("An op", "/contributing/op"),
            page("A layer", "/contributing/layer"),
            page("A network", "/contributing/model"),
            page("A data set", "/contributing/data-set"),
            page("A command", "/contributing/command"),
          ],
        },
      ],
    },
  },
});
