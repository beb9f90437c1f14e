import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { idsOf, linksOf, markdownFiles, read, root } from "./markdown.mjs";

const files = markdownFiles();
const isRelative = (target: string): boolean => !/^[a-z]+:/.test(target);

/** A page that includes a README has its headings. */
function withIncludes(file: string): string {
  const text = read(file);
  const [, included] = /<!--@include: (.*)-->/.exec(text) ?? [];
  return included === undefined ? text : read(path.join(path.dirname(file), included));
}

it("relative links lead to files and headings that exist", () => {
  let checked = 0;
  const dead = files.flatMap((file) =>
    linksOf(read(file))
      .filter(isRelative)
      .filter((target) => {
        checked++;
        const [name, id] = target.split("#");
        let goal = name === "" ? file : path.join(path.dirname(file), name);
        if (!existsSync(path.join(root, goal))) return true;
        if (id === undefined) return false;
        if (statSync(path.join(root, goal)).isDirectory()) goal = path.join(goal, "README.md");
        return !idsOf(withIncludes(goal)).includes(id);
      })
      .map((target) => `${file}: ${target}`),
  );
  console.log(`${checked} relative links in ${files.length} files`);
  expect(dead).toEqual([]);
});

it("READMEs of packages link to nothing outside the package", () => {
  const names = readdirSync(path.join(root, "packages")).map((name) => `packages/${name}`);
  const outside = [...names, "apps/trainer"].flatMap((folder) =>
    linksOf(read(`${folder}/README.md`))
      .filter((target) => isRelative(target) && path.normalize(target.split("#")[0]).startsWith(".."))
      .map((target) => `${folder}: ${target}`),
  );
  expect(outside).toEqual([]);
});
