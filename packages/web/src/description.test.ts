import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { type NetworkDescription, parseNetworkDescription } from "./description.ts";

const VALID: NetworkDescription = {
  format: "gmr-conv network",
  version: 1,
  task: "classification",
  network: { name: "gmr-resnet18", options: { inputShape: [32, 32, 3], classes: 2 } },
  weights: "weights.safetensors",
  shape: [32, 32, 3],
  classNames: ["cat", "dog"],
  normalization: { mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2] },
  reading: { resize: "pad", background: [255, 255, 255], range: [0, 4095] },
  card: { title: "Pets", accuracy: { score: "accuracy", upright: 0.9 } },
};

it("reads what it should, from text and as an object", () => {
  expect(parseNetworkDescription(JSON.stringify(VALID))).toEqual(VALID);
  const { network: _, ...folded } = {
    ...VALID,
    weights: "model/model.json",
    normalization: null,
    reading: {},
  };
  expect(parseNetworkDescription(folded)).toEqual(folded);
});

describe("says what is wrong", () => {
  const wrong: readonly (readonly [change: object, message: string])[] = [
    [{ task: "detection" }, '"task" must be "classification" or "segmentation", got "detection"'],
    [{ network: "gmr-resnet18" }, '"network" must be { name, options } or absent, got "gmr-resnet18"'],
    [{ weights: "../secret" }, '"weights" must be the name of a file beside it, got "../secret"'],
    [
      { weights: "https://elsewhere/x" },
      '"weights" must be the name of a file beside it, got "https://elsewhere/x"',
    ],
    [
      { shape: [32, 32, 2] },
      '"shape" must be [height, width, channels] with 1 or 3 channels, got [32, 32, 2]',
    ],
    [{ classNames: ["one"] }, '"classNames" must be a list of at least two names, got ["one"]'],
    [
      { normalization: { mean: [0], std: [1] } },
      '"normalization" must be null or { mean, std }, each with 3 numbers',
    ],
    [
      { reading: { resize: "fit" } },
      '"reading.resize" must be "crop", "stretch", "pad" or "none", got "fit"',
    ],
    [{ reading: { background: [0, 0, 256] } }, '"reading.background" must be three numbers from 0 to 255'],
    [{ reading: { range: [5, 1] } }, '"reading.range" must be "auto", "image", "type" or two rising numbers'],
    [{ card: {} }, '"card.title" must be a text, got undefined'],
    [{ format: "other" }, 'expected "format": "gmr-conv network", got "other"'],
  ];
  it.each(wrong)("%o", (change, message) => {
    const text = message.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    expectGmrError(
      () => parseNetworkDescription({ ...VALID, ...change }),
      "invalid-data",
      new RegExp(`^network.json: .*${text}`),
    );
  });

  it("of other files and versions", () => {
    const parse = (value: unknown) => () => parseNetworkDescription(value, "n.json");
    expectGmrError(parse("<!doctype html>"), "invalid-data", /^n.json: .*got a web page/);
    expectGmrError(parse("{"), "invalid-data", 'n.json: expected JSON, got "{"');
    expectGmrError(parse([]), "invalid-data", /not the description of a network/);
    expectGmrError(parse({ ...VALID, version: 3 }), "unsupported", /version 3 of the format/);
  });
});
