import { describe, expect, it } from "vitest";
import { type EquivarianceReport, formatEquivariance } from "./index.ts";

const report: EquivarianceReport = {
  kind: "equivariance",
  inputShape: [2, 20, 16, 1],
  outputShape: [2, 20, 16, 8],
  exact: {
    worst: 2e-5,
    elements: [
      { element: "identity", error: 0 },
      { element: "180°", error: 3e-8 },
      { element: "mirror", error: 2e-5 },
      { element: "mirror, 180°", error: 0 },
    ],
    skipped: ["90°", "270°"].map((element) => ({ element, reason: "the model's input is fixed to 20×16" })),
    ok: true,
    tolerance: 1e-4,
    asymmetries: [],
  },
  angles: {
    curve: [
      { angle: 15, error: 0.01, interpolation: 0.02 },
      { angle: 30, error: 0.04, interpolation: 0.0005 },
    ],
    mean: 0.025,
    worst: 0.04,
    worstAngle: 30,
  },
};

describe("formatEquivariance", () => {
  it("prints a table", () => {
    expect(formatEquivariance(report).split("\n")).toEqual([
      "equivariance of [2, 20, 16, 1] → [2, 20, 16, 8]",
      "",
      "exact symmetries: kept, worst < 1e-4 (tolerance 1e-4)",
      "  identity            0    mirror         < 1e-4",
      "  180°           < 1e-6    mirror, 180°        0",
      "  left out, as the model's input is fixed to 20×16:",
      "    90°; 270°",
      "",
      "turns by any angle: mean 2.5 %, worst 4.0 % at 30°",
      "   angle    error  and back",
      "     15°    1.0 %    2.0 % ██████████",
      "     30°    4.0 %   < 1e-3 ████████████████████████████████████████",
    ]);
  });

  it("lists the worst of many symmetries, in 80 columns, and names planes", () => {
    const many = Array.from({ length: 30 }, (_, i) => ({
      element: `240° about D-H-W, inverted`,
      error: i / 15,
    }));
    const lines = formatEquivariance({
      ...report,
      exact: {
        worst: 29 / 15,
        elements: many,
        skipped: many.map(({ element }) => ({
          element,
          reason: "the model's input is fixed to 128×128×100",
        })),
        ok: false,
        tolerance: 1e-4,
        asymmetries: [
          {
            layer: "layer1.0.conv1",
            inputSize: [32, 31],
            strides: [2, 2],
            better: [{ axis: 0, sizes: [31, 33] }],
          },
          { layer: "up", inputSize: [8], strides: [2], better: [{ axis: 0, sizes: [] }] },
        ],
      },
      angles: {
        curve: [{ angle: 315, plane: "DW", error: 1.5, interpolation: 0 }],
        mean: 1.5,
        worst: 1.5,
        worstAngle: 315,
      },
    }).split("\n");
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    expect(lines[2]).toBe("exact symmetries: BROKEN, worst 193.3 % (tolerance 1e-4)");
    expect(lines[3]).toBe("  240° about D-H-W, inverted  193.3 %    240° about D-H-W, inverted  166.7 %");
    expect(lines[7]).toBe("  the worst 8 of 30");
    expect(lines.join(" ").replaceAll(/ +/g, " ")).toContain(
      "layer1.0.conv1: its windows are asymmetric on 32×31; H of 31 or 33 would be symmetric " +
        "up: its windows are asymmetric on 8, for any W",
    );
    expect(lines.join(" ")).toContain("and 22 more");
    expect(lines.at(-1)).toMatch(/^ DW 315° {2}150\.0 % {8}0 █{40}$/);
  });

  it("leaves out what was not measured", () => {
    const text = formatEquivariance({ ...report, angles: null });
    expect(text).not.toContain("angle");
  });
});
