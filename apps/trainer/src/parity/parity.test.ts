import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { gmr, gmrProcess, temporaryFolder } from "../../testing/cli.ts";
import { works } from "../../testing/works.ts";

delete process.env.GMR_THREADS; // as many threads as the machine has

const fixtures = new URL("../../../../tooling/fixtures/official", import.meta.url).pathname;

describe("parity", () => {
  const NETWORKS = ["logits", "folded", "onnx", "state_dict"];

  // The stock CPU backend takes a minute for the volumes, and so may a software adapter.
  const cases: [backend: string, only: string, count: number][] = [
    ["wasm", ".", 40],
    ["cpu", "^conv|resnet18|unet2d", 37],
    ["webgpu", "^conv|resnet18|unet2d", 37],
    ["node", ".", 40],
  ];
  const possible = cases.filter(([backend]) => works(backend));
  /** Native libraries run in processes of their own. */
  const run = (backend: string) => (["node", "webgpu"].includes(backend) ? gmrProcess : gmr);

  it.each(possible)("passes the official networks of other options on %s", async (backend) => {
    const folder = new URL("../../../../tooling/fixtures/official-networks", import.meta.url).pathname;
    const only = backend === "cpu" ? "2d|resnet" : ".";
    const { code, stdout } = await run(backend)([
      "parity",
      "--fixtures",
      folder,
      "--backend",
      backend,
      "--only",
      only,
    ]);
    expect(stdout).toContain(`${backend === "cpu" ? 5 : 6} passed, 0 failed`);
    expect(code).toBe(0);
  });

  it.each(possible)("passes the golden cases on %s, one JSON object a line", async (backend, only, count) => {
    const args = ["--fixtures", fixtures, "--backend", backend, "--only", only, "--json"];
    const { code, stdout } = await run(backend)(["parity", ...args]);
    expect(code).toBe(0);
    const results = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(results).toHaveLength(count);
    for (const { name, ok, errors, strategies } of results) {
      expect(ok).toBe(true);
      if (name.startsWith("gmr_")) {
        expect(Object.keys(errors)).toEqual(expect.arrayContaining(NETWORKS));
        if (!name.includes("r3d")) expect(errors).toHaveProperty("logits_pth"); // the only one without a .pth
        if (!name.includes("unet")) expect(errors).toHaveProperty("gradients");
      } else {
        expect(strategies).toEqual(name === "conv2d_k5_trained_masks" ? ["dense"] : ["ring", "dense"]);
        expect(Object.keys(errors)).toEqual(expect.arrayContaining(["kernel", "y", "grad_x", "grad_weight"]));
      }
    }
  });

  it("fails on a changed number, and says which case", async () => {
    const folder = temporaryFolder();
    const bytes = readFileSync(path.join(fixtures, "conv2d_k5.safetensors"));
    const cases = JSON.parse(readFileSync(path.join(fixtures, "cases.json"), "utf8"));
    cases.cases = cases.cases.filter((entry: { name: string }) => entry.name === "conv2d_k5");
    bytes[bytes.length - 2] ^= 0x3f;
    writeFileSync(path.join(folder, "conv2d_k5.safetensors"), bytes);
    writeFileSync(path.join(folder, "cases.json"), JSON.stringify(cases));
    const { code, stderr } = await gmr(["parity", "--fixtures", folder]);
    expect(code).toBe(1);
    expect(stderr).toContain("1 case(s) differ from the golden numbers: conv2d_k5");
  });
});
