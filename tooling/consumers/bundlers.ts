// Pages made by bundlers, without a path to a .wasm file, and the development server of Vite.

import { writeFileSync } from "node:fs";
import path from "node:path";
import {
  type Check,
  type Consumer,
  checkPage,
  type InBrowser,
  inChromium,
  LAYER,
  TFJS,
  WASM,
} from "./checks.ts";
import { ISOLATION, visit, visitFolder } from "./pages.ts";
import { withServer } from "./servers.ts";

/** Visits the page in `dist`, which is isolated or not. */
export const visitBuilt = (
  inBrowser: InBrowser,
  headers: Readonly<Record<string, string>>,
  threads: number,
): Check["run"] =>
  inBrowser((browser) => async (project) => {
    const dist = path.join(project.folder, "dist");
    return checkPage(await visitFolder(browser, dist, { headers }), threads);
  });

/** A consumer whose page is built by a command into `dist`. */
function builtPage(
  name: string,
  dependencies: readonly string[],
  command: string,
  { programs = [], html }: { programs?: readonly string[]; html?: string } = {},
): Consumer {
  return {
    name,
    packages: WASM,
    dependencies: [...TFJS, ...dependencies],
    programs: [...LAYER, "page.js", "worker.js", "index.html", ...programs],
    checks: [
      {
        what: `${command.replace(/ --.*/, "")} (minified)`,
        run: async (project) => {
          const [program, ...args] = command.split(" ");
          await project.run("npx", ["--no-install", program, ...args]);
          if (html) writeFileSync(path.join(project.folder, "dist", "index.html"), `${ICON}${html}`);
          return undefined;
        },
      },
      { what: "page and worker", run: visitBuilt(inChromium, {}, 1) },
      { what: "page and worker, isolated", run: visitBuilt(inChromium, ISOLATION, 2) },
    ],
  };
}

const ICON = '<!doctype html><link rel="icon" href="data:,">';
const MODULE_PAGE = '<script type="module" src="./page.js"></script>';

const viteDev = (headers: Readonly<Record<string, string>>, threads: number): Check["run"] =>
  inChromium((browser) => async (project) => {
    project.write("vite.config.js", `export default ${JSON.stringify({ server: { headers } })};\n`);
    const args = (port: number): string[] => ["--port", `${port}`, "--host", "127.0.0.1", "--strictPort"];
    return withServer(
      project,
      path.join(project.folder, "node_modules/vite/bin/vite.js"),
      args,
      async (address) => checkPage(await visit(browser, address), threads),
    );
  });

export const bundlers: readonly Consumer[] = [
  {
    name: "vite-dev",
    packages: WASM,
    dependencies: [...TFJS, "vite@8"],
    programs: [...LAYER, "page.js", "worker.js", "index.html"],
    checks: [
      { what: "page and worker", run: viteDev({}, 1) },
      { what: "page and worker, isolated", run: viteDev(ISOLATION, 2) },
    ],
  },
  builtPage("vite", ["vite@8"], "vite build"),
  builtPage("webpack", ["webpack@5", "webpack-cli@7"], "webpack", {
    programs: ["webpack.config.js"],
    html: '<script src="./page.js"></script>',
  }),
  builtPage(
    "esbuild",
    ["esbuild@0.28"],
    "esbuild page.js worker.js --bundle --splitting --minify --format=esm --outdir=dist",
    { html: MODULE_PAGE },
  ),
  builtPage(
    "rollup",
    ["rollup@4", "@rollup/plugin-node-resolve@16", "@rollup/plugin-commonjs@29", "@rollup/plugin-terser@1"],
    "rollup -c",
    { programs: ["rollup.config.js"], html: MODULE_PAGE },
  ),
];
