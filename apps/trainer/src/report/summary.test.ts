import { wilson } from "@gmr-conv/training";
import { describe, expect, it } from "vitest";
import { reportSummary } from "./reportSummary.ts";
import { angleSummary, conclusion, isAtChance, topMistakes } from "./summary.ts";
import { atChance, fakeReport } from "./testing/fakeReport.ts";
import type { NetworkReport } from "./types.ts";

const report = fakeReport();
const [gmr] = report.networks;
const angles = [
  { angle: 0, score: 0.95 },
  { angle: 90, score: 0.92 },
  { angle: 180, score: 0.94 },
];

describe("angleSummary", () => {
  it("gives mean, worst angle and its distance to upright", () => {
    const summary = angleSummary({ ...gmr, angles });
    expect(summary?.mean).toBeCloseTo(0.936667, 5);
    expect(summary?.worst).toEqual({ angle: 90, score: 0.92 });
    expect(summary?.drop).toBeCloseTo(gmr.upright.score - 0.92, 12);
    expect(angleSummary({ ...gmr, angles: [] })).toBeUndefined();
  });
});

describe("conclusion", () => {
  it("is one sentence about all networks", () => {
    const [, dense] = report.networks;
    const flat = { ...dense, label: "Twin", angles: [{ angle: 170, score: 0.15 }] };
    expect(conclusion({ ...report, networks: [{ ...gmr, angles }, flat] }).replaceAll("\u00a0", " ")).toBe(
      "Trained on upright images only, GMR-ResNet reads 93.7 % of the turned images correctly, " +
        "averaged over 3 angles, and falls at most 3.3 points below its upright 95.3 %, at 90°; " +
        "Twin averages 15.0 % and falls to 15.0 % at 170°.",
    );
  });

  it("says so when no angle is worse than upright", () => {
    const steady = { ...gmr, angles: [{ angle: 90, score: 0.99 }] };
    expect(conclusion({ ...report, networks: [steady] })).toContain("over one angle, and never falls below");
  });
});

describe("isAtChance", () => {
  it("compares with always answering the most frequent class", () => {
    expect([gmr, atChance(gmr)].map(isAtChance)).toEqual([false, true]);
    const confusion = [
      [90, 0],
      [9, 1],
    ];
    const common = { ...gmr.upright, score: 0.91, count: 100, interval: [0.84, 0.95], confusion };
    expect(isAtChance({ ...gmr, upright: common as NetworkReport["upright"] })).toBe(true);
  });

  it("is said instead of praise", () => {
    const text = conclusion({ ...report, networks: [atChance(gmr)] });
    expect(text).toContain("which is at chance: always answering the most frequent class is right for 10.0");
    expect(text).not.toContain("never falls");
  });
});

describe("reportSummary", () => {
  it("keeps its shape", () => {
    const summary = reportSummary(report, "/runs/a/report.html");
    expect(Object.keys(summary)).toEqual(["title", "createdAt", "score", "dataset", "networks", "report"]);
    expect(Object.keys(summary.networks[0])).toEqual([
      ..."name label parameters multiplyAdds upright chance atChance mean worst angles flips".split(" "),
    ]);
    expect(summary.networks[0].angles[9]).toEqual({
      angle: 90,
      score: gmr.angles[9].score,
      interval: wilson(gmr.angles[9].score * 2000, 2000),
    });
    expect(JSON.stringify(summary).length).toBeLessThan(20_000);
  });
});

describe("topMistakes", () => {
  it("sorts what is off the diagonal", () => {
    const mistakes = topMistakes(
      [
        [90, 0, 3],
        [7, 80, 1],
        [0, 0, 99],
      ],
      2,
    );
    expect(mistakes).toEqual([
      { truth: 1, predicted: 0, times: 7 },
      { truth: 0, predicted: 2, times: 3 },
    ]);
  });
});
