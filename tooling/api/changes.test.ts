import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, it } from "vitest";
import { untoldChanges } from "./changes.ts";
import { REPORTS } from "./report.ts";

const root = mkdtempSync(path.join(tmpdir(), "gmr-changes-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const git = (...args: string[]): string =>
  execFileSync("git", ["-c", "user.name=test", "-c", "user.email=test@localhost", ...args], {
    cwd: root,
    stdio: "pipe",
    encoding: "utf8",
  });
function write(file: string, text: string): void {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), text);
}
const report = (name: string, ...declarations: string[]): void =>
  write(
    `${REPORTS}/${name}.md`,
    `# @gmr-conv/${name}\n\n## @gmr-conv/${name}\n\n\`\`\`ts\n${declarations.join("\n\n")}\n\`\`\`\n`,
  );
const changeset = (name: string, level: string): void =>
  write(`.changeset/${name}-${level}.md`, `---\n"@gmr-conv/${name}": ${level}\n---\n\nA change.\n`);

const ADD = "export function add(a: number, b: number): number;";
const TWO = "export const two: 2;";
const PART = "interface Part {\n    size: number;\n}";
const SUMS = "declare namespace sums {\n    export {\n        add,\n        Sum\n    }\n}\nexport { sums }";

it("changes of public APIs need changesets of their packages, and removals minor ones", () => {
  git("init", "--quiet", "--initial-branch", "main");
  write("packages/core/package.json", '{ "version": "0.3.1" }');
  write("packages/io/package.json", '{ "version": "2.0.0" }');
  report("core", ADD, TWO, PART, SUMS);
  report("io", TWO);
  changeset("core", "major"); // told of earlier changes
  git("add", "--all");
  git("commit", "--quiet", "--message", "Start");
  git("checkout", "--quiet", "-b", "branch");
  expect(untoldChanges(root, "main")).toEqual([]);

  report("core", ADD.replace("b:", "c:"), TWO, "export type Three = 3;", PART, SUMS);
  expect(untoldChanges(root, "main")).toEqual([
    "@gmr-conv/core exports something else, and has no changeset: expected a changeset\n" +
      "  + @gmr-conv/core: Three\n  ~ @gmr-conv/core: add",
  ]);
  changeset("core", "patch"); // not yet added to git
  expect(untoldChanges(root, "main")).toEqual([]);

  report("core", ADD, TWO, SUMS); // Part cannot be imported
  expect(untoldChanges(root, "main")).toEqual([]);
  report("core", ADD, SUMS.replace(",\n        Sum", ""));
  git("add", "--all");
  git("commit", "--quiet", "--message", "Change");
  const removed = untoldChanges(root, "main");
  expect(removed).toHaveLength(1);
  expect(removed[0]).toContain("has only a patch changeset: expected a minor one, because names are gone");
  expect(removed[0]).toContain("- @gmr-conv/core: two");
  expect(removed[0]).toContain("- @gmr-conv/core: sums.Sum");
  changeset("core", "minor");
  expect(untoldChanges(root, "main")).toEqual([]);

  report("io", ADD);
  changeset("io", "minor");
  expect(untoldChanges(root, "main")[0]).toContain("expected a major one");
  report("io", TWO);

  report("web", ADD);
  expect(untoldChanges(root, "main")[0]).toContain(
    "@gmr-conv/web exports something else, and has no changeset",
  );
  expect(() => untoldChanges(root, "nothing")).toThrow("nothing");
});
