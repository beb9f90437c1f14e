import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import {
  checkFinite,
  checkKeys,
  checkLength,
  checkNonNegativeInteger,
  checkPositiveInteger,
  columnsOf,
  type KeysOf,
  nearestName,
  oneOf,
} from "./checks.ts";

describe("checks", () => {
  it("return good values", () => {
    expect(checkPositiveInteger("k", 3)).toBe(3);
    expect(checkNonNegativeInteger("k", 0)).toBe(0);
    expect(checkFinite("k", -0.5)).toBe(-0.5);
    expect(columnsOf("w", [1, 2, 3, 4, 5, 6], 2)).toBe(3);
    checkLength("w", [1, 2], 2, "[2]");
  });

  it("name bad values", () => {
    const code = "invalid-argument";
    expectGmrError(() => checkPositiveInteger("k", 0), code, "k must be a positive integer, got 0");
    expectGmrError(() => checkPositiveInteger("k", "3"), code, 'k must be a positive integer, got "3"');
    expectGmrError(() => checkPositiveInteger("k", 2.5), code, "k must be a positive integer, got 2.5");
    expectGmrError(
      () => checkNonNegativeInteger("n", -1),
      code,
      "n must be an integer of at least 0, got -1",
    );
    expectGmrError(() => checkFinite("x", Number.NaN), code, "x must be a finite number, got NaN");
    expectGmrError(
      () => checkLength("w", [1], 2, "[2]"),
      "invalid-shape",
      "w must hold 2 numbers ([2]), got 1",
    );
    expectGmrError(() => columnsOf("w", [1], 2), "invalid-shape", "w must have 2 equal rows, got 1 numbers");
  });
});

describe("names", () => {
  const known = ["widths", "depths", "ringInitializer"];

  it.each([
    ["widhts", "widths"],
    ["Depths", "depths"],
    ["ringInitialiser", "ringInitializer"],
    ["widths", "widths"],
    ["colour", undefined],
    ["", undefined],
  ])("takes %j for %j", (name, nearest) => expect(nearestName(name, known)).toBe(nearest));

  it("finds the nearest after any letter is swapped, lost or added", () => {
    const edited = fc
      .record({
        name: fc.constantFrom(...known),
        at: fc.nat(4),
        edit: fc.constantFrom("swap", "lose", "add"),
      })
      .map(({ name, at, edit }) => {
        if (edit === "lose") return { name, wrong: name.slice(0, at) + name.slice(at + 1) };
        if (edit === "add") return { name, wrong: `${name.slice(0, at)}q${name.slice(at)}` };
        return { name, wrong: name.slice(0, at) + name[at + 1] + name[at] + name.slice(at + 2) };
      });
    fc.assert(fc.property(edited, ({ name, wrong }) => nearestName(wrong, known) === name));
  });

  describe("of options", () => {
    interface Options {
      widths?: number[];
      depths?: number[];
      kernelInitializer?: string;
      dilationRate?: number;
    }
    const keys: KeysOf<Options> = { widths: true, depths: true, kernelInitializer: true, dilationRate: true };
    const check = (options: object) => checkKeys<Options>("the options", options, keys);

    it("may be all, some or none of the known ones", () => {
      for (const options of [{ widths: [1], depths: [2] }, { depths: undefined }, {}]) {
        expect(check(options)).toBe(options);
      }
    });

    it.each([
      ["widhts", "did you mean widths?"],
      ["ringInitializer", "did you mean kernelInitializer?"],
      ["dilations", "did you mean dilationRate?"],
      ["dilation", "did you mean dilationRate?"],
      ["kernel_initializer", "did you mean kernelInitializer?"],
      ["colour", "expected one of depths, dilationRate, kernelInitializer, widths"],
      ["toString", "expected one of depths, dilationRate, kernelInitializer, widths"],
    ])("must not be %s", (key, hint) => {
      expectGmrError(
        () => check({ widths: [1], [key]: 1 }),
        "invalid-argument",
        `the options have no "${key}": ${hint}`,
      );
    });

    it("must be in an object", () => {
      expectGmrError(() => check([]), "invalid-argument", "the options must be an object, got []");
    });

    it("must all be listed, or the list does not compile", () => {
      // @ts-expect-error lacks depths, kernelInitializer and dilationRate
      const some: KeysOf<Options> = { widths: true };
      // @ts-expect-error lacks b, a key of one member of the union
      const one: KeysOf<{ name: "x"; a: 1 } | { name: "y"; b: 1 }> = { name: true, a: true };
      expect([some, one]).toHaveLength(2);
    });
  });

  it("accepts one of the allowed names", () => {
    expect(oneOf("basis", "white", ["white", "rings"])).toBe("white");
    expectGmrError(
      () => oneOf("basis", "black", ["white", "rings"]),
      "invalid-argument",
      'basis must be "white" or "rings", got "black"',
    );
  });
});
