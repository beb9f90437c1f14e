import { expect, it } from "vitest";
import { gmr } from "../../testing/cli.ts";
import { startTimes } from "./start.ts";
import { startTable } from "./tables.ts";

const start = (backend: number, load: number, prediction: number) => ({
  import: 100,
  backend,
  load,
  "first prediction": prediction,
  "second prediction": 2,
  "first step": 50,
  "second step": 40,
});

it("takes the best and the median of each phase, and of the whole", () => {
  const common = { backend: "wasm", threads: 1 };
  const times = startTimes([start(10, 30, 5), start(20, 10, 8), start(12, 20, 6), start(14, 26, 6)], common);
  expect(times.find(({ phase }) => phase === "backend")).toEqual({
    kind: "start",
    ...common,
    phase: "backend",
    ms: 10,
    medianMs: 13,
  });
  expect(times.at(-1)).toMatchObject({ phase: "ready", ms: 38, medianMs: 41.5 });
  expect(startTable(times)).toMatch(/ready\s+│\s+38\.0 │\s+41\.5/);
});

it("starts fresh processes", async () => {
  const { code, stdout } = await gmr("bench start --repeat 1 --threads 1 --json".split(" "));
  expect(code).toBe(0);
  const times = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(times.map(({ phase }) => phase)).toEqual([
    ...[
      "import",
      "backend",
      "load",
      "first prediction",
      "second prediction",
      "first step",
      "second step",
      "ready",
    ],
  ]);
  for (const { ms, medianMs } of times) {
    expect(ms).toBeGreaterThan(0);
    expect(medianMs).toBe(ms);
  }
}, 60_000);
