// Both networks by turns, in Node: what a pause, a failing storage and a file of weights do to them.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { useWasm } from "@gmr-conv/backend-wasm";
import { GmrError } from "@gmr-conv/core";
import { pickEvenly } from "@gmr-conv/data";
import { readSafetensors } from "@gmr-conv/io";
import { checkpointName, MemoryStorage } from "@gmr-conv/training";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../../tooling/testing/expectGmrError.ts";
import { type Digits, digitsOf } from "./digits.ts";
import { KeptStorage } from "./keptStorage.ts";
import { type RunState, Session } from "./session.ts";

function digits(count: number): Digits {
  const read = (name: string) =>
    digitsOf(gunzipSync(readFileSync(new URL(`../../../dist/digits/${name}.bin`, import.meta.url))), name);
  return { train: pickEvenly(read("train"), count), heldOut: pickEvenly(read("held-out"), 20) };
}

beforeAll(() => useWasm({ threads: 1 }));

/** 20 steps with each network. */
const FEW = digits(640);
const SETTINGS = { size: "small", epochs: 1 } as const;

async function begun(storage: MemoryStorage | KeptStorage, onChange: (state: RunState) => void = () => {}) {
  const session = new Session(FEW, storage, onChange);
  await session.reset(SETTINGS);
  return session;
}

describe("Session", () => {
  it("ends with the same weights when it is paused and opened again, and leaks nothing", async () => {
    const counts = new Set<number>();
    const alone = await begun(new MemoryStorage(), ({ steps: { gmr, dense } }) => {
      if (gmr > 0 && dense > 0 && gmr < 20 && dense < 20) counts.add(tf.memory().numTensors);
    });
    const before = tf.memory().numTensors;
    await alone.go();
    expect(counts.size).toBe(1);
    const { total, steps, courses, running } = alone.state();
    expect({ total, steps, running }).toEqual({ total: 20, steps: { gmr: 20, dense: 20 }, running: false });
    expect(courses.gmr.loss.map(({ step }) => step)).toEqual([20]);
    expect(courses.dense.scores.map(({ step }) => step)).toEqual([0, 20]);
    expect(tf.memory().numTensors).toBe(before);
    // Ring convolutions are exact at quarter turns; the held-out digits are read with the final statistics.
    const [{ angles }] = courses.gmr.scores.slice(-1);
    expect([angles[3], angles[6], angles[9]]).toEqual([angles[0], angles[0], angles[0]]);

    const storage = new MemoryStorage();
    const first: Session = await begun(storage, (state) => {
      if (state.steps.dense >= 3) void first.pause();
    });
    await first.go();
    first.dispose();
    const second = new Session(FEW, storage, () => {});
    const opened = await second.open();
    expect(opened.settings).toEqual(SETTINGS);
    expect(opened.steps.gmr).toBeGreaterThan(0);
    expect(opened.steps.gmr).toBeLessThan(20);
    expect(opened.courses.gmr.scores.map(({ step }) => step)).toEqual([0]);
    await second.go();
    for (const name of ["gmr", "dense"] as const) {
      expect(Buffer.compare(await alone.save(name), await second.save(name))).toBe(0);
    }
    alone.dispose();
    second.dispose();
  });

  it("goes on from the checkpoint before a damaged one, and says so", async () => {
    const storage = new MemoryStorage();
    const session = await begun(storage);
    await session.go();
    session.dispose();
    const damage = async (age: number) => storage.write(checkpointName("gmr", age), Uint8Array.of(1, 2, 3));
    const newest = (await storage.read(checkpointName("gmr"))) as Uint8Array;
    await storage.write(checkpointName("gmr", 1), newest);
    await damage(0);
    const told: string[] = [];
    const open = async () => {
      const again = new Session(
        FEW,
        storage,
        () => {},
        (text) => told.push(text),
      );
      const { steps } = await again.open();
      again.dispose();
      return steps;
    };
    expect(await open()).toEqual({ gmr: 20, dense: 20 });
    expect(told).toEqual([
      expect.stringMatching(/^gmr\.checkpoint\.saf.*: training goes on from step 20\.$/),
    ]);
    await damage(1);
    expect(await open()).toEqual({ gmr: 0, dense: 20 });
    expect(told[1]).toMatch(/no whole checkpoint of gmr is left.*; the network begins anew\.$/);
    expect((await storage.list()).filter((name) => name.startsWith("gmr.checkpoint"))).toEqual([]);
  });

  it("takes weights that it saved, and refuses others", async () => {
    const session = await begun(new MemoryStorage());
    const saved = await session.save("gmr");
    expect(readSafetensors(saved).metadata.steps).toBe("0");
    await session.go();
    const trained = await session.save("gmr");
    const { steps, courses } = await session.load("gmr", trained, "mine.safetensors");
    expect(steps).toEqual({ gmr: 0, dense: 20 });
    expect(courses.gmr.scores).toHaveLength(1);
    // Files hold the weights of rings, which are trained in other coordinates: equal up to rounding.
    const again = readSafetensors(await session.save("gmr")).tensors;
    for (const [key, { data }] of readSafetensors(trained).tensors) {
      const loaded = again.get(key)?.data;
      data.forEach((value, i) => {
        expect(Number(loaded?.[i])).toBeCloseTo(Number(value), 5);
      });
    }

    const before = await session.save("dense");
    await expectGmrError(
      () => session.load("dense", trained, "mine.safetensors"),
      "invalid-data",
      /^mine.safetensors has the weights of another network than this one \(small, \d+ parameters\): choose the size/,
    );
    await expectGmrError(
      () => session.load("dense", new TextEncoder().encode("<!doctype html>"), "page.html"),
      "unsupported",
      /^page.html/,
    );
    await expectGmrError(
      () => session.load("dense", trained.subarray(0, 5000), "half.safetensors"),
      "invalid-data",
      /^half.safetensors/,
    );
    expect(Buffer.compare(await session.save("dense"), before)).toBe(0);
    session.dispose();
  });

  it("reads images with both networks while they train", async () => {
    const session = await begun(new MemoryStorage());
    const training = session.go();
    const { gmr, dense } = await session.read(new Float32Array(2 * 784), 30);
    expect([gmr.length, dense.length]).toEqual([2, 2]);
    expect(gmr[0].probability).toBeGreaterThan(0.09);
    await session.pause();
    await training;
    session.dispose();
  });
});

describe("KeptStorage", () => {
  it.each([
    [
      Object.assign(new Error("full"), { name: "QuotaExceededError" }),
      /storage for this page is full: training works/,
    ],
    [new Error("IndexedDB is not available here"), /stores nothing for this page, as in private windows/],
  ])("goes on in memory after %s, and says so once", async (cause, text) => {
    const told: string[] = [];
    const database = new MemoryStorage();
    await database.write("a", Uint8Array.of(1));
    const storage = new KeptStorage((problem) => told.push(problem), database);
    database.write = () => Promise.reject(new GmrError("io", `the database x: ${cause.message}`, { cause }));
    expect(await storage.read("a")).toEqual(Uint8Array.of(1));
    await storage.write("a", Uint8Array.of(2));
    await storage.write("b", Uint8Array.of(3));
    expect(await storage.read("a")).toEqual(Uint8Array.of(2));
    expect((await storage.list()).sort()).toEqual(["a", "b"]);
    await storage.remove("b");
    expect(await storage.read("b")).toBeUndefined();
    expect(told).toEqual([expect.stringMatching(text)]);
  });
});

it("damaged digits are refused", () =>
  expectGmrError(
    () => digitsOf(new Uint8Array(100), "train"),
    "invalid-data",
    /the digits "train" are damaged: 100/,
  ));
