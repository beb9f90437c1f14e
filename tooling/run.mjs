// The commands of a clone: node tooling/run.mjs COMMAND ARGS…, with the commands of the switch below.
//
// First sets up whatever is missing: pnpm through npx, the packages of the lockfile, the build through turbo (which
// skips what has not changed). Needs only Node, npm and git.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const rootPackage = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
const stamp = path.join(root, ".setup", "lockfile");
const bin = path.join(root, "node_modules", ".bin");
const [command, ...args] = process.argv.slice(2);

checkNode();
// Ctrl-C reaches the whole process group; this process waits for the others to finish.
let stopped = 0;
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
]) {
  process.on(signal, () => {
    stopped = code;
  });
}

switch (command) {
  case "start":
    await build();
    await gmr(["quickstart", ...args]);
    break;
  case "demo":
    await build();
    await demo(args);
    break;
  case "gmr":
    await build();
    await gmr(args);
    break;
  case "test":
    process.exitCode = await test();
    break;
  case "ci":
    process.exitCode = await ci();
    break;
  case "docs":
    await install();
    await must("turbo", ["run", "docs", ...args]);
    console.log(
      "The site is in docs/.vitepress/dist; serve it with any web server, under any path (DOCS_BASE=/PATH/).",
    );
    break;
  case "docs:dev":
    await build();
    process.exitCode = await run("pnpm", ["--dir", "docs", "run", "dev", ...args]);
    break;
  case "api":
    await build();
    process.exitCode = await script("api/write.ts", args);
    break;
  case "api:check":
    await install();
    process.exitCode = await script("api/check.ts", args);
    break;
  case "consumers":
    await build();
    process.exitCode = await script("consumers/run.ts", args);
    break;
  case "faults":
    await build();
    process.exitCode = await script("../apps/trainer/testing/faults/run.ts", args);
    break;
  case "kills":
    await build();
    process.exitCode = await script("../apps/trainer/testing/kills/run.ts", args);
    break;
  case "cluster":
    await build();
    process.exitCode = await script("cluster/run.ts", args);
    break;
  case "release:try":
    await build();
    process.exitCode = await script("release/try.ts", args);
    break;
  case "use":
    await build();
    process.exitCode = await script("release/use.ts", args);
    break;
  case "release":
    await release();
    break;
  case "turbo":
    await install();
    await must("turbo", ["run", ...args]);
    break;
  default:
    fail(
      `unknown command ${JSON.stringify(command)}: expected start, demo, test, ci, gmr, docs, docs:dev, use, api, ` +
        "api:check, consumers, faults, kills, cluster, release, release:try or turbo",
    );
}

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`Node ${process.versions.node} is too old: expected ${rootPackage.engines.node}`);
  }
}

/** Installs the packages of the lockfile, unless already done. */
async function install() {
  const hash = createHash("sha256");
  for (const name of ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json"]) {
    hash.update(readFileSync(path.join(root, name)));
  }
  const digest = hash.digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest && existsSync(bin)) return;
  const pnpm = rootPackage.packageManager;
  console.log(`Installing packages with ${pnpm}…`);
  const npx = process.platform === "win32" ? "npx.cmd" : "npx";
  await must(npx, ["--yes", pnpm, "install", "--frozen-lockfile"]);
  mkdirSync(path.dirname(stamp), { recursive: true });
  writeFileSync(stamp, digest);
}

async function build() {
  await install();
  const notice = setTimeout(
    () => console.error("Building the packages; the first time takes a minute or more…"),
    3000,
  );
  await must("turbo", ["run", "build", "--output-logs=errors-only", "--log-order=grouped"], { quiet: true });
  clearTimeout(notice);
}

async function gmr(gmrArgs) {
  const cli = path.join(root, "apps", "trainer", "dist", "cli.js");
  // npm runs scripts in the root; the user's paths are relative to where the command was typed.
  const cwd = process.env.INIT_CWD ?? process.cwd();
  // Commands that it prints and stores are for typing again.
  const extraEnv = { GMR_COMMAND: "npm run gmr --" };
  process.exitCode = await run(process.execPath, [cli, ...gmrArgs], { cwd, extraEnv });
}

/** Serves the built page and prints its address. */
async function demo(viteArgs) {
  const cwd = path.join(root, "apps", "demo");
  const vite = path.join(cwd, "node_modules", "vite", "bin", "vite.js");
  process.exitCode = await run(process.execPath, [vite, "preview", ...viteArgs], { cwd });
}

/** Runs lint, type check and tests of every package, and sums up the tests. */
async function test(checks = { passed: 0, failed: 0 }) {
  await install();
  // Remove counts of an earlier run: turbo restores those of unchanged packages.
  for (const folder of packageFolders()) rmSync(path.join(folder, "test-results.json"), { force: true });
  const code = await run("turbo", [
    "run",
    "lint",
    "typecheck",
    "test",
    "--continue",
    "--concurrency=2",
    ...args,
  ]);
  const { passed, failed, skipped } = testCounts(checks);
  const failedTasks = code === 0 || failed > checks.failed ? "" : "A task failed; its output is above.\n";
  console.log(`${failedTasks}\n${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}`);
  return code;
}

/** Everything that continuous integration checks on one machine: the site, installed packages, then all tests. */
async function ci() {
  await build();
  const codes = await Promise.all([
    run("turbo", ["run", "docs", "--output-logs=errors-only"]),
    script("consumers/run.ts", ["core", "typescript", "wasm"]),
  ]);
  const passed = codes.filter((code) => code === 0).length;
  const checks = { passed, failed: codes.length - passed };
  const code = await test(checks);
  return code === 0 && checks.failed > 0 ? 1 : code;
}

/** Runs one of the programs of tooling, written in TypeScript. */
function script(file, scriptArgs) {
  const tooling = path.join(root, "tooling");
  const tsx = path.join(tooling, "node_modules", "tsx", "dist", "cli.mjs");
  return run(process.execPath, [tsx, path.join(tooling, file), ...scriptArgs]);
}

/** Publishes the versions that the registry does not have yet, if every test passes. */
async function release() {
  await build();
  const unknown = await script("release/publish.ts", ["--check"]);
  if (unknown !== 0) process.exit(unknown);
  const code = await test();
  if (code !== 0) fail("Nothing is published: a test failed.", code);
  process.exitCode = await script("release/publish.ts", args);
}

function testCounts(checks) {
  const counts = { ...checks, skipped: 0 };
  for (const folder of packageFolders()) {
    const file = path.join(folder, "test-results.json");
    if (!existsSync(file)) continue;
    const results = JSON.parse(readFileSync(file, "utf8"));
    counts.passed += results.numPassedTests;
    counts.failed += results.numFailedTests;
    counts.skipped += results.numPendingTests + results.numTodoTests;
  }
  return counts;
}

function packageFolders() {
  const members = ["packages", "apps", "examples"].flatMap((parent) =>
    readdirSync(path.join(root, parent), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => path.join(root, parent, name)),
  );
  return [...members, path.join(root, "docs"), path.join(root, "tooling")];
}

/** Runs a program, which may be one of the workspace's own, and returns its exit code. */
function run(program, programArgs, { cwd = root, quiet = false, extraEnv = {} } = {}) {
  const env = {
    ...process.env,
    ...extraEnv,
    PATH: `${bin}${path.delimiter}${process.env.PATH}`,
    TURBO_TELEMETRY_DISABLED: "1",
  };
  const shell = process.platform === "win32";
  return new Promise((resolve) => {
    const child = spawn(program, programArgs, {
      cwd,
      env,
      shell,
      stdio: ["inherit", quiet ? "pipe" : "inherit", "inherit"],
    });
    let output = "";
    child.stdout?.on("data", (data) => {
      output += data;
    });
    child.on("error", (error) => {
      console.error(`cannot run ${program}: ${error.message}`);
      resolve(1);
    });
    child.on("close", (code, signal) => {
      if (code !== 0) process.stdout.write(output);
      resolve(code ?? 128 + (os.constants.signals[signal] ?? 1));
    });
  });
}

async function must(program, programArgs, options) {
  const code = await run(program, programArgs, options);
  if (stopped) process.exit(stopped); // turbo may end with 0 then
  if (code !== 0) fail(`${program} ${programArgs.join(" ")} ended with code ${code}`, code);
}

function fail(message, code = 1) {
  console.error(message);
  process.exit(code);
}
