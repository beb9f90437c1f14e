import { readdirSync, readFileSync } from "node:fs";
import { unzipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { checkpoint, integers, tensor, text, withEntry, zip } from "../../testing/hostile.ts";
import { readSafetensors } from "../safetensors.ts";
import type { StoredTensor } from "../storedTensor.ts";
import { readTorch } from "./readTorch.ts";

const FIXTURES = new URL("../../fixtures/", import.meta.url);
const OFFICIAL = new URL("../../../../tooling/fixtures/official/", import.meta.url);
const fixture = (name: string): Uint8Array => readFileSync(new URL(name, FIXTURES));

/** Shapes and numbers from PyTorch; as text for numbers that JSON lacks. */
interface Expected {
  shape: number[];
  data: (number | string)[];
}

function asExpected({ shape, data }: StoredTensor): Expected {
  const numbers = Array.from(data as Iterable<number | bigint>, (value) =>
    typeof value === "bigint" || !Number.isFinite(value) ? pythonText(value) : value,
  );
  return { shape, data: numbers };
}

const pythonText = (value: number | bigint): string => String(value).toLowerCase().replace("infinity", "inf");

describe("fixtures", () => {
  const names = readdirSync(FIXTURES).filter((name) => name.endsWith(".json"));

  it.each(names)("%s: shapes and numbers of every tensor, as in PyTorch", (name) => {
    const expected: Record<string, Expected> = JSON.parse(new TextDecoder().decode(fixture(name)));
    const { tensors } = readTorch(fixture(name.replace(".json", ".pth")), name, { at: "" });
    const found = Object.fromEntries([...tensors].map(([key, value]) => [key, asExpected(value)]));
    expect(found).toEqual(expected);
  });

  it("reads a network of the official package like its safetensors twin", () => {
    const { tensors, at, values } = readTorch(readFileSync(new URL("gmr_resnet18_w8.weights.pth", OFFICIAL)));
    const twin = readSafetensors(
      readFileSync(new URL("gmr_resnet18_w8.weights.safetensors", OFFICIAL)),
    ).tensors;
    expect(tensors.size).toBe(190);
    expect([at, values.size]).toEqual(["", 0]);
    expect(tensors).toEqual(twin);
  });

  it("returns arrays of the element types", () => {
    const { tensors } = readTorch(fixture("dtypes.pth"));
    const types = [...tensors].map(([name, { data, bool }]) => [name, data.constructor.name, bool]);
    expect(types.slice(0, 13)).toEqual([
      ["float64", "Float64Array", undefined],
      ["float32", "Float32Array", undefined],
      ["float16", "Float32Array", undefined],
      ["bfloat16", "Float32Array", undefined],
      ["int64", "BigInt64Array", undefined],
      ["int32", "Int32Array", undefined],
      ["int16", "Int16Array", undefined],
      ["int8", "Int8Array", undefined],
      ["uint64", "BigUint64Array", undefined],
      ["uint32", "Uint32Array", undefined],
      ["uint16", "Uint16Array", undefined],
      ["uint8", "Uint8Array", undefined],
      ["bool", "Uint8Array", true],
    ]);
  });

  it("reads tensors that share a storage into separate arrays", () => {
    const { tensors } = readTorch(fixture("views.pth"));
    tensors.get("base")?.data.fill(0 as never);
    expect(asExpected(tensors.get("of_many") as StoredTensor)).toEqual({ shape: [], data: [5] });
  });

  it("reads a Node Buffer inside a pool", () => {
    const bytes = fixture("views.pth");
    const buffer = Buffer.concat([Buffer.from("xyz"), bytes]).subarray(3);
    expect(readTorch(buffer)).toEqual(readTorch(bytes));
  });
});

describe("a training checkpoint", () => {
  it.each(["training", "training_protocol4", "training_old"])(
    "%s: the state dict, and everything else",
    (name) => {
      const { tensors, at, values } = readTorch(fixture(`${name}.pth`));
      expect(at).toBe("state_dict");
      expect([...tensors.keys()]).toEqual([
        "0.weight",
        "1.weight",
        "1.bias",
        "1.running_mean",
        "1.running_var",
        "1.num_batches_tracked",
        "3.weight",
        "3.bias",
      ]);
      expect(tensors.get("1.num_batches_tracked")).toEqual({ shape: [], data: BigInt64Array.of(1n) });
      expect(Object.fromEntries(values)).toMatchObject({
        epoch: 3,
        best: 0.75,
        name: "größe",
        done: false,
        note: null,
        seed: 2n ** 70n,
        negative: -(2 ** 40),
        dtype: "torch.float16",
        "size.1": 3,
        "history.0": 1.5,
        "history.1.1": "two",
        "optimizer.param_groups.0.lr": 0.125,
        "optimizer.param_groups.0.foreach": null,
      });
    },
  );

  it.each(["objects", "objects_protocol4", "objects_old"])(
    "%s: tensors beside objects of any class, which are listed but never constructed",
    (name) => {
      const { tensors, at, values, opaque } = readTorch(fixture(`${name}.pth`));
      expect(at).toBe("state_dict");
      expect(tensors.get("1.running_mean")?.shape).toEqual([2]);
      expect(tensors.size).toBe(8);
      expect(Object.fromEntries(values)).toEqual({
        device: "cuda:1",
        cpu: "cpu",
        best_acc: 0.875,
        loss: 0.25,
        steps: -12,
        done: true,
        "counts.losses.0": 0.5,
        "(a, 1)": "of a pair",
      });
      expect(Object.fromEntries(opaque)).toEqual({
        state_dict: "__main__.State",
        args: "argparse.Namespace",
        when: "datetime.datetime",
        array: "numpy.ndarray",
        tags: "set",
        frozen: "set",
        raw: "bytes",
        average: "__main__.Average",
        phases: "torch.ComplexFloatStorage",
        factory: expect.stringMatching(/dict$/),
      });
    },
  );

  it("rejects a whole module, which contains no dictionary of tensors", () =>
    expectGmrError(
      () => readTorch(checkpoint(`\x80\x02c__main__\nNet\n)\x81}${text("w")}${tensor()}sb.`), "net.pth"),
      "unsupported",
      'net.pth: it refers to "__main__.Net", which is not a part of dictionaries of tensors, ' +
        "and contains no tensors beside it; save model.state_dict() alone",
    ));

  it("returns the tensors of the requested part", () => {
    const { tensors, at } = readTorch(fixture("training.pth"), "x", { at: "optimizer.state.0" });
    expect([at, ...tensors.keys()]).toEqual(["optimizer.state.0", "step", "exp_avg", "exp_avg_sq"]);
  });

  it("requires a choice if there are several parts", async () => {
    const bytes = fixture("several.pth");
    await expectGmrError(
      () => readTorch(bytes, "gan.pth"),
      "invalid-argument",
      "gan.pth: several dictionaries have tensors; choose one by the option at " +
        '(--at in the command): "generator", "discriminator"',
    );
    expect(readTorch(bytes, "gan.pth", { at: "generator" }).tensors.get("w")?.data).toEqual(
      Float32Array.of(1, 1),
    );
    expect([...readTorch(bytes, "gan.pth", { at: "" }).tensors.keys()]).toEqual([
      "generator.w",
      "discriminator.w",
    ]);
    await expectGmrError(
      () => readTorch(bytes, "gan.pth", { at: "gen" }),
      "invalid-argument",
      'gan.pth: no tensors at "gen"; there are generator.w, discriminator.w, …',
    );
  });

  it("includes tensors beside a dictionary of tensors", async () => {
    const value = `}(${text("w")}${tensor()}${text("model")}}${text("v")}${tensor()}su`;
    await expectGmrError(
      () => readTorch(checkpoint(`\x80\x02${value}.`)),
      "invalid-argument",
      "torch checkpoint: several dictionaries have tensors; choose one by the option at " +
        '(--at in the command): "", "model"',
    );
  });

  it("may have no tensors at all", () => {
    const { tensors, values } = readTorch(checkpoint(`\x80\x02}${text("a")}K\x01s.`));
    expect([tensors.size, ...values]).toEqual([0, ["a", 1]]);
  });
});

describe("limits", () => {
  const million = withEntry(tensor({ shape: integers([1000, 1000]), strides: integers([0, 0]) }));

  it("allow 64 MiB for an expanded tensor in a small file", () => {
    expect(readTorch(million).tensors.get("x")?.data.length).toBe(1_000_000);
  });

  it("can be chosen by the caller", async () => {
    await expectGmrError(
      () => readTorch(million, "x.pth", { maxBytes: 3_999_999 }),
      "invalid-data",
      "x.pth: its tensors take 4000000 bytes, more than the 3999999 allowed",
    );
    expect(readTorch(million, "x.pth", { maxBytes: 4_000_000 }).tensors.size).toBe(1);
    await expectGmrError(
      () => readTorch(million, "x.pth", { maxBytes: 0 }),
      "invalid-argument",
      "maxBytes must be a positive integer, got 0",
    );
  });

  it("give way to the machine beyond its memory", () => {
    const bytes = withEntry(tensor({ shape: integers([2 ** 45]), strides: integers([0]) }));
    return expectGmrError(
      () => readTorch(bytes, "x.pth", { maxBytes: 2 ** 53 - 1 }),
      "unsupported",
      "a tensor of 140737488355328 bytes is too large for this machine",
    );
  });

  it("apply only to the requested tensors", () => {
    const value = `}(${text("a")}}${text("w")}${tensor()}s${text("b")}}${text("w")}`;
    const large = tensor({ shape: integers([2 ** 40]), strides: integers([0]) });
    const bytes = checkpoint(`\x80\x02${value}${large}su.`);
    expect(readTorch(bytes, "x.pth", { at: "a" }).tensors.size).toBe(1);
  });
});

describe("archives", () => {
  it("may be compressed", () => {
    const bytes = fixture("views.pth");
    expect(readTorch(zip(unzipSync(bytes), 9))).toEqual(readTorch(bytes));
  });

  it("are read without checksums", () => {
    // PyTorch writes 0 if told not to compute them.
    const bytes = Buffer.from(withEntry(tensor()));
    for (let at = bytes.indexOf("PK\x01\x02"); at >= 0; at = bytes.indexOf("PK\x01\x02", at + 1)) {
      bytes.writeUInt32LE(0, at + 16);
    }
    expect(readTorch(bytes).tensors.size).toBe(1);
  });
});
