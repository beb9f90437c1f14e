// The data commands, sweeps and comparisons, as a user types them.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { datasetCards } from "@gmr-conv/data/node";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { gmr, temporaryFolder } from "../../testing/cli.ts";

const root = temporaryFolder();
const folder = path.join(root, "images");
const runs = path.join(root, "runs");

beforeAll(async () => {
  for (const [k, name] of ["dark", "light"].entries()) {
    mkdirSync(path.join(folder, name), { recursive: true });
    for (let i = 0; i < 20; i++) {
      const pixels = Uint8Array.from({ length: 144 }, (_, at) => 60 + 90 * k + ((at * 7 + i * 13) % 40));
      await sharp(pixels, { raw: { width: 12, height: 12, channels: 1 } })
        .toColourspace("b-w")
        .toFile(path.join(folder, name, `${i}.png`));
    }
  }
});

describe("gmr data", () => {
  it("lists the data sets", async () => {
    const { code, stdout } = await gmr(["data", "list"]);
    expect(code).toBe(0);
    for (const { name, licence } of datasetCards()) {
      expect(stdout).toContain(name);
      expect(stdout).toContain(licence.slice(0, 20));
    }
    const json = await gmr(["data", "list", "--json"]);
    const cards = json.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(cards.map(({ name }) => name)).toEqual(datasetCards().map(({ name }) => name));
  });

  it("says what a data set needs", async () => {
    const { code, stdout } = await gmr(["data", "info", "pcam"]);
    expect(code).toBe(0);
    for (const text of [
      "PatchCamelyon",
      "Licence",
      "train 262,144",
      "camelyonpatch_level_2_split_{train,valid,test}",
    ]) {
      expect(stdout).toContain(text);
    }
    const unknown = await gmr(["data", "info", "pcan"]);
    expect([unknown.code, unknown.stderr]).toEqual([1, 'gmr: data set "pcan": did you mean pcam?\n']);
  });

  it("verifies one, and names what is wrong", async () => {
    const verify = ["data", "verify", "folder", "--folder", folder];
    const good = await gmr(verify);
    expect(good.code).toBe(0);
    expect(good.stdout).toContain("images: classification of 12×12×1 into 2 classes");
    const bad = path.join(folder, "dark", "bad.png");
    writeFileSync(bad, "no image");
    const found = await gmr([...verify, "--set", "channels=1", "--json"]);
    expect(found.code).toBe(1);
    expect(JSON.parse(found.stdout).problems).toEqual([expect.stringContaining(`${bad}: not an image`)]);
    expect(found.stderr).toBe("gmr: 1 problem(s), see above\n");
    // Training continues without it if allowed.
    const train = `train --runs ${runs} --name skipping --dataset folder --folder ${folder} --epochs 1`;
    const strict = await gmr(train.split(" "));
    expect([strict.code, strict.stderr]).toEqual([1, expect.stringContaining(bad)]);
    const lenient = await gmr([...train.split(" "), "--skip-damaged"]);
    expect(lenient.code).toBe(0);
    expect(lenient.stderr).toContain(bad);
  }, 120_000);
});

describe("gmr sweep and compare", () => {
  it("trains every combination, ranks them, continues where it was stopped, and shows them in one report", async () => {
    const sweep = [
      ...`sweep --runs ${runs} --name s --dataset folder --folder ${folder} --skip-damaged --epochs 2`.split(
        " ",
      ),
      ...["--grid", "train.optimizer.learningRate=[0.005,0.00001]", "--seeds", "1,2"],
    ];
    const first = await gmr([...sweep, "--json"]);
    expect(first.code).toBe(0);
    const trials = first.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(trials.map(({ name }) => name).sort()).toEqual(["s-1", "s-2", "s-3", "s-4"]);
    const scores = trials.map((trial) => trial.scores[0].score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(trials.find(({ name }) => name === "s-4").set).toEqual([
      "train.optimizer.learningRate=0.00001",
      "train.seed=2",
    ]);
    const again = await gmr(sweep);
    expect(again.code).toBe(0);
    expect(again.stdout).toContain("Scores are on the validation images.");
    expect(again.stderr).toContain("trained for all of its 2 epochs");

    for (const name of ["s-1", "s-3"]) {
      const evaluated = await gmr(["eval", "--runs", runs, "--name", name, "--rotations", "90"]);
      expect(evaluated.code).toBe(0);
    }
    const output = path.join(root, "compare.html");
    const compared = await gmr(["compare", "s-1", "s-3/gmr", "--runs", runs, "--output", output]);
    expect(compared.code).toBe(0);
    expect(compared.stdout).toContain("s-3: ");
    const html = readFileSync(output, "utf8");
    for (const text of ["s-1: ", "s-3: "]) expect(html).toContain(text);
    const wrong = await gmr(["compare", "s-1/dense", "--runs", runs, "--output", output]);
    expect(wrong.stderr).toContain('run s-1 has no network "dense", expected one of gmr');
    const missing = await gmr(["compare", "s-2", "--runs", runs]);
    expect(missing.stderr).toContain("report.json does not exist: evaluate the run first");
    expect(existsSync("compare.html")).toBe(false);
  }, 240_000);
});
