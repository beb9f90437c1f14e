// An app of Next, on the server and in the page.

import path from "node:path";
import {
  type Check,
  type Consumer,
  checkLosses,
  checkPage,
  inChromium,
  LAYER,
  TFJS,
  WASM,
} from "./checks.ts";
import { ISOLATION, visit } from "./pages.ts";
import type { Project, Result } from "./project.ts";
import { withServer } from "./servers.ts";

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
    (browser) => (project) =>
      withNext(project, async (address) => {
        const { page } = await visit(browser, `${address}${file}`);
        return checkPage({ page, worker: page }, threads);
      }),
  );

export const next: Consumer = {
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
};
