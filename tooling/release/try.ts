// Tries a release against a real registry on this machine: npm run release:try
//
// Makes versions from the pending changesets in a copy of the repository, publishes all packages, installs them into a
// fresh project and runs it; then adds a changeset, publishes again, upgrades the project and runs it again. Touches
// neither this repository nor any other registry.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { runServer } from "verdaccio";
import { losses } from "../consumers/programs/reference.js";
import { Project, runIn } from "../consumers/project.ts";
import { publishedPackages } from "../testing/installPacked.ts";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const scope = "@gmr-conv";
const work = mkdtempSync(path.join(tmpdir(), "gmr-release-"));
const copy = path.join(work, "repository");
const packages = publishedPackages();

/** A registry for our scope alone; everything else comes from where npm gets it. */
async function startRegistry(): Promise<{ server: Server; address: string }> {
  const config = {
    storage: path.join(work, "storage"),
    configPath: path.join(work, "verdaccio.yaml"),
    self_path: work,
    uplinks: {},
    packages: { "**": { access: "$all", publish: "$all" } },
    auth: { htpasswd: { file: path.join(work, "htpasswd") } },
    log: { type: "stdout", format: "pretty", level: "fatal" },
    max_body_size: "200mb",
  };
  const server = (await runServer(config as never)) as Server;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { server, address: `http://127.0.0.1:${port}/` };
}

/** Copies what git knows or would take, and what was built. */
async function copyRepository(): Promise<void> {
  const listed = await runIn(repository, "git", [
    "ls-files",
    "-z",
    "--cached",
    "--others",
    "--exclude-standard",
  ]);
  const files = listed.split("\0").filter((file) => file !== "" && !file.startsWith("tooling/fixtures/"));
  const built = packages.map((name) => path.join(folderOf(name), "dist"));
  for (const file of [...files, ...built]) {
    mkdirSync(path.dirname(path.join(copy, file)), { recursive: true });
    cpSync(path.join(repository, file), path.join(copy, file), { recursive: true });
  }
}

const folderOf = (name: string): string => (name === "trainer" ? "apps/trainer" : `packages/${name}`);
const versionOf = (file: string): string =>
  (JSON.parse(readFileSync(path.join(file, "package.json"), "utf8")) as { version: string }).version;

/** Where the copy is said to be on the web, as in a workflow. */
const home = { GITHUB_SERVER_URL: "https://example.org", GITHUB_REPOSITORY: "owner/gmr-conv" };
const unknown = { GITHUB_SERVER_URL: "", GITHUB_REPOSITORY: "" };

const changeset = createRequire(path.join(repository, "package.json")).resolve("@changesets/cli/bin.js");
const git = (...args: string[]): Promise<string> =>
  runIn(copy, "git", ["-c", "user.name=release", "-c", "user.email=release@localhost", ...args]);

/** Publishes as `npm run release` does, after its tests. */
function runPublish(env: Readonly<Record<string, string>>, ...args: string[]): Promise<string> {
  const tsx = path.join(copy, "tooling/node_modules/tsx/dist/cli.mjs");
  return runIn(copy, process.execPath, [tsx, "tooling/release/publish.ts", ...args], env);
}

/** A release from a copy that does not know where it comes from. */
async function checkRefusal(): Promise<void> {
  const reason = await runPublish(unknown, "--check").then(
    () => "",
    (error: Error) => error.message,
  );
  if (!reason.includes("packages need the address of their repository")) {
    throw new Error(`a release without the repository's address was not refused: ${reason}`);
  }
}

/** Makes and publishes versions from the changesets of the copy; returns the version of all packages. */
async function publish(address: string): Promise<string> {
  await runIn(copy, process.execPath, [changeset, "version"]);
  await git("add", "--all");
  await git("commit", "--quiet", "--message", "Version packages");
  await runPublish({ ...home, npm_config_registry: address });
  const changed = await git("status", "--porcelain");
  if (changed !== "") throw new Error(`the release changed files:\n${changed}`);
  const versions = new Set(packages.map((name) => versionOf(path.join(copy, folderOf(name)))));
  if (versions.size !== 1)
    throw new Error(`the packages have different versions: ${[...versions].join(", ")}`);
  return [...versions][0];
}

/** Checks what is installed, and runs it: core, a layer on wasm, the command. */
async function runProject(project: Project, version: string): Promise<void> {
  const expected = losses(await import("@gmr-conv/core/reference"));
  for (const [program, tolerance] of [
    ["core.js", 1e-12],
    ["node.js", 1e-5],
  ] as const) {
    const found = (await project.result(process.execPath, [program])).losses;
    if (found.some((loss, i) => !(Math.abs(loss - expected[i]) <= tolerance * expected[i]))) {
      throw new Error(`${program} found ${found.join(", ")}: expected ${expected.join(", ")}`);
    }
  }
  const printed = (await project.run("npx", ["--no-install", "gmr", "--version"])).trim();
  const installed = packages.map((name) => versionOf(path.join(project.folder, "node_modules", scope, name)));
  for (const found of [printed, ...installed]) {
    if (found !== version) throw new Error(`found version ${found}: expected ${version}`);
  }
}

/** Checks that installed packages name their repository. */
function checkManifests(project: Project): void {
  for (const name of packages) {
    const file = path.join(project.folder, "node_modules", scope, name, "package.json");
    const { repository, homepage, bugs } = JSON.parse(readFileSync(file, "utf8"));
    const web = "https://example.org/owner/gmr-conv";
    const found = JSON.stringify([repository, homepage, bugs]);
    const expected = JSON.stringify([
      { type: "git", url: `git+${web}.git`, directory: folderOf(name) },
      `${web}/tree/HEAD/${folderOf(name)}#readme`,
      { url: `${web}/issues` },
    ]);
    if (found !== expected) throw new Error(`${file} has ${found}: expected ${expected}`);
  }
}

/** The command in an empty folder, as `npx` gets it from the registry. */
async function runCommand(version: string): Promise<void> {
  const empty = path.join(work, "empty");
  mkdirSync(empty);
  writeFileSync(path.join(empty, ".npmrc"), npmrc);
  const npx = (...args: string[]): Promise<string> =>
    runIn(empty, "npx", ["--yes", "--package", `${scope}/trainer`, "gmr", ...args], {
      npm_config_cache: path.join(work, "npm-cache"),
      npm_config_ignore_scripts: "true",
    });
  const printed = (await npx("--version")).trim();
  if (printed !== version) throw new Error(`gmr --version printed ${printed}: expected ${version}`);
  if (!(await npx("models")).includes("gmr-resnet18"))
    throw new Error("gmr models does not list gmr-resnet18");
}

const { server, address } = await startRegistry();
const npmrc = `${scope}:registry=${address}\n${address.slice("http:".length)}:_authToken=nobody\n`;
const project = new Project({
  name: "release",
  tarballs: {},
  dependencies: ["@tensorflow/tfjs@^4.22.0", "@tensorflow/tfjs-backend-wasm@^4.22.0"],
  programs: ["problem.js", "reference.js", "core.js", "layer.js", "wasm.js", "node.js"],
});
try {
  await copyRepository();
  writeFileSync(path.join(copy, ".npmrc"), npmrc);
  await git("init", "--quiet", "--initial-branch", "main");
  await git("add", "--all");
  await git("commit", "--quiet", "--message", "Start");
  const pnpm = path.join(repository, "node_modules/.bin/pnpm");
  await runIn(copy, pnpm, ["install", "--frozen-lockfile", "--prefer-offline", "--ignore-scripts"]);

  await checkRefusal();
  const first = await publish(address);
  console.log(`published ${packages.length} packages: ${first}`);
  project.write(".npmrc", npmrc);
  await project.install(...packages.map((name) => `${scope}/${name}`));
  await runProject(project, first);
  checkManifests(project);
  await runCommand(first);
  console.log(`installed and ran ${first}`);

  writeFileSync(path.join(copy, ".changeset/another.md"), `---\n"${scope}/core": minor\n---\n\nA change.\n`);
  const second = await publish(address);
  console.log(`published ${packages.length} packages: ${second}`);
  // `npm update` keeps to ^0.1.0, as it should before 1.0.
  await project.run("npm", ["update", "--ignore-scripts", "--no-audit", "--no-fund"]);
  await runProject(project, first);
  await project.install(...packages.map((name) => `${scope}/${name}@latest`));
  await runProject(project, second);
  console.log(`upgraded to and ran ${second}`);
  if (first !== "0.1.0" || second !== "0.2.0") throw new Error(`expected versions 0.1.0 and 0.2.0`);
} finally {
  server.close();
  server.closeAllConnections();
  project.remove();
  rmSync(work, { recursive: true, force: true });
}
