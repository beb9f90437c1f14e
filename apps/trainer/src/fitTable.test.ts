import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Column, fitTable } from "./fitTable.ts";

const widest = (text: string): number => Math.max(...text.split("\n").map((line) => line.length));

describe("fitTable", () => {
  const columns: Column[] = [
    { head: "name" },
    { head: "what it is", least: 12, optional: true },
    { head: "multiply-adds", align: "right" },
  ];
  const rows = [
    ["gmr-resnet18", "a network for images of any size", "252 M"],
    ["dense", "its twin", 7],
  ];

  it("leaves lines alone that fit", () => {
    expect(fitTable(columns, rows, 80).split("\n")).toHaveLength(6);
    expect(fitTable(columns, rows, 80)).toContain("│ gmr-resnet18 │ a network for images of any size │");
  });

  it("wraps cells between words, and headings after a hyphen", () => {
    expect(fitTable(columns, rows, 46).split("\n")).toEqual([
      "┌──────────────┬─────────────┬───────────┐",
      "│ name         │ what it is  │ multiply- │",
      "│              │             │      adds │",
      "├──────────────┼─────────────┼───────────┤",
      "│ gmr-resnet18 │ a network   │     252 M │",
      "│              │ for images  │           │",
      "│              │ of any size │           │",
      "│ dense        │ its twin    │         7 │",
      "└──────────────┴─────────────┴───────────┘",
    ]);
  });

  it("leaves out an optional column, and says so", () => {
    const text = fitTable(columns, rows, 36);
    expect(text).not.toContain("its twin");
    expect(text).toContain("(no room for: what it is; --json has everything)");
  });

  it("spreads the others over several tables", () => {
    const many = ["angle", "one", "two", "three"].map((head): Column => ({ head }));
    const text = fitTable(many, [["0°", "98.1 %", "97.3 %", "12.1 %"]], 20);
    expect(text.match(/angle/g)).toHaveLength(3);
    expect(text).toMatch(/three/);
    expect(widest(text)).toBeLessThanOrEqual(20);
  });

  it("never exceeds a width that its words allow", () => {
    const cell = fc.stringMatching(/^[a-z0-9]{0,8}( [a-z0-9]{1,8}){0,4}$/);
    fc.assert(
      fc.property(
        fc
          .integer({ min: 1, max: 5 })
          .chain((count) =>
            fc.tuple(
              fc.array(cell, { minLength: count, maxLength: count }),
              fc.array(fc.array(cell, { minLength: count, maxLength: count }), { maxLength: 4 }),
            ),
          ),
        fc.integer({ min: 30, max: 120 }),
        ([heads, cells], width) => {
          const text = fitTable(
            heads.map((head) => ({ head, least: 1 })),
            cells,
            width,
          );
          expect(widest(text)).toBeLessThanOrEqual(width);
        },
      ),
    );
  });
});
