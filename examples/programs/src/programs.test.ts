// Runs every program as its user would: with node, from the packages as they are published.

import { execFileSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, expect, it } from "vitest";
import { installPacked } from "../../../tooling/testing/installPacked.ts";

const programs = fileURLToPath(new URL("../", import.meta.url));
const weights = fileURLToPath(
  new URL("../../../tooling/fixtures/official-networks/resnet18_odd.weights.pth", import.meta.url),
);
const { folder, remove } = installPacked(["core", "tfjs", "models", "data", "io", "backend-wasm"]);
writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
afterAll(remove);

function run(program: string, ...args: string[]): string {
  copyFileSync(join(programs, program), join(folder, program));
  return execFileSync(process.execPath, [program, ...args], { cwd: folder, encoding: "utf8", stdio: "pipe" });
}
/** The numbers that a program prints after a text. */
const numbersAfter = (text: string, printed: string): number[] =>
  [...printed.matchAll(new RegExp(`${text}\\D*?([\\d.]+)`, "g"))].map(([, number]) => Number(number));

it("classify.js: right on turned images", () => {
  const printed = run("classify.js");
  const [upright, , ...quarters] = numbersAfter("turned by \\d+°: ", printed);
  expect(upright, printed).toBeGreaterThanOrEqual(95);
  expect(quarters, printed).toEqual([upright, upright]);
  expect(printed).toMatch(/the first image is a (bar|cross|ring)\n$/);
});

it("convert.js: the converted model is as good on turned images as on upright ones", () => {
  const printed = run("convert.js");
  expect(printed).toMatch(/total +1,376 → 309/);
  const [upright] = numbersAfter("converted: upright ", printed);
  expect(upright, printed).toBeGreaterThanOrEqual(95);
  expect(printed).toContain(`converted: upright ${upright} %, turned ${upright} %`);
});

it("segment.js: learns masks, which turn with the images", () => {
  const printed = run("segment.js");
  expect(numbersAfter("mean IoU of new images: ", printed)[0], printed).toBeGreaterThan(0.85);
  const [same] = numbersAfter("masks of shape \\[8,32,32\\], ", printed);
  expect(same, printed).toBeGreaterThan(99.9);
});

it("checkpoint.js: loads weights of the official package and writes ONNX", async () => {
  const printed = run("checkpoint.js", weights, "model.onnx");
  expect(printed).toBe(
    "torch file of 190 tensors\n" +
      'gmr-resnet18, assumed: {"stemPool":true,"oddSides":"floor"}\n' +
      "119 tensors loaded\n" +
      "logits [1,5], the same when mirrored: true\n" +
      "model.onnx: 270 kB\n",
  );
  const session = await InferenceSession.create(join(folder, "model.onnx"));
  const images = new Tensor("float32", new Float32Array(3 * 64 * 64).fill(0.5), [1, 3, 64, 64]);
  const [logits] = Object.values(await session.run({ [session.inputNames[0]]: images }));
  expect(logits.dims).toEqual([1, 5]);
});

it("mathematics.js: a kernel with all symmetries", () => {
  const printed = run("mathematics.js");
  expect(printed).toContain("28 parameters make a kernel of 294\n");
  expect(printed.match(/ kept$/gm)).toHaveLength(8);
});

it("rings.js: prints and draws the kernels of every layer", () => {
  const printed = run("rings.js", "kernels.svg");
  expect(printed).toContain("\n2 1 0 1 2\n");
  expect(printed.match(/centre █[▁-█]{2} edge, widths( \d\.\d\d){3}\n/g)).toHaveLength(13);
  expect(printed).toMatch(/conv1 as an ordinary convolution: the same answers\n$/);
  const drawing = readFileSync(join(folder, "kernels.svg"), "utf8");
  expect(drawing.match(/<rect /g)).toHaveLength(13 * 8 * 25);
  expect(drawing).not.toMatch(/NaN|Infinity/);
});

it("programs are short, and named in the README", () => {
  const names = readdirSync(programs).filter((name) => name.endsWith(".js"));
  const readme = readFileSync(join(programs, "../../README.md"), "utf8");
  for (const name of names) {
    expect(readFileSync(join(programs, name), "utf8").split("\n").length, name).toBeLessThanOrEqual(41);
    expect(readme).toContain(`(examples/programs/${name})`);
  }
});
