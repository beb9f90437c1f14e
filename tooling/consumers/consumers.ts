// The consumers: what each installs, and what is checked in it.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { preferSoftwareAdapter } from "../../packages/backend-webgpu/testing/dawn.ts";
import { findChromium } from "../testing/chromium.ts";
import { ISOLATION, type PageResult, visit, visitFolder } from "./pages.ts";
import { type Project, type Result, runIn } from "./project.ts";

/** A check that cannot be made here, with the reason. */
export class Missing extends Error {}

export interface Check {
  what: string;
  /** Returns a remark for the table, if there is something to say. */
  run: (project: Project) => Promise<string | undefined>;
}

export interface Consumer {
  name: string;
  /** Our packages, without the scope. */
  packages: readonly string[];
  dependencies?: readonly string[];
  /** Files of `programs/`. */
  programs?: readonly string[];
  /** Further files. */
  files?: Readonly<Record<string, string>>;
  installArgs?: readonly string[];
  checks: readonly Check[];
}

const repository = fileURLToPath(new URL("../../", import.meta.url));
const TFJS = ["@tensorflow/tfjs@^4.22.0", "@tensorflow/tfjs-backend-wasm@^4.22.0"];
const WASM = ["core", "tfjs", "backend-wasm"];
const LAYER = ["problem.js", "layer.js", "wasm.js"];

// What there is on this machine

const paths = (variable: string): string[] =>
  (process.env[variable] ?? "").split(path.delimiter).filter(Boolean);
const runtime = (name: string): string | undefined =>
  paths("GMR_RUNTIMES").find((file) => path.basename(file, ".exe") === name && existsSync(file));

/** One check for each version of Node that the packages support. */
async function inEachNode(run: (node: string) => Check["run"]): Promise<Check[]> {
  const found = new Map<number, string>();
  for (const node of [process.execPath, ...paths("GMR_NODE_BINARIES")]) {
    found.set(Number.parseInt(await runIn(repository, node, ["-p", "process.versions.node"]), 10), node);
  }
  return [20, 22, 24, 26].map((version) => {
    const node = found.get(version);
    const missing = `GMR_NODE_BINARIES does not name Node ${version}`;
    return { what: `Node ${version}`, run: node ? run(node) : skip(missing) };
  });
}

function skip(reason: string): Check["run"] {
  return async () => {
    throw new Missing(reason);
  };
}

const chromium = findChromium();
const inChromium = (run: (executable: string) => Check["run"]): Check["run"] =>
  chromium ? run(chromium) : skip("no Chromium (set CHROMIUM to its path)");

// Comparing

let reference: readonly number[] = [];

/** The losses that every consumer must find, in float64. */
export function setReference(losses: readonly number[]): void {
  reference = losses;
}

/** @throws Error unless the losses are the reference's, up to float32's precision */
function checkLosses({ losses, error }: Result, tolerance = 1e-5): void {
  if (error) throw new Error(error);
  const same =
    losses.length === reference.length &&
    losses.every((loss, i) => Math.abs(loss - reference[i]) <= tolerance * reference[i]);
  if (!same) throw new Error(`losses ${losses.join(", ")}: expected ${reference.join(", ")}`);
}

/** @throws Error unless page and worker found the losses on wasm with that number of threads */
function checkPage({ page, worker }: PageResult, threads: number): string {
  for (const [where, result] of Object.entries({ page, worker })) {
    if (!result) throw new Error(`no result of the ${where}`);
    checkLosses(result);
    if (result.backend !== "wasm" || result.threads !== threads) {
      throw new Error(
        `the ${where} ran on ${result.backend} with ${result.threads} threads: expected ${threads}`,
      );
    }
  }
  return `${threads} ${threads === 1 ? "thread" : "threads"}`;
}

// Bundlers

/** A consumer whose page is built by a command into `dist`. */
function builtPage(
  name: string,
  dependencies: readonly string[],
  command: string,
  { programs = [], html }: { programs?: readonly string[]; html?: string } = {},
): Consumer {
  const visitBuilt = (headers: Readonly<Record<string, string>>, threads: number): Check["run"] =>
    inChromium((executable) => async (project) => {
      const dist = path.join(project.folder, "dist");
      return checkPage(await visitFolder(executable, dist, { headers }), threads);
    });
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
      { what: "page and worker", run: visitBuilt({}, 1) },
      { what: "page and worker, isolated", run: visitBuilt(ISOLATION, 2) },
    ],
  };
}

const ICON = '<!doctype html><link rel="icon" href="data:,">';
const MODULE_PAGE = '<script type="module" src="./page.js"></script>';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

/** Starts a server of the project, waits until it answers, and ends it after use. */
async function withServer<T>(
  project: Project,
  script: string,
  args: (port: number) => readonly string[],
  use: (address: string) => Promise<T>,
): Promise<T> {
  const port = await freePort();
  const file = createRequire(path.join(project.folder, "package.json")).resolve(script);
  const options = { cwd: project.folder, detached: true, stdio: ["ignore", "pipe", "pipe"] as const };
  const child = spawn(process.execPath, [file, ...args(port)], { ...options, stdio: [...options.stdio] });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (text) => (printed += text));
  try {
    const address = `http://127.0.0.1:${port}/`;
    for (let tries = 0; ; tries++) {
      const answered = await fetch(address).then(
        (response) => response.ok,
        () => false,
      );
      if (answered) break;
      if (tries === 120 || child.exitCode !== null) throw new Error(`${script} does not answer\n${printed}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    return await use(address);
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n${printed}`);
  } finally {
    // The server and what it started.
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGTERM");
  }
}

const viteDev = (headers: Readonly<Record<string, string>>, threads: number): Check["run"] =>
  inChromium((executable) => async (project) => {
    project.write("vite.config.js", `export default ${JSON.stringify({ server: { headers } })};\n`);
    const args = (port: number): string[] => ["--port", `${port}`, "--host", "127.0.0.1", "--strictPort"];
    return withServer(
      project,
      path.join(project.folder, "node_modules/vite/bin/vite.js"),
      args,
      async (address) => checkPage(await visit(executable, address), threads),
    );
  });

// TypeScript

const TYPED_PROGRAM = `import { ringPartition, type RingPartition } from "@gmr-conv/core";
import { useWasm } from "@gmr-conv/backend-wasm";
import { classNames } from "./names.js";
import { gmrConv2dLayer } from "@gmr-conv/tfjs";
import { listModels } from "@gmr-conv/models";
import * as tf from "@tensorflow/tfjs";

const partition: RingPartition = ringPartition(5);
await useWasm();
const layer = gmrConv2dLayer({ inputShape: [8, 8, 1], filters: 2, kernelSize: 5 });
const model: tf.Sequential = tf.sequential({ layers: [layer] });
const output = model.predict(tf.zeros([1, 8, 8, 1]));
if (Array.isArray(output)) throw new Error("one output");
console.log(JSON.stringify({ losses: [], rings: partition.numRings, shape: output.shape, models: listModels().length > 0 }));
void classNames;
`;

function typed(moduleResolution: "node16" | "bundler"): Check {
  return {
    what: `strict, lib ES2020, checked libraries, ${moduleResolution}`,
    run: async (project) => {
      const compilerOptions = {
        strict: true,
        skipLibCheck: false,
        target: "es2022",
        lib: ["ES2020", "DOM"],
        module: moduleResolution === "node16" ? "node16" : "esnext",
        moduleResolution,
        types: [],
        outDir: moduleResolution,
      };
      const files = ["program.ts", "names.ts"];
      project.write("tsconfig.json", JSON.stringify({ compilerOptions, files }));
      let upstream = "";
      try {
        await project.run("npx", ["--no-install", "tsc", "--pretty", "false"]);
      } catch (error) {
        const lines = String(error)
          .split("\n")
          .filter((line) => /error TS\d+/.test(line));
        const others = lines.filter((line) => /^node_modules\/(?!@gmr-conv\/)/.test(line));
        if (lines.length === 0 || others.length < lines.length) throw error;
        const names = others.map((line) => /^node_modules\/((@[^/]+\/)?[^/]+)/.exec(line)?.[1]);
        upstream = `${others.length} errors in declarations of ${[...new Set(names)].join(", ")}`;
      }
      const printed = await project.run(process.execPath, [`${moduleResolution}/program.js`]);
      if (!printed.includes('"rings":3,"shape":[1,4,4,2],"models":true')) throw new Error(printed);
      return upstream;
    },
  };
}

// Backends

/** One program, in which one import differs. */
const swapped = (packageName: string, start: string): string => `
import { ${start} as start } from "${packageName}";
import * as tf from "@tensorflow/tfjs";
import { losses } from "./layer.js";

await start();
console.log(JSON.stringify({ backend: tf.getBackend(), losses: await losses() }));
process.exit(0);
`;

function onBackend(name: string, file: string, prepare?: (project: Project) => void): Check {
  return {
    what: `import of ${file.slice("swap-".length, -".js".length)}`,
    run: async (project) => {
      prepare?.(project);
      const result = await project.result(process.execPath, [file], { TF_CPP_MIN_LOG_LEVEL: "3" });
      if (result.backend !== name) throw new Error(`ran on ${result.backend}`);
      checkLosses(result);
      return undefined;
    },
  };
}

/** tfjs-node would download its library: takes those of the repository. */
function linkNativeBinding(project: Project): void {
  const source = path.join(repository, "packages/backend-node/node_modules/@tensorflow/tfjs-node");
  const target = path.join(project.folder, "node_modules/@tensorflow/tfjs-node");
  if (!existsSync(path.join(source, "lib/napi-v8/tfjs_binding.node"))) {
    throw new Missing("no native binding (node tooling/tfjs-node-from-source/build.mjs)");
  }
  mkdirSync(path.join(target, "lib"), { recursive: true });
  for (const folder of ["lib/napi-v8", "deps"]) {
    if (existsSync(path.join(source, folder)))
      symlinkSync(path.join(source, folder), path.join(target, folder));
  }
}

// Next

const NEXT_FILES = {
  "next.config.mjs": `const headers = ${JSON.stringify(Object.entries(ISOLATION).map(([key, value]) => ({ key, value })))};
export default { headers: async () => [{ source: "/isolated", headers }] };
`,
  "app/isolated/page.jsx": `export { default } from "../page.jsx";\n`,
  "app/layout.jsx":
    "export default function Layout({ children }) {\n  return <html><body>{children}</body></html>;\n}\n",
  "app/page.jsx": `"use client";
import { useEffect } from "react";

export default function Page() {
  useEffect(() => {
    globalThis.result = import("../wasm.js").then(async ({ run }) => ({ page: await run() }));
  }, []);
  return <p>A page</p>;
}
`,
  "app/losses/route.js": `import { run } from "../../wasm.js";

export const dynamic = "force-dynamic";

export async function GET() {
  return Response.json(await run());
}
`,
};

const withNext = <T>(project: Project, use: (address: string) => Promise<T>): Promise<T> =>
  withServer(
    project,
    path.join(project.folder, "node_modules/next/dist/bin/next"),
    (port) => ["start", "--port", `${port}`, "--hostname", "127.0.0.1"],
    use,
  );

const nextClient = (file: string, threads: number): Check["run"] =>
  inChromium(
    (executable) => (project) =>
      withNext(project, async (address) => {
        const { page } = await visit(executable, `${address}${file}`);
        return checkPage({ page, worker: page }, threads);
      }),
  );

// The table

export async function consumers(allPackages: readonly string[]): Promise<Consumer[]> {
  preferSoftwareAdapter();
  return [
    {
      name: "core",
      packages: ["core"],
      programs: ["problem.js", "reference.js", "core.js"],
      checks: await inEachNode((node) => async (project) => {
        checkLosses(await project.result(node, ["core.js"]), 1e-12);
        return undefined;
      }),
    },
    {
      name: "script",
      packages: ["core"],
      programs: ["problem.js", "reference.js", "script.html"],
      checks: [
        {
          what: "core by script tag",
          run: inChromium((executable) => async (project) => {
            const built = path.join(project.folder, "node_modules/@gmr-conv/core/dist/gmr-core.js");
            symlinkSync(built, path.join(project.folder, "gmr-core.js"));
            const { page } = await visitFolder(executable, project.folder, { file: "script.html" });
            checkLosses(page, 1e-12);
            return undefined;
          }),
        },
      ],
    },
    {
      name: "typescript",
      packages: [...WASM, "io", "models"],
      dependencies: [...TFJS, "typescript@5.9"],
      files: {
        "program.ts": TYPED_PROGRAM,
        "names.ts": "export const classNames: readonly string[] = [];\n",
      },
      checks: [typed("node16"), typed("bundler")],
    },
    {
      name: "wasm",
      packages: WASM,
      dependencies: TFJS,
      programs: [...LAYER, "node.js"],
      checks: [
        ...(await inEachNode((node) => (project) => onThreads(project, node, ["node.js"], 2))),
        {
          what: "Deno",
          run: ifFound(
            runtime("deno"),
            "Deno",
            (deno) => (project) =>
              onThreads(
                project,
                deno,
                ["run", "--node-modules-dir=manual", "--no-prompt", "-A", "node.js"],
                2,
              ),
          ),
        },
        {
          what: "Bun",
          run: ifFound(runtime("bun"), "Bun", (bun) => (project) => onThreads(project, bun, ["node.js"], 1)),
        },
      ],
    },
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
    {
      name: "next",
      packages: WASM,
      dependencies: [...TFJS, "next@16", "react@19", "react-dom@19"],
      programs: LAYER,
      files: NEXT_FILES,
      checks: [
        {
          what: "next build (minified)",
          run: async (project) => {
            await project.run("npx", ["--no-install", "next", "build"], { NEXT_TELEMETRY_DISABLED: "1" });
            return undefined;
          },
        },
        {
          what: "server",
          run: (project) =>
            withNext(project, async (address) => {
              const result = (await (await fetch(`${address}losses`)).json()) as Result;
              checkLosses(result);
              return `${result.threads} threads`;
            }),
        },
        { what: "client", run: nextClient("", 1) },
        { what: "client, isolated", run: nextClient("isolated", 2) },
      ],
    },
    {
      name: "swap",
      packages: [...WASM, "backend-webgpu", "backend-node"],
      dependencies: [
        ...TFJS,
        "@tensorflow/tfjs-backend-webgpu@^4.22.0",
        "@tensorflow/tfjs-node@^4.22.0",
        "webgpu@>=0.3.8",
      ],
      programs: ["problem.js", "layer.js"],
      files: {
        "swap-wasm.js": swapped("@gmr-conv/backend-wasm", "useWasm"),
        "swap-webgpu.js": swapped("@gmr-conv/backend-webgpu", "useWebGpu"),
        "swap-node.js": swapped("@gmr-conv/backend-node", "useNode"),
        "swap-cpu.js": swapped("./cpu.js", "useCpu"),
        "cpu.js": `import * as tf from "@tensorflow/tfjs";\n\nexport const useCpu = () => tf.setBackend("cpu");\n`,
      },
      checks: [
        onBackend("wasm", "swap-wasm.js"),
        onBackend("webgpu", "swap-webgpu.js"),
        onBackend("tensorflow", "swap-node.js", linkNativeBinding),
        onBackend("cpu", "swap-cpu.js"),
      ],
    },
    {
      name: "gmr",
      packages: allPackages,
      checks: [
        {
          what: "npx gmr --version",
          run: async (project) => (await project.run("npx", ["--no-install", "gmr", "--version"])).trim(),
        },
        {
          what: "npx gmr models",
          run: async (project) => {
            const printed = await project.run("npx", ["--no-install", "gmr", "models"]);
            if (!printed.includes("gmr-resnet18")) throw new Error(printed);
            return undefined;
          },
        },
        {
          what: "import of every package",
          run: async (project) => {
            const names = allPackages
              .filter((name) => name !== "backend-node")
              .map((name) => `@gmr-conv/${name}`);
            const program = `for (const name of ${JSON.stringify(names)}) await import(name); process.exit(0);`;
            await project.run(process.execPath, ["--input-type=module", "-e", program]);
            return undefined;
          },
        },
        { what: "npm audit of production dependencies", run: audit },
      ],
    },
  ];
}

function ifFound(file: string | undefined, name: string, run: (file: string) => Check["run"]): Check["run"] {
  return file ? run(file) : skip(`GMR_RUNTIMES does not name ${name}`);
}

async function onThreads(
  project: Project,
  program: string,
  args: readonly string[],
  threads: number,
): Promise<string | undefined> {
  const result = await project.result(program, args);
  checkLosses(result);
  if (result.threads !== threads) throw new Error(`${result.threads} threads: expected ${threads}`);
  return `${threads} ${threads === 1 ? "thread" : "threads"}`;
}

interface Audit {
  vulnerabilities?: Record<string, { severity: string; via: (string | object)[] }>;
}

/** Fails for high and critical findings, and names all. */
async function audit(project: Project): Promise<string> {
  const args = ["audit", "--omit=dev", "--json"];
  let printed: string;
  try {
    printed = await project.run("npm", args);
  } catch (error) {
    // With findings, npm prints them and exits with code 1.
    printed = /\{[\s\S]*\}/.exec(error instanceof Error ? error.message : "")?.[0] ?? "{}";
  }
  let vulnerabilities: Audit["vulnerabilities"];
  try {
    ({ vulnerabilities } = JSON.parse(printed) as Audit);
  } catch {
    vulnerabilities = undefined;
  }
  if (!vulnerabilities) throw new Missing("the registry answers no audits");
  const found = Object.entries(vulnerabilities).map(([name, { severity }]) => `${name} (${severity})`);
  if (found.some((text) => /\((high|critical)\)$/.test(text)))
    throw new Error(`findings: ${found.join(", ")}`);
  return found.length === 0 ? "no finding" : found.join(", ");
}
