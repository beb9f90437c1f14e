import { describe, expect, it } from "vitest";
import { describeValue, GmrError } from "./errors.ts";

describe("GmrError", () => {
  it("is an Error with a code, a name and a cause", () => {
    const cause = new Error("disk full");
    const error = new GmrError("io", "cannot write runs/a", { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "GmrError", code: "io", message: "cannot write runs/a", cause });
    expect(String(error)).toBe("GmrError: cannot write runs/a");
  });
});

describe("describeValue", () => {
  it.each<[unknown, string]>([
    ["same", '"same"'],
    ["two\nlines", '"two\\nlines"'],
    [Number.NaN, "NaN"],
    [-0.5, "-0.5"],
    [12n, "12n"],
    [undefined, "undefined"],
    [null, "null"],
    [[3, "4", [5]], '[3, "4", [5]]'],
    [new Array(1000).fill(123456), "Array(1000)"],
    [new Float32Array(12), "Float32Array(12)"],
    [new Map(), "a value of type Map"],
    [Object.create(null), "a value of type Object"],
    [Math.abs, "function abs"],
    [Symbol("s"), "Symbol(s)"],
  ])("%o", (value, text) => {
    expect(describeValue(value)).toBe(text);
  });

  it("stays on one short line", () => {
    expect(describeValue("x".repeat(500)).length).toBeLessThanOrEqual(60);
    expect(describeValue(new Array(30).fill("long ".repeat(9)))).toBe("Array(30)");
  });
});
