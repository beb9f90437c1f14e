import { describe, expect, it } from "vitest";
import { compact, date, duration, integer, percent, points, range, signedPoints } from "./format.ts";

const plain = (text: string) => text.replaceAll("\u00a0", " ");

describe("formats", () => {
  it("writes fractions as percentages and points", () => {
    expect(plain(percent(0.93714))).toBe("93.7 %");
    expect(plain(points(0.0161))).toBe("1.6 points");
    expect([-0.0161, 0.2, 0.0001, -0.0001].map((part) => signedPoints(part))).toEqual([
      "−1.6",
      "+20.0",
      "±0.0",
      "±0.0",
    ]);
  });

  it("gives as many digits as the images can tell", () => {
    const percents = [80, 999, 1000, 10_000, 100_000].map((images) => plain(percent(0.93714, images)));
    expect(percents).toEqual(["94 %", "94 %", "93.7 %", "93.7 %", "93.71 %"]);
    expect([0, 1 / 400, 399 / 400, 1].map((part) => plain(percent(part, 400)))).toEqual([
      "0 %",
      "< 1 %",
      "> 99 %",
      "100 %",
    ]);
    expect(plain(percent(0.9999, 10_000))).toBe("> 99.9 %");
    expect(plain(points(0.0161, 80))).toBe("2 points");
    expect(signedPoints(0.001, 80)).toBe("±0");
    expect(plain(range([0.147, 0.328], 80))).toBe("15 % – 33 %");
  });

  it("writes counts", () => {
    expect(integer(60_000)).toBe("60,000");
    expect([7, 1234, 12_400_000, 345e6, 2e9].map((value) => plain(compact(value)))).toEqual([
      "7",
      "1.23 k",
      "12.4 M",
      "345 M",
      "2.00 G",
    ]);
  });

  it("writes times and dates", () => {
    expect(
      [0.04, 3.21, 59.94, 59.97, 60, 134.2, 3600, 7325].map((seconds) => plain(duration(seconds))),
    ).toEqual(["0.0 s", "3.2 s", "59.9 s", "1 min", "1 min", "2 min 14 s", "1 h", "2 h 2 min 5 s"]);
    expect(date("2025-03-14T09:26:53Z")).toBe("14 March 2025 at 09:26 UTC");
    expect(date("no date")).toBe("no date");
  });
});
