// Every command line that the documentation shows is understood: its command, options and their values. Nothing runs.

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { expect, it } from "vitest";
import { makeProgram } from "./program.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

function pages(): string[] {
  const inFolders = ["docs", "docs/contributing", "docs/start", "packages", "apps", "examples"].flatMap(
    (folder) =>
      readdirSync(path.join(root, folder), { withFileTypes: true }).map((entry) =>
        entry.isDirectory() ? `${folder}/${entry.name}/README.md` : `${folder}/${entry.name}`,
      ),
  );
  const files = new Set(["README.md", ...inFolders].filter((file) => file.endsWith(".md")));
  return [...files];
}

function read(file: string): string {
  try {
    return readFileSync(path.join(root, file), "utf8");
  } catch {
    return ""; // a folder without a README
  }
}

/** The arguments of every `gmr` in the shell blocks of a page. */
function commandLines(text: string): string[][] {
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code]) =>
    code.replace(/\\\n/g, " "),
  );
  const starts = /^\s*(?:npm run gmr --|npx gmr|gmr)(?= |$)/;
  return blocks.flatMap((code) =>
    code
      .split("\n")
      .filter((line) => starts.test(line))
      .map((line) => words(line.replace(starts, "").replace(/\s#.*$/, ""))),
  );
}

function words(line: string): string[] {
  return (line.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? []).map((word) =>
    word.replace(/'([^']*)'|"([^"]*)"/g, "$1$2"),
  );
}

/** The program, with commands that do nothing and errors that are thrown. */
function deaf(command: Command): Command {
  command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
  if (command.commands.length === 0) command.action(() => {});
  for (const child of command.commands) deaf(child);
  return command;
}

const lines = pages().flatMap((page) => commandLines(read(page)).map((args) => ({ page, args })));

it("understands every command line of the documentation", () => {
  const refused = lines.flatMap(({ page, args }) => {
    try {
      deaf(makeProgram()).parse(args, { from: "user" });
      return [];
    } catch (error) {
      return [`${page}: gmr ${args.join(" ")}: ${(error as Error).message}`];
    }
  });
  console.log(`${lines.length} command lines`);
  expect(refused.filter((line) => !line.endsWith("(outputHelp)"))).toEqual([]);
  expect(lines.length).toBeGreaterThan(50);
});

it("would notice what does not exist", () => {
  const parse = (...args: string[]) => deaf(makeProgram()).parse(args, { from: "user" });
  expect(() => parse("train", "--no-such-option")).toThrow("unknown option");
  expect(() => parse("trian")).toThrow("unknown command");
  expect(() => parse("predict")).toThrow("missing required argument");
});
