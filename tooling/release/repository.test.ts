import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, it } from "vitest";
import { repositoryAddress, webAddress, withRepository } from "./repository.ts";

const root = mkdtempSync(path.join(tmpdir(), "gmr-repository-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const git = (...args: string[]) => execFileSync("git", args, { cwd: root, stdio: "pipe" });

it("the address comes from the workflow, or else from git's remote, or is refused", () => {
  git("init", "--quiet");
  expect(() => repositoryAddress(root, {})).toThrow("got none");
  git("remote", "add", "origin", "/somewhere/else");
  expect(() => repositoryAddress(root, {})).toThrow("got /somewhere/else");
  git("remote", "set-url", "origin", "git@example.org:owner/name.git");
  expect(repositoryAddress(root, {})).toBe("https://example.org/owner/name");
  const env = { GITHUB_SERVER_URL: "https://github.com", GITHUB_REPOSITORY: "a/b" };
  expect(repositoryAddress(root, env)).toBe("https://github.com/a/b");
  expect(() => repositoryAddress(tmpdir(), {})).toThrow("got none");
});

it.each([
  ["https://example.org/owner/name.git", "https://example.org/owner/name"],
  ["https://user:token@example.org/owner/name", "https://example.org/owner/name"],
  ["ssh://git@example.org:2222/owner/name.git", "https://example.org/owner/name"],
  ["example.org:owner/name/", "https://example.org/owner/name"],
  ["file:///srv/name.git", undefined],
  ["../name", undefined],
  ["C:\\name", undefined],
])("%s is on the web at %s", (remote, address) => {
  expect(webAddress(remote)).toBe(address);
});

it("packages name their repository for the time of an action, which may fail", async () => {
  const file = path.join(root, "packages/core/package.json");
  const text = '{"name":"core"}\n';
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  const seen: unknown[] = [];
  const action = async (): Promise<void> => {
    seen.push(JSON.parse(readFileSync(file, "utf8")));
    throw new Error("failed");
  };
  await expect(withRepository(root, ["packages/core"], "https://example.org/a/b", action)).rejects.toThrow(
    "failed",
  );
  expect(seen).toEqual([
    {
      name: "core",
      repository: { type: "git", url: "git+https://example.org/a/b.git", directory: "packages/core" },
      homepage: "https://example.org/a/b/tree/HEAD/packages/core#readme",
      bugs: { url: "https://example.org/a/b/issues" },
    },
  ]);
  expect(readFileSync(file, "utf8")).toBe(text);
});
