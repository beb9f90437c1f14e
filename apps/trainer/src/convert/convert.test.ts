import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { maxRelativeError } from "@gmr-conv/core/equivariance";
import { readSafetensors, readTorch, writeTorch } from "@gmr-conv/io";
import { describe, expect, it } from "vitest";
import { gmr, temporaryFolder } from "../../testing/cli.ts";
import { runOnnx } from "../parity/runOnnx.ts";

const fixtures = new URL("../../../../tooling/fixtures/official", import.meta.url).pathname;

/** A new file of this name and content. */
function fileOf(name: string, content: string): string {
  const file = path.join(temporaryFolder(), name);
  writeFileSync(file, Buffer.from(content, "latin1"));
  return file;
}

describe("convert", () => {
  const networks = new URL("../../../../tooling/fixtures/official-networks", import.meta.url).pathname;

  it.each([
    ["resnet18_pooled_odd", 'stemPool true, oddSides "floor"'],
    [
      "unet2d_nontrainable_odd",
      'norm "instance" (group norm, which is not supported, looks the same), pooling "max"',
    ],
    ["unet3d_nontrainable", "slope 0.1"],
  ])("takes official weights as they are, and says what it assumed: %s", async (name, assumed) => {
    const io = readSafetensors(readFileSync(path.join(networks, `${name}.io.safetensors`))).tensors;
    const x = io.get("x");
    const [n, c, ...sizes] = x?.shape ?? [];
    // The endings and wrappers that trainers leave.
    const tensors = readSafetensors(readFileSync(path.join(networks, `${name}.weights.safetensors`))).tensors;
    const wrapped = new Map([...tensors].map(([key, tensor]) => [`module._orig_mod.${key}`, tensor]));
    const folder = temporaryFolder();
    const [input, output] = [path.join(folder, "last.ckpt"), path.join(folder, "model.onnx")];
    writeFileSync(input, writeTorch(wrapped));
    const { code, stderr } = await gmr([
      "convert",
      input,
      output,
      "--options",
      `{"inputShape":${JSON.stringify([...sizes, c])}}`,
    ]);
    expect(stderr).toContain('removed the prefix "module._orig_mod." of all names');
    expect(stderr).toContain("assumed as in the official package, since weights do not show it: ");
    expect(stderr).toContain(assumed);
    expect(code).toBe(0);
    const found = await runOnnx(readFileSync(output), {
      data: x?.data as Float32Array,
      shape: [n, c, ...sizes],
    });
    expect(maxRelativeError(found, (io.get("logits")?.data ?? []) as Float32Array)).toBeLessThan(1e-5);
  });

  it("reads the tensors of a training checkpoint, and lists what it leaves out", async () => {
    const fixture = new URL("../../../../packages/io/fixtures/objects.pth", import.meta.url).pathname;
    const output = path.join(temporaryFolder(), "weights.safetensors");
    const { code, stdout, stderr } = await gmr(["convert", fixture, output]);
    expect(code).toBe(0);
    expect(stdout).toContain("8 tensors written");
    expect(stderr).toMatch(
      /objects\.pth: left out .*args \(argparse\.Namespace\).* more objects, which are not tensors/,
    );
  });

  const objects = new URL("../../../../packages/io/fixtures/training.pth", import.meta.url).pathname;
  const weights = path.join(fixtures, "gmr_resnet18_w8.weights.pth");
  const network = [
    "--architecture",
    "gmr-resnet18",
    "--options",
    '{"inputShape":[24,24,3],"stemPool":false,"oddSides":"floor"}',
  ];

  it("takes official weights through every format and back, number for number", async () => {
    const folder = temporaryFolder();
    const at = (name: string) => path.join(folder, name);
    const convert = async (...args: string[]) => {
      const { code, stdout, stderr } = await gmr(["convert", ...args]);
      expect([code, stderr]).toEqual([0, ""]);
      return stdout.trim();
    };
    expect(await convert(weights, at("a.safetensors"))).toBe(`190 tensors written to ${at("a.safetensors")}`);
    await convert(at("a.safetensors"), at("model"), ...network);
    await convert(at("model"), at("back.pth"));
    const [first, last] = [weights, at("back.pth")].map((file) => readTorch(readFileSync(file)).tensors);
    expect([...last.keys()].sort()).toEqual([...first.keys()].sort());
    for (const [name, tensor] of first) {
      if (!name.endsWith("num_batches_tracked")) expect(last.get(name), name).toEqual(tensor);
    }
    const stock = await convert(at("model"), at("stock"), "--fold");
    expect(stock).toMatch(/^gmr-resnet18 \([\d,]+ parameters\) written to /);
    expect(readFileSync(path.join(at("stock"), "model.json"), "utf8")).not.toContain("Gmr");
    await convert(at("stock"), at("model.onnx"), "--layout", "NHWC");

    const io = readSafetensors(readFileSync(path.join(fixtures, "gmr_resnet18_w8.io.safetensors"))).tensors;
    const [x, logits] = ["x", "logits"].map((name) => io.get(name));
    const { data, shape } = x ?? { data: [], shape: [] };
    const [n, c, h, w] = shape;
    const turned = Float32Array.from({ length: data.length }, (_, i) => {
      const [image, row, column, channel] = [
        Math.floor(i / (c * h * w)),
        Math.floor(i / (c * w)) % h,
        Math.floor(i / c) % w,
        i % c,
      ];
      return Number(data[((image * c + channel) * h + row) * w + column]);
    });
    await convert(at("model"), at("rings.onnx"), "--layout", "NHWC", "--rings", "sums");
    const files = ["model.onnx", "rings.onnx"].map((name) => readFileSync(at(name)));
    for (const file of files) {
      const found = await runOnnx(file, { data: turned, shape: [n, h, w, c] });
      expect(maxRelativeError(found, (logits?.data ?? []) as Float32Array)).toBeLessThan(1e-5);
    }
    expect(files[1].length).toBeLessThan(0.5 * files[0].length);
  });

  it.each<[string, string[], string]>([
    ["weights without a network", [objects, "x.onnx"], "give --architecture and --options"],
    ["options that are no JSON", [weights, "x.onnx", ...network.slice(0, 3), "{"], "--options must be JSON"],
    [
      "another network",
      [weights, "x.onnx", "--architecture", "gmr-resnet34", ...network.slice(2)],
      "do not fit model",
    ],
    [
      "an unknown network",
      [weights, "x.onnx", "--architecture", "vgg"],
      'network "vgg": expected one of gmr-resnet18',
    ],
    ["an unknown ending", [weights, "x.zip"], 'cannot write "x.zip"'],
    ["a missing file", ["none.pth", "x.safetensors"], "cannot read none.pth"],
    ["a missing folder", ["none", "x.onnx"], "none"],
    [
      "a pointer of Git LFS",
      [fileOf("w.pth", "version https://git-lfs.github.com/spec/v1\n"), "x.onnx"],
      "git lfs pull",
    ],
    ["a web page", [fileOf("w.pth", "<!DOCTYPE html><html>"), "x.safetensors"], "is a web page, not weights"],
    ["an ONNX model", [fileOf("m.onnx", "\b\b\x12"), "x.safetensors"], "can be written but not read"],
    ["an HDF5 file", [fileOf("m.h5", "\x89HDF\r\n"), "x.onnx"], "tensorflowjs_converter"],
    ["an empty file", [fileOf("w.bin", ""), "x.onnx"], "is empty"],
    [
      "a graph model",
      [
        fileOf("model.json", JSON.stringify({ format: "graph-model", modelTopology: { node: [] } })),
        "x.onnx",
      ],
      "is a TensorFlow.js graph model",
    ],
    ["a key that is not there", [weights, "x.safetensors", "--at", "optimizer"], "optimizer"],
  ])("refuses %s", async (_, args, message) => {
    const { code, stderr } = await gmr(["convert", ...args]);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
    expect(
      stderr
        .trim()
        .split("\n")
        .filter((line) => !line.startsWith("(")),
    ).toHaveLength(1);
  });
});
