import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatBar, Remaining, shortDuration } from "./progress.ts";

const training = {
  label: "Training GMR-ResNet",
  share: 0.42,
  values: { loss: "1.234", accuracy: "56.7 %", validation: "55.1 %", epoch: "3/10", "images/s": "120" },
  time: "1h12m left",
};

describe("formatBar", () => {
  it("shows everything on a wide terminal", () => {
    expect(formatBar(training, 140)).toBe(
      "Training GMR-ResNet   ███████░░░░░░░░░  42 %  loss 1.234  accuracy 56.7 %  " +
        "validation 55.1 %  epoch 3/10  images/s 120  1h12m left",
    );
  });

  it("keeps loss, accuracy and the time left on 80 and on 40 columns", () => {
    expect(formatBar(training, 80)).toBe(
      "Training GMR-ResNet  42 %  loss 1.234  accuracy 56.7 %  1h12m left",
    );
    expect(formatBar(training, 40)).toBe("GMR-Re  42 %  1.234  56.7 %  1h12m left");
  });

  it("never fills a line, which would break", () => {
    const text = fc.string({ maxLength: 30 });
    fc.assert(
      fc.property(
        fc.record({
          label: text,
          share: fc.double({ min: 0, max: 1, noNaN: true }),
          values: fc.dictionary(text, text, { maxKeys: 6 }),
          time: text,
        }),
        fc.integer({ min: 1, max: 200 }),
        (state, columns) => {
          expect(formatBar(state, columns).length).toBeLessThan(columns);
        },
      ),
    );
  });
});

describe("shortDuration", () => {
  it.each([
    [0.4, "0s"],
    [59.6, "1m00s"],
    [134, "2m14s"],
    [7384, "2h03m"],
  ])("%d s is %s", (seconds, text) => {
    expect(shortDuration(seconds)).toBe(text);
  });
});

describe("Remaining", () => {
  it("says nothing until it knows the speed, then the time left, and in the end the time taken", () => {
    let now = 5000;
    const remaining = new Remaining(100, 0, () => now);
    const texts = [0, 1, 2, 30, 60, 99, 100].map((done) => {
      const text = remaining.at(done);
      now += 700;
      return text;
    });
    expect(texts).toEqual(["", "", "1m09s left", "5s left", "2s left", "1s left", "in 4s"]);
  });

  it("counts only what is done here when a training continues", () => {
    let now = 0;
    const remaining = new Remaining(1000, 900, () => now);
    const texts = [910, 920, 930].map((done) => {
      now += 2000;
      return remaining.at(done);
    });
    expect(texts).toEqual(["", "16s left", "14s left"]);
  });
});
