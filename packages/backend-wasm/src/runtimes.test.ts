// The same program in other runtimes, and bundled into CommonJS: the same numbers, with as many threads as possible.
// GMR_RUNTIMES names executables of Deno and Bun, GMR_NODE_BINARIES those of other versions of Node, separated as in PATH.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const program = path.join(root, "testing", "threadsProgram.mjs");
const otherRealm = path.join(root, "testing", "otherRealm.cjs");

interface Result {
  threads: number;
  relaxed: boolean;
  digest: string;
  warnings: string;
}

function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Result {
  const { stdout, stderr, status } = spawnSync(command, args, {
    cwd: root,
    // What is one instruction on one processor may be two on another: compared bit by bit without.
    env: { ...process.env, GMR_THREADS: "2", GMR_RELAXED_SIMD: "0", ...env },
    encoding: "utf8",
    timeout: 100_000,
  });
  expect(status, stderr).toBe(0);
  const [line] = stdout.trim().split("\n");
  return { ...(JSON.parse(line) as Omit<Result, "warnings">), warnings: stderr };
}

let expected: Result;
beforeAll(() => {
  expected = run(process.execPath, [program]);
});

const runtimes = (process.env.GMR_RUNTIMES ?? "").split(path.delimiter).filter((file) => file !== "");
const [newer] = (process.env.GMR_NODE_BINARIES ?? "").split(path.delimiter).filter((file) => file !== "");
if (!newer)
  console.warn("Relaxed SIMD is not tested in Node: GMR_NODE_BINARIES names no version that has it.");

describe.skipIf(!newer)("with relaxed SIMD", () => {
  it("gives the same bits for any number of threads, and those of other builds where it is off", () => {
    const [one, two, off] = ["1", "2", "2"].map((threads, i) =>
      run(newer, [program], { GMR_THREADS: threads, GMR_RELAXED_SIMD: i < 2 ? "1" : "0" }),
    );
    expect([one.relaxed, two.relaxed, off.relaxed]).toEqual([true, true, false]);
    expect([one.threads, two.threads]).toEqual([1, 2]);
    expect(two.digest).toBe(one.digest);
    expect(off.digest).toBe(expected.digest);
  });

  it("passes the conformance suite", () => {
    const { stdout, stderr, status } = spawnSync(
      newer,
      [path.join(root, "testing", "relaxedConformance.mjs")],
      {
        cwd: root,
        encoding: "utf8",
      },
    );
    expect(status, stderr).toBe(0);
    const { relaxed, passed, failed } = JSON.parse(stdout);
    expect({ relaxed, failed }).toEqual({ relaxed: true, failed: [] });
    expect(passed).toBeGreaterThan(400);
  });
});

const named = (name: string): string | undefined =>
  runtimes.find((file) => path.basename(file, ".exe") === name && existsSync(file));

for (const name of ["deno", "bun"]) {
  if (!named(name)) console.warn(`Not tested in ${name}: GMR_RUNTIMES does not name it.`);
}

describe.skipIf(!named("deno"))("in Deno", () => {
  const deno = named("deno") ?? "";
  const command = ["run", "--node-modules-dir=manual", "--no-prompt"];

  it("runs threads, and leaves nothing behind", () => {
    const temporary = mkdtempSync(path.join(os.tmpdir(), "gmr-deno-"));
    const { threads, digest, warnings } = run(deno, [...command, "-A", program], { TMPDIR: temporary });
    expect({ threads, digest }).toEqual({ threads: 2, digest: expected.digest });
    expect(warnings).not.toContain("GMR-Conv");
    expect(readdirSync(temporary)).toEqual([]);
    rmSync(temporary, { recursive: true });
  });

  it("falls back to one thread without the permissions for more", () => {
    const { threads, digest, warnings } = run(deno, [...command, "--allow-read", program, "strict"]);
    expect({ threads, digest }).toEqual({ threads: 1, digest: expected.digest });
    expect(warnings).toMatch(/one thread, since the threaded build .* did not start: Requires sys access/);
  });
});

it.skipIf(!named("bun"))("runs on one thread in Bun, and says why", () => {
  const { threads, digest, warnings } = run(named("bun") ?? "", [program]);
  expect({ threads, digest }).toEqual({ threads: 1, digest: expected.digest });
  expect(warnings).toContain("threads in Bun cannot reach memory that has grown");
});

it.each([
  ["{ getBuiltinModule: { value: undefined } }"],
  ["{ getBuiltinModule: { value: undefined }, env: { value: undefined } }"],
  ["{ type: { value: 'renderer' } }"],
])("runs on one thread in a page that has a process, as in Electron: %s", (properties) => {
  const change = `data:text/javascript,globalThis.process = Object.create(process, ${properties})`;
  const { threads, digest } = run(process.execPath, ["--import", change, program]);
  expect({ threads, digest }).toEqual({ threads: 1, digest: expected.digest });
});

describe("bundled into CommonJS", () => {
  // Where a user's build would lie: beside its node_modules.
  const outDir = mkdtempSync(path.join(root, "node_modules", ".gmr-bundle-"));
  const bundle = path.join(outDir, "program.cjs");
  afterAll(() => rmSync(outDir, { recursive: true }));

  beforeAll(async () => {
    await build({
      root,
      configFile: false,
      logLevel: "error",
      define: { "import.meta.url": "undefined" }, // as esbuild leaves it
      ssr: { noExternal: true },
      build: {
        ssr: program,
        outDir,
        minify: false,
        target: "node20",
        rolldownOptions: { output: { format: "cjs", entryFileNames: "program.cjs" } },
      },
    });
  });

  it.each([
    ["keeps its threads", [bundle]],
    ["keeps them in a separate context, like tests in Jest", [otherRealm, bundle]],
  ])("%s", (_, args) => {
    const { threads, digest, warnings } = run(process.execPath, args);
    expect({ threads, digest, warnings }).toEqual({ threads: 2, digest: expected.digest, warnings: "" });
  });
});
