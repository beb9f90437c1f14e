import { readFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";
import { expect, it } from "vitest";
import { runReadmeExample } from "../../../tooling/testing/runReadmeExample.ts";

it.each(["Example", "Checking equivariance"])("the README's example prints what it says: %s", (section) => {
  const { printed, expected } = runReadmeExample(new URL("../", import.meta.url), section);
  expect(printed).toBe(expected);
});

it("the README's script for pages prints what it says", () => {
  const file = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), "utf8");
  const [, script, expected] = /<script>\s*(console.log.*?); \/\/ (.*?)\n/.exec(file("README.md")) ?? [];
  const printed: unknown[] = [];
  const page = createContext({ console: { log: (value: unknown) => printed.push(value) } });
  runInContext(`${file("dist/gmr-core.js")}\n${script}`, page);
  expect(printed.map(String)).toEqual([expected]);
});
