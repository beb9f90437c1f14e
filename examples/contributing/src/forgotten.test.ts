// Steps of the pages on contributing that nothing else would miss: a kernel without a test, a data set, a command or a
// layer that no list names.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as models from "@gmr-conv/models";
import * as groups from "@gmr-conv/models/groups";
import * as tfjs from "@gmr-conv/tfjs";
import { conformanceCases } from "@gmr-conv/tfjs/conformance";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const read = (file: string): string => readFileSync(path.join(root, file), "utf8");
/** The source files of a folder, without tests. */
const sourcesIn = (folder: string): string[] =>
  readdirSync(path.join(root, folder)).filter((name) => /^\w+\.ts$/.test(name));

const kernels = Object.entries(tfjs).flatMap(([constant, value]) =>
  typeof value === "object" && "name" in value && "check" in value ? [[constant, value.name] as const] : [],
);

/** What the table of kernels says that a kernel gets; undefined for one that it does not list. */
function inputsOf(name: string): string[] | undefined {
  const [family] = /^PositionConv/.exec(name) ?? [name];
  const row = new RegExp(`^\\| \`${family}…?\` +\\| (.*?) (→|\\|)`, "m").exec(
    read("packages/tfjs/README.md"),
  );
  return row?.[1].replace(/`.*?`/g, "").split(",");
}

describe.each(kernels)("the kernel %s", (constant, name) => {
  it("is called the same as its constant", () => expect(name).toBe(constant));

  it("stands in the table of kernels that a backend may implement", () =>
    expect(inputsOf(name)).toBeDefined());
});

const cases = conformanceCases({ randomCases: 0 }).map(({ name }) => name);

// Positions have the check of rings.
const ofSeveral = kernels.filter(
  ([, name]) => (inputsOf(name)?.length ?? 1) > 1 && !name.startsWith("Position"),
);

it.each(ofSeveral)("the conformance suite calls the kernel %s with tensors that do not fit", (constant) =>
  expect(cases.some((name) => name.startsWith(`${constant} refuses `))).toBe(true),
);

/** The layers among what a package exports. */
function layersOf(exported: object): string[] {
  return Object.values(exported).flatMap((value) =>
    typeof value === "function" &&
    value.prototype instanceof tf.layers.Layer &&
    Object.hasOwn(value, "className")
      ? [value.className]
      : [],
  );
}

it.each([...layersOf(tfjs), ...layersOf(models), ...layersOf(groups)])(
  "the layer %s can be loaded",
  (className) => {
    groups.registerGroupLayers();
    expect(Object.keys(tf.serialization.SerializationMap.getMap().classNameMap)).toContain(className);
  },
);

it.each(sourcesIn("packages/data/src/node/datasets"))("the data sets of %s are in the registry", (file) => {
  const names = read(`packages/data/src/node/datasets/${file}`).matchAll(/export const (\w+Dataset) =/g);
  for (const [, name] of names) expect(read("packages/data/src/node/registry.ts")).toContain(`  ${name},\n`);
});

it.each(sourcesIn("apps/trainer/src/commands"))("the command of %s is part of the program", (file) => {
  const found = /export function (add\w+)\(program: Command\)/.exec(
    read(`apps/trainer/src/commands/${file}`),
  );
  if (found) expect(read("apps/trainer/src/program.ts")).toContain(found[1]);
});

const backends = readdirSync(path.join(root, "packages")).filter((name) => name.startsWith("backend-"));

describe.each(backends)("the package %s", (name) => {
  it("can be selected", () => {
    expect(read("packages/backends/src/index.ts")).toContain(`@gmr-conv/${name}`);
    expect(read("packages/backends/package.json")).toContain(`@gmr-conv/${name}`);
  });

  it("runs the conformance suite", () => {
    const test = `packages/${name}/src/conformance.test.ts`;
    expect(existsSync(path.join(root, test)) && read(test)).toContain("@gmr-conv/tfjs/conformance");
  });

  it("is introduced in the README", () => expect(read("README.md")).toContain(`(packages/${name})`));
});
