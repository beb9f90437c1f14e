import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import type { GmrErrorCode } from "./errors.ts";
import { type ConvGeometryOptions, convGeometry } from "./geometry.ts";

const size = fc.integer({ min: 1, max: 12 });
const small = fc.integer({ min: 1, max: 4 });

describe("convolution", () => {
  it("computes sizes with numeric padding", () => {
    const geometry = convGeometry({ inputSize: [15, 13], kernelSize: 7, strides: [2, 3], pad: 3 });
    expect(geometry).toEqual({
      inputSize: [15, 13],
      kernelSize: [7, 7],
      strides: [2, 3],
      dilations: [1, 1],
      extent: [7, 7],
      padding: [
        [3, 3],
        [3, 3],
      ],
      padMode: "zeros",
      transposed: false,
      outputSize: [8, 5],
    });
  });

  it("is valid by default", () => {
    expect(convGeometry({ inputSize: [9], kernelSize: 3, dilations: 2 })).toMatchObject({
      extent: [5],
      padding: [[0, 0]],
      outputSize: [5],
    });
  });

  // From TensorFlow's documented rule; an odd total puts the extra position at the end.
  it.each([
    { input: 5, k: 3, s: 1, d: 1, output: 5, padding: [1, 1] },
    { input: 5, k: 3, s: 2, d: 1, output: 3, padding: [1, 1] },
    { input: 6, k: 3, s: 2, d: 1, output: 3, padding: [0, 1] },
    { input: 6, k: 4, s: 1, d: 1, output: 6, padding: [1, 2] },
    { input: 4, k: 1, s: 2, d: 1, output: 2, padding: [0, 0] },
    { input: 7, k: 3, s: 1, d: 3, output: 7, padding: [3, 3] },
  ])(
    "pads like TensorFlow for same: $input, k $k, stride $s, dilation $d",
    ({ input, k, s, d, output, padding }) => {
      const options: ConvGeometryOptions = { inputSize: [input], kernelSize: k, strides: s, dilations: d };
      const geometry = convGeometry({ ...options, pad: "same" });
      expect(geometry).toMatchObject({ outputSize: [output], padding: [padding] });
    },
  );
});

describe("transposed convolution", () => {
  it("matches PyTorch with numeric padding", () => {
    const options = { inputSize: [7], kernelSize: 3, strides: 2, pad: 1, transposed: true };
    expect(convGeometry(options).outputSize).toEqual([13]);
    expect(convGeometry({ ...options, outputPadding: 1 })).toMatchObject({
      outputSize: [14],
      padding: [[1, 0]],
    });
  });

  it("multiplies by the stride with same, like TensorFlow", () => {
    const options: ConvGeometryOptions = { inputSize: [7], kernelSize: 5, pad: "same", transposed: true };
    expect(convGeometry({ ...options, strides: 2 })).toMatchObject({ outputSize: [14], padding: [[1, 2]] });
    expect(convGeometry({ ...options, strides: 6 })).toMatchObject({ outputSize: [42], padding: [[0, -1]] });
  });

  it("restores the input size of the convolution that it is the adjoint of", () => {
    fc.assert(
      fc.property(size, small, small, small, fc.boolean(), (input, kernelSize, strides, dilations, same) => {
        const options: ConvGeometryOptions = { inputSize: [input], kernelSize, strides, dilations };
        const pad = same ? "same" : "valid";
        const up = convGeometry({ ...options, pad, transposed: true });
        const down = convGeometry({ ...options, inputSize: up.outputSize, pad });
        expect(down.outputSize).toEqual([input]);
        if (same) expect(down.padding[0][0]).toBe(up.padding[0][0]);
      }),
    );
  });
});

const base: ConvGeometryOptions = { inputSize: [4, 6], kernelSize: 5, pad: 2 };

describe("rejects", () => {
  it.each<[string, object, GmrErrorCode, string]>([
    [
      "an input smaller than the kernel",
      { pad: "valid" },
      "invalid-shape",
      "the output would have size 0 along axis 0: input 4, kernel extent 5, stride 1, padding [0, 0]",
    ],
    [
      "a transposed output cut to nothing",
      { pad: 9, transposed: true },
      "invalid-shape",
      "the output would have size -10 along axis 0: input 4, kernel extent 5, stride 1, padding [9, 9]",
    ],
    ["zero strides", { strides: 0 }, "invalid-argument", "strides must be a positive integer, got 0"],
    [
      "NaN dilations",
      { dilations: Number.NaN },
      "invalid-argument",
      "dilations must be a positive integer, got NaN",
    ],
    [
      "negative padding",
      { pad: [0, -1] },
      "invalid-argument",
      "pad[1] must be an integer of at least 0, got -1",
    ],
    ["padding for three axes", { pad: [1, 1, 1] }, "invalid-shape", "pad must have 2 entries, got [1, 1, 1]"],
    [
      "an unknown pad",
      { pad: "full" },
      "invalid-argument",
      'pad must be "same", "valid", a number or one number per axis, got "full"',
    ],
    [
      "an unknown padMode",
      { padMode: "mirror" },
      "invalid-argument",
      'padMode must be one of zeros, reflect, replicate, circular, got "mirror"',
    ],
    [
      "reflecting beyond the input",
      { pad: 4, padMode: "reflect" },
      "invalid-shape",
      'padMode "reflect" can pad at most 3 along axis 0 of size 4, got 4',
    ],
    [
      "wrapping beyond the input",
      { pad: [4, 7], padMode: "circular" },
      "invalid-shape",
      'padMode "circular" can pad at most 6 along axis 1 of size 6, got 7',
    ],
    [
      "a padMode with a transposed convolution",
      { padMode: "reflect", transposed: true },
      "unsupported",
      'a transposed convolution supports padMode "zeros" only, got "reflect"',
    ],
    [
      "outputPadding without transposed",
      { outputPadding: 1 },
      "invalid-argument",
      "outputPadding is for transposed convolutions only, got 1",
    ],
    [
      "outputPadding with same",
      { outputPadding: 1, pad: "same", transposed: true },
      "invalid-argument",
      'outputPadding cannot be combined with pad "same", got 1',
    ],
    [
      "outputPadding as large as the stride",
      { outputPadding: [0, 2], strides: 2, transposed: true },
      "invalid-argument",
      "outputPadding must be less than the larger of stride and dilation, 2 along axis 1, got 2",
    ],
    ["no axes", { inputSize: [] }, "invalid-argument", "the number of spatial axes must be 1, 2 or 3, got 0"],
    [
      "an empty input",
      { inputSize: [4, 0] },
      "invalid-argument",
      "inputSize[1] must be a positive integer, got 0",
    ],
  ])("%s", (_, options, code, message) => {
    expectGmrError(() => convGeometry({ ...base, ...options }), code, message);
  });
});
