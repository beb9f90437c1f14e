// Which changes of public APIs no changeset tells of.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import parseChangeset from "@changesets/parse";
import { REPORTS } from "./report.ts";

const LEVELS = ["none", "patch", "minor", "major"] as const;
type Level = (typeof LEVELS)[number];

/**
 * Compares reports on public APIs, and changesets, with those of a revision. A changed report needs a changeset of its
 * package; names that are gone need a minor one before version 1, a major one from then on.
 * @param root a work tree of git, with everything as it is on disk
 * @returns a message for each package that has no such changeset
 * @throws Error if git does not know the revision
 */
export function untoldChanges(root: string, since: string): string[] {
  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: 2 ** 28, stdio: "pipe" });
  const base = git("merge-base", since, "HEAD").trim();
  const changed = (folder: string, filter: string): string[] => [
    ...lines(git("diff", "--name-only", "--no-renames", `--diff-filter=${filter}`, base, "--", folder)),
    ...lines(git("ls-files", "--others", "--exclude-standard", "--", folder)),
  ];

  const told = new Map<string, Level>();
  for (const file of changed(".changeset", "AM")) {
    if (!file.endsWith(".md") || path.basename(file) === "README.md") continue;
    for (const { name, type } of parseChangeset(readFileSync(path.join(root, file), "utf8")).releases) {
      if (isLess(told.get(name) ?? "none", type)) told.set(name, type);
    }
  }

  return changed(REPORTS, "AMD").flatMap((file) => {
    const name = `@gmr-conv/${path.basename(file, ".md")}`;
    const isNew = git("ls-tree", "--name-only", base, file) === "";
    // The first report on a package that had none is no change of it.
    const folder = path.basename(file, ".md");
    const manifests = ["packages", "apps"].map((parent) => `${parent}/${folder}/package.json`);
    if (isNew && git("ls-tree", "--name-only", base, ...manifests) !== "") return [];
    const before = isNew ? new Map<string, Entry>() : entriesOf(git("show", `${base}:${file}`));
    const report = path.join(root, file);
    const after = existsSync(report) ? entriesOf(readFileSync(report, "utf8")) : new Map<string, Entry>();
    const gone = [...before.keys()].filter((key) => !after.has(key));
    const added = [...after.keys()].filter((key) => !before.has(key));
    const altered = [...after.keys()].filter(
      (key) => before.has(key) && before.get(key)!.text !== after.get(key)!.text,
    );
    if (gone.length + added.length + altered.length === 0) return [];

    const needed = gone.some((key) => before.get(key)!.isPublic) ? breaking(root, name) : "patch";
    const found = told.get(name) ?? "none";
    if (!isLess(found, needed)) return [];
    const has = found === "none" ? "no changeset" : `only a ${found} changeset`;
    const wants = needed === "patch" ? "a changeset" : `a ${needed} one, because names are gone`;
    const list = [
      ...gone.map((key) => `  - ${key}`),
      ...added.map((key) => `  + ${key}`),
      ...altered.map((key) => `  ~ ${key}`),
    ];
    return [`${name} exports something else, and has ${has}: expected ${wants}\n${list.join("\n")}`];
  });
}

/** The least that a changeset must be if something is removed. */
function breaking(root: string, name: string): Level {
  const folder = ["packages", "apps"].map((parent) => path.join(root, parent, name.split("/")[1]));
  const manifest = folder.map((one) => path.join(one, "package.json")).find((file) => existsSync(file));
  const { version = "0" } = manifest
    ? (JSON.parse(readFileSync(manifest, "utf8")) as { version?: string })
    : {};
  return version.startsWith("0") ? "minor" : "major";
}

const isLess = (level: Level, other: Level): boolean => LEVELS.indexOf(level) < LEVELS.indexOf(other);
const lines = (text: string): string[] => text.split("\n").filter(Boolean);

interface Entry {
  text: string;
  /** Whether one can import it. */
  isPublic: boolean;
}

/** The declarations of a report, by entry of the package and name. */
export function entriesOf(report: string): Map<string, Entry> {
  const found = new Map<string, Entry>();
  for (const section of report.split(/^## /m).slice(1)) {
    const place = section.slice(0, section.indexOf("\n"));
    const [, declarations = ""] = /```ts\n([\s\S]*?)\n```/.exec(section) ?? [];
    for (const text of declarations.split(/\n\n+/).filter(Boolean)) {
      for (const { name, isPublic } of namesIn(text)) {
        const key = `${place}: ${name}`;
        // Overloads are declarations of one name.
        const overload = found.get(key);
        found.set(key, {
          text: overload ? `${overload.text}\n${text}` : text,
          isPublic: isPublic || overload?.isPublic === true,
        });
      }
    }
  }
  return found;
}

function namesIn(text: string): { name: string; isPublic: boolean }[] {
  const code = text.replaceAll(/^\/\/ .*\n/gm, "");
  const isPublic = code.startsWith("export ");
  if (code.startsWith("import ")) return [{ name: "imports", isPublic: false }];
  const list = /^(?:declare namespace (\w+) \{\s*)?export \{([^}]*)\}/.exec(code);
  if (list) {
    const [, namespace, names] = list;
    return names
      .split(",")
      .map((one) => one.trim().split(" as ").at(-1)!)
      .filter(Boolean)
      .map((name) => ({ name: namespace ? `${namespace}.${name}` : name, isPublic: true }));
  }
  const [, name = code.split("\n")[0]] =
    /^(?:export )?(?:default )?(?:declare )?(?:abstract )?(?:class|interface|function|const enum|const|let|var|type|enum|namespace) ([\w$]+)/.exec(
      code,
    ) ?? [];
  return [{ name, isPublic }];
}
