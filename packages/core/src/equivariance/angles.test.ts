import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { summarizeAngles } from "./angles.ts";

describe("summarizeAngles", () => {
  it("summarises a curve", () => {
    const curve = [
      { angle: 0, accuracy: 0.98 },
      { angle: 45, accuracy: 0.9 },
      { angle: 90, accuracy: 0.97 },
      { angle: 135, accuracy: 0.91 },
    ];
    const summary = summarizeAngles(curve);
    expect(summary).toMatchObject({ upright: 0.98, worst: 0.9, worstAngle: 45 });
    expect(summary.mean).toBeCloseTo(0.94, 12);
    expect(summary.drop).toBeCloseTo(0.08, 12);
  });

  it("rejects curves without an upright entry or with NaN", () => {
    expectGmrError(
      () => summarizeAngles([{ angle: 10, accuracy: 1 }]),
      "invalid-data",
      "the accuracy curve must have an entry for angle 0",
    );
    expectGmrError(
      () => summarizeAngles([{ angle: 0, accuracy: Number.NaN }]),
      "invalid-data",
      "accuracies must be finite, got NaN at angle 0",
    );
  });
});
