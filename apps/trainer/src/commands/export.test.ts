// Networks exported as pages and as packages for Node, and used as their users do.

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { decodeMask } from "@gmr-conv/data/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installPacked } from "../../../../tooling/testing/installPacked.ts";
import { gmr, temporaryFolder } from "../../testing/cli.ts";
import { trainOnDiscs } from "../../testing/discs.ts";

const root = temporaryFolder();
const at = (...names: string[]): string => path.join(root, ...names);
const run = (name: string): string => at("runs", name);

beforeAll(() => trainOnDiscs(root), 240_000);

describe("gmr export", () => {
  it("writes a page, over its own earlier output only", async () => {
    const exportPage = (...more: string[]) => gmr(["export", "web", run("c"), at("page"), ...more]);
    const first = await exportPage();
    expect([first.code, first.stderr]).toEqual([0, `Reading ${run("c")} …\nWriting ${at("page")} …\n`]);
    expect(first.stdout).toMatch(/network\/weights\.safetensors +│ +\d+ kB/);
    const files = readdirSync(at("page")).sort();
    expect(files).toEqual(["README.txt", "assets", "icon.svg", "index.html", "network", "opened.js"]);

    const again = await exportPage("--json", "--title", "Two discs", "--folded");
    expect([again.code, again.stderr]).toEqual([0, ""]);
    const written = JSON.parse(again.stdout);
    expect(written).toMatchObject({ kind: "web", folder: at("page"), title: "Two discs", shape: [16, 16, 1] });
    expect(written.classNames).toEqual(["large", "small"]);
    const names = written.files.map(({ file }: { file: string }) => file);
    expect(names).toContain("network/model.json");
    expect(names).not.toContain("network/weights.safetensors");
    const description = JSON.parse(readFileSync(at("page", "network", "network.json"), "utf8"));
    expect(description.card).toMatchObject({ title: "Two discs", data: { name: "folder" } });

    mkdirSync(at("notes"));
    writeFileSync(at("notes", "notes.txt"), "mine");
    const refused = await gmr(["export", "web", "gmr-mnist", at("notes")]);
    expect([refused.code, refused.stderr.split("\n").at(-2)]).toEqual([
      1,
      `gmr: ${at("notes")} has other files (notes.txt): choose an empty or new folder, or add --overwrite to write ` +
        "among them",
    ]);
    const among = await gmr(["export", "web", "gmr-mnist", at("notes"), "--overwrite"]);
    expect([among.code, readFileSync(at("notes", "notes.txt"), "utf8")]).toEqual([0, "mine"]);
    expect(existsSync(at("notes", "index.html"))).toBe(true);
  });

  it("says what cannot be exported", async () => {
    const errorOf = async (...args: string[]) => (await gmr(["export", ...args])).stderr.split("\n").at(-2);
    expect(await errorOf("web", at("nowhere"), at("none"))).toContain("expected the folder of a run");
    expect(await errorOf("web", run("c"), at("none"), "--network", "other")).toContain('no network "other"');
    expect(await errorOf("node", run("c"), at("none"), "--package-name", "Not A Name")).toBe(
      'gmr: package name "Not A Name": expected lower-case letters, digits, "-", "_" and ".", as npm does',
    );
    writeFileSync(at("file"), "");
    expect(await errorOf("web", run("c"), at("file"))).toContain("it is a file, expected a folder");
    expect(existsSync(at("none"))).toBe(false);
  });
});

describe("a package for Node, with the packages as they are published", () => {
  const parts = ["core", "tfjs", "models", "data", "io", "training", "backend-wasm", "web", "predict"];
  let folder: string;
  let remove = (): void => {};

  beforeAll(async () => {
    ({ folder, remove } = installPacked(parts));
    for (const name of ["c", "s"]) {
      const exported = await gmr(["export", "node", run(name), at(`discs-${name}`)]);
      expect([exported.code, exported.code === 0 ? "" : exported.stderr]).toEqual([0, ""]);
      // As `npm install ./discs-c` does, without a registry.
      cpSync(at(`discs-${name}`), path.join(folder, "node_modules", `discs-${name}`), { recursive: true });
    }
    writeFileSync(path.join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
  }, 120_000);

  afterAll(() => remove());

  function runProgram<Answer>(text: string): Answer {
    writeFileSync(path.join(folder, "program.js"), text);
    const options = { cwd: folder, encoding: "utf8", stdio: "pipe" } as const;
    return JSON.parse(execFileSync(process.execPath, ["program.js"], options)) as Answer;
  }

  it("gives the probabilities of gmr predict", async () => {
    const file = at("classes", "large", "3.png");
    const { classes, names } = runProgram<{
      classes: { name: string; probability: number }[];
      names: string[];
    }>(`
      import { classNames, predict } from "discs-c";
      const { classes } = await predict(${JSON.stringify(file)});
      console.log(JSON.stringify({ classes, names: classNames }));
    `);
    expect(names).toEqual(["large", "small"]);
    const { stdout } = await gmr(["predict", run("c"), file, "--top", "2", "--json"]);
    const [row] = JSON.parse(stdout);
    expect(classes[0].name).toBe(row.class);
    expect(Math.abs(classes[0].probability - row.probability)).toBeLessThanOrEqual(1e-6);
    expect(Math.abs(classes[1].probability - row.probability2)).toBeLessThanOrEqual(1e-6);
  });

  it("gives the mask of gmr predict", async () => {
    const file = at("masks", "images", "3.png");
    const answer = runProgram<{ mask: number[]; width: number; pixels: number[] }>(`
      import { readFileSync } from "node:fs";
      import { predict } from "discs-s";
      const { mask, width, pixels } = await predict(readFileSync(${JSON.stringify(file)}));
      console.log(JSON.stringify({ mask: [...mask], width, pixels }));
    `);
    expect((await gmr(["predict", run("s"), file, "--masks", at("found")])).code).toBe(0);
    const { data, shape } = await decodeMask(at("found", "3.png"));
    expect(answer.mask).toEqual([...data]);
    expect([answer.width, answer.pixels.length]).toEqual([shape[1], 2]);
  });

  it("has types for its own classes", () => {
    const program = `
      import { type ClassName, predict } from "discs-c";
      import { predict as segment } from "discs-s";
      const { classes } = await predict({ data: new Uint8Array(256), width: 16, height: 16, channels: 1 });
      const best: ClassName = classes[0].name;
      const { mask }: { mask: Uint8Array } = await segment(new URL("file:///image.png"), { tile: 64 });
      // @ts-expect-error not a class
      const other: ClassName = "medium";
      console.log(best, mask, other);
    `;
    writeFileSync(path.join(folder, "program.ts"), program);
    writeFileSync(
      path.join(folder, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: {
          strict: true,
          noEmit: true,
          module: "NodeNext",
          target: "ES2022",
          lib: ["ES2022", "DOM"],
          types: [],
        },
        files: ["program.ts"],
      }),
    );
    const tsc = path.join(process.cwd(), "../../node_modules/.bin/tsc");
    expect(() => execFileSync(tsc, ["-p", folder], { encoding: "utf8", stdio: "pipe" })).not.toThrow();
  });
});
