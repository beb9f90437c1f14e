import { mkdtempSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { gmr } from "../../testing/cli.ts";
import { cudaNeeds, missingLibraries } from "./cuda.ts";
import { explainLoadFailure } from "./explain.ts";

describe("cudaNeeds", () => {
  it.each([
    ["2.15.1", "12.2", "8.9", "libcudart.so.12"],
    ["2.14.0", "11.8", "8.7", "libcudart.so.11.0"],
    ["2.9.1", "11.2", "8.1", "libcudart.so.11.0"],
  ])("TensorFlow %s needs CUDA %s and cuDNN %s", (version, cuda, cudnn, library) => {
    const needs = cudaNeeds(version);
    expect(needs).toMatchObject({ cuda, cudnn });
    expect(needs?.libraries).toEqual(expect.arrayContaining([library, "libcudnn.so.8"]));
  });

  it("says nothing of versions that it does not know", () => {
    expect(["2.4.0", "2.16.1", "3.0.0", "unknown"].map(cudaNeeds)).toEqual(Array(4).fill(undefined));
  });
});

describe("missingLibraries", () => {
  afterEach(() => vi.unstubAllEnvs());

  it("finds what the linker knows, and what lies in LD_LIBRARY_PATH", () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), "gmr-libraries-"));
    writeFileSync(path.join(folder, "libcudart.so.12"), "");
    vi.stubEnv("LD_LIBRARY_PATH", `/nowhere:${folder}`);
    const wanted = ["libcudart.so.12", "libno-such-thing.so.8"];
    if (process.platform === "linux") wanted.push("libc.so.6");
    expect(missingLibraries(wanted)).toEqual(["libno-such-thing.so.8"]);
  });
});

it.each([
  [
    "libcudart.so.11.0: cannot open shared object file: No such file",
    /system package that provides libcudart\.so\.11\.0/,
  ],
  ["libtensorflow.so.2: cannot open shared object file", /rebuild it with --force/],
  ["/lib/libm.so.6: version `GLIBC_2.38' not found (required by …)", /newer system \(GLIBC_2\.38\)/],
  ["tfjs_binding.node: invalid ELF header", /another processor or system/],
  ["compiled against NODE_MODULE_VERSION 115", /another version of Node/],
])("explains %s", (reason, advice) => {
  expect(explainLoadFailure(reason)).toMatch(advice);
});

it("leaves what speaks for itself", () => expect(explainLoadFailure("out of memory")).toBeUndefined());

delete process.env.GMR_THREADS; // as many threads as the machine has
const { stdout: before } = await gmr(["doctor", "node"]);
const native = process.platform === "linux" && before.includes("TensorFlow computes on the CPU");
if (!native) console.warn(`A test of doctor is skipped, since it needs TensorFlow on a CPU:\n${before}`);

describe("gmr doctor", () => {
  it("checks layers on a backend", async () => {
    const { code, stdout } = await gmr(["doctor", "wasm"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^backend wasm\n {2}ok {6}starts: (one thread|\d+ threads)\n {2}ok {6}computes \d+ layers/,
    );
  });

  it("fails where a backend that was asked for is missing, and says what to do", async () => {
    vi.stubEnv("VK_ICD_FILENAMES", "/none");
    vi.stubEnv("VK_DRIVER_FILES", "/none");
    const { code, stdout, stderr } = await gmr(["doctor", "webgpu"]);
    vi.unstubAllEnvs();
    expect(code).toBe(1);
    // What Dawn writes is shown with --debug only.
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stdout).toMatch(/note {4}does not start: WebGPU found no adapter: is there a driver for Vulkan/);
    expect(stdout).not.toContain("npm install"); // of a package that is there
    expect(stderr).toContain("gmr: 1 problem(s), see above");
  });

  it.skipIf(!native)("says why TensorFlow leaves a GPU alone that the driver shows", async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), "gmr-driver-"));
    const program = '#!/bin/sh\necho "Some GPU, 16384, 570.1"\n';
    writeFileSync(path.join(folder, "nvidia-smi"), program, { mode: 0o755 });
    vi.stubEnv("PATH", `${folder}:${process.env.PATH}`);
    const { code, stdout } = await gmr(["doctor", "node"]);
    vi.unstubAllEnvs();
    expect(code).toBe(1);
    expect(stdout).toContain("the driver (570.1) shows Some GPU, 16.0 GiB");
    expect(stdout).toMatch(
      /problem TensorFlow .* CPU although there is a GPU\n {10}(install .*tfjs-node-gpu|TensorFlow .* needs CUDA)/,
    );
  });

  it("refuses an unknown backend", async () => {
    const { code, stderr } = await gmr(["doctor", "gpu"]);
    expect(code).toBe(1);
    expect(stderr).toContain("Allowed choices are node, webgpu, wasm, cpu");
  });
});
