// Pages with the package as it is published, delivered in the ways that pages are delivered.

import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { build, createServer, type ViteDevServer } from "vite";
import webpack from "webpack";
import { installPacked } from "../../../tooling/testing/installPacked.ts";

const page = fileURLToPath(new URL("page", import.meta.url));

/** The page and the packages that it needs, in a folder of their own. */
export function installPage(): { folder: string; remove: () => void } {
  const installed = installPacked(["core", "web"]);
  cpSync(page, installed.folder, { recursive: true });
  writeFileSync(path.join(installed.folder, "package.json"), '{ "type": "module" }');
  return installed;
}

/** Builds the page into a folder of the installed one; returns that folder. */
export type Build = (root: string) => Promise<string>;

export const viteBuild: Build = async (root) => {
  const outDir = path.join(root, "vite");
  await build({ root, configFile: false, logLevel: "error", build: { outDir } });
  return outDir;
};

/** esbuild neither copies the worker's file nor knows where it is. */
export const esbuildBundle: Build = async (root) => {
  const outdir = path.join(root, "esbuild");
  await esbuild.build({
    entryPoints: [path.join(root, "page.js")],
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    outdir,
    logLevel: "error",
  });
  return withHtml(outdir, '<script type="module" src="./page.js"></script>');
};

export const webpackBuild: Build = async (root) => {
  const folder = path.join(root, "webpack");
  const compiler = webpack({
    mode: "production",
    context: root,
    entry: "./page.js",
    output: { path: folder, filename: "page.js", publicPath: "/" },
    performance: false,
    optimization: { minimize: false }, // it would take minutes, and the files are minified
  });
  if (!compiler) throw new Error("webpack did not start");
  await new Promise<void>((resolve, reject) => {
    compiler.run((error, stats) => {
      if (error || stats?.hasErrors()) reject(error ?? new Error(stats?.toString("errors-only")));
      else resolve();
    });
  });
  return withHtml(folder, '<script src="./page.js"></script>');
};

export const scriptTag: Build = async (root) => {
  const folder = path.join(root, "script");
  cpSync(path.join(root, "node_modules/@gmr-conv/web/dist"), path.join(folder, "lib"), { recursive: true });
  return withHtml(folder, '<script src="./lib/gmr-web.js"></script>');
};

function withHtml(folder: string, script: string): string {
  mkdirSync(folder, { recursive: true });
  const icon = '<link rel="icon" href="data:,">';
  writeFileSync(path.join(folder, "index.html"), `<!doctype html>${icon}<title>A network</title>${script}`);
  return folder;
}

/** Vite's development server, whose optimiser bundles the package without its worker's file. */
export async function viteDev(root: string): Promise<ViteDevServer> {
  const server = await createServer({
    root,
    configFile: false,
    logLevel: "error",
    cacheDir: path.join(root, ".vite"),
    server: { port: 0, host: "127.0.0.1", fs: { strict: false }, ws: false },
  });
  return await server.listen();
}
