import { readFileSync } from "node:fs";
import { readSafetensors, type StoredTensor } from "@gmr-conv/io";
import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { formatAssumed, readOfficialNetwork } from "./official.ts";
import { planResNet } from "./planResNet.ts";
import { planUNet } from "./planUNet.ts";
import { createModel } from "./registry.ts";

interface Case {
  name: string;
  kind: string;
  config: Record<string, unknown>;
}

const folders = ["official", "official-networks"].map(
  (name) => new URL(`../../../tooling/fixtures/${name}/`, import.meta.url),
);
const cases = folders.flatMap((folder) => {
  const { cases } = JSON.parse(readFileSync(new URL("cases.json", folder), "utf8")) as { cases: Case[] };
  return cases.filter(({ kind }) => kind === "network").map((entry) => ({ ...entry, folder }));
});

const weightsOf = (folder: URL, name: string): Map<string, StoredTensor> =>
  readSafetensors(readFileSync(new URL(`${name}.weights.safetensors`, folder))).tensors;

describe("readOfficialNetwork", () => {
  it("has cases", () => expect(cases).toHaveLength(12));

  it.each(cases)("reads the options of $name from its weights", ({ folder, name, config }) => {
    const network = readOfficialNetwork(weightsOf(folder, name));
    const architecture = String(config.architecture);
    const { options, rank, channels } = network!;
    if (architecture === "gmr_unet") {
      expect(network).toMatchObject({
        name: "gmr-unet",
        rank: config.spatial_dims,
        channels: config.in_channels,
      });
      expect(options).toMatchObject({
        classes: config.out_channels,
        features: config.features,
        kernelSizes: config.kernel_sizes,
        circular: config.circular,
        mixture: config.mixture,
        levels: config.levels,
        norm: "instance",
        upsampling: config.upsample === "deconv" ? "deconv" : "linear",
      });
    } else {
      expect(network!.name).toBe(
        architecture.replace("gmr_r3d_", "gmr-r3d").replace("gmr_resnet", "gmr-resnet"),
      );
      expect(options).toMatchObject({ classes: config.num_classes, kernelSizes: config.kernel_sizes });
      if (rank === 2) expect(options).toMatchObject({ depths: config.depths, block: config.block });
      expect(channels).toBe(config.in_channels ?? (rank === 2 ? 3 : 1));
    }
  });

  it("recognises nothing else", () => {
    expect(readOfficialNetwork(new Map([["conv1.weight", { shape: [8, 3, 3, 3] }]]))).toBeUndefined();
    expect(readOfficialNetwork(new Map())).toBeUndefined();
  });

  const [{ folder }] = cases.filter(({ name }) => name === "gmr_unet2d");
  const unet = () => weightsOf(folder, "gmr_unet2d");
  it.each<[string, (tensors: Map<string, StoredTensor>) => void]>([
    [
      'upsample "pixelshuffle"',
      (t) =>
        t.set("upcat_1.upsample.pixelshuffle.conv_block.weight", { shape: [1], data: new Float32Array(1) }),
    ],
    ['act "PReLU"', (t) => t.set("conv_0.conv_0.adn.A.weight", { shape: [1], data: new Float32Array(1) })],
    ["bias false", (t) => t.delete("conv_0.conv_0.conv.bias")],
    ["norms without weights", (t) => t.delete("conv_0.conv_0.adn.N.weight")],
  ])("names what is not supported: %s", (option, change) => {
    const tensors = unet();
    change(tensors);
    expect(() => readOfficialNetwork(tensors)).toThrow(
      `the weights are of a U-Net with ${option}, which is not supported`,
    );
  });

  it("takes from the caller what weights do not tell", () => {
    const tensors = unet();
    tensors.delete("conv_0.conv_0.adn.N.weight");
    expect(readOfficialNetwork(tensors, ["norm", "slope"])?.assumed).toEqual({
      pooling: "max",
      oddSides: "floor",
    });
    expect(formatAssumed({ stemPool: true, strides: [1, 2] })).toBe("stemPool true, strides [1, 2]");
  });
});

describe("defaults", () => {
  it("are those of the official package", () => {
    const shape = { inputShape: [32, 32, 3], classes: 10, defaults: "official" as const };
    expect(planResNet(shape)).toMatchObject({
      stemPool: true,
      oddSides: "floor",
      stages: [3, 3, 3, 3].map((kernelSize) => ({ kernelSize })),
    });
    expect(planResNet({ ...shape, layerNames: "r3d" })).toMatchObject({ stemPool: false, oddSides: "floor" });
    expect(planUNet(shape)).toMatchObject({
      circular: false,
      mixture: false,
      upsampling: "deconv",
      oddSides: "floor",
      norm: "instance",
      slope: 0.1,
    });
    const model = createModel("gmr-resnet18", { ...shape, widths: [2, 2, 2, 2], stemPool: false });
    expect(model.layers.some(({ name }) => name === "pool1")).toBe(false);
    model.dispose();
    expectGmrError(
      () => createModel("gmr-resnet18", { ...shape, defaults: "theirs" as never }),
      "invalid-argument",
      'defaults must be "ours" or "official", got "theirs"',
    );
  });
});
