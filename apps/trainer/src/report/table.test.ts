import { describe, expect, it } from "vitest";
import { renderAngleTable } from "./table.ts";
import { atChance, fakeReport } from "./testing/fakeReport.ts";

/** The cells of each line. */
function cells(text: string): string[][] {
  return text.split("\n").map((line) =>
    line
      .split("│")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("\u00a0", " ")),
  );
}

describe("renderAngleTable", () => {
  const report = fakeReport();
  const [gmr, dense] = report.networks;

  it("has a row per angle, then the summary", () => {
    const angles = [
      { angle: 90, score: 0.9 },
      { angle: 0, score: 0.95 },
    ];
    const text = renderAngleTable({
      ...report,
      networks: [
        { ...gmr, angles },
        { ...dense, angles: [{ angle: 0, score: 0.991 }] },
      ],
    });
    expect(cells(text).filter((line) => line.length > 0)).toEqual([
      ["angle", "GMR-ResNet", "Dense twin 3×3"],
      ["0°", "95.0 %", "99.1 %"],
      ["90°", "90.0 %", "–"],
      ["", "", ""],
      ["upright, all", "95.3 %", "99.1 %"],
      ["95 % interval", "94.9 % – 95.7 %", "98.7 % – 99.5 %"],
      ["mean", "92.5 %", "99.1 %"],
      ["worst", "90°: 90.0 %", "0°: 99.1 %"],
      ["worst − upright", "−5.3 points", "±0.0 points"],
      ["mirrored ↔", "95.3 %", "43.1 %"],
      ["mirrored ↕", "95.3 %", "45.7 %"],
    ]);
  });

  it("has no rows for what was not measured, but all that was", () => {
    const upright = {
      ...report,
      networks: report.networks.map((network) => ({ ...network, angles: [], flips: [] })),
    };
    expect(renderAngleTable(upright)).not.toContain("–  ");
    expect(cells(renderAngleTable(upright)).map(([head]) => head)).toEqual([
      undefined,
      "accuracy",
      undefined,
      "upright, all",
      "95 % interval",
      undefined,
    ]);
    const flipped = { ...report, networks: report.networks.map((network) => ({ ...network, angles: [] })) };
    expect(renderAngleTable(flipped)).toContain("mirrored ↔");
  });

  it("does not praise a network at chance for its steadiness", () => {
    const text = renderAngleTable({ ...report, networks: [atChance(gmr), dense] });
    expect(cells(text)).toContainEqual(["worst − upright", "at chance", expect.stringContaining("points")]);
    expect(text.replaceAll("\u00a0", " ")).toContain(
      "GMR-ResNet is at chance: always answering the most frequent class is right for 10.0 %.",
    );
  });

  it.each([40, 80, 120])("fits into %d columns, with six networks", (width) => {
    const networks = [1, 2, 3].flatMap((i) => [
      { ...gmr, label: `run-${i}: GMR-ResNet` },
      { ...dense, label: `run-${i}: Dense twin` },
    ]);
    const text = renderAngleTable({ ...report, networks }, width);
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(width);
    for (const i of [1, 2, 3]) expect(text).toContain(`run-${i}:`);
  });

  it("keeps its lines equally long and free of control codes", () => {
    const text = renderAngleTable(report);
    expect(new Set(text.split("\n").map((line) => line.length)).size).toBe(1);
    expect(text).not.toContain("\u001b");
  });
});
