import { expect, it } from "vitest";
import { isLive, terminalWidth } from "./terminal.ts";

it.each([
  ["a terminal", { isTTY: true, columns: 80 }, {}, 80],
  ["COLUMNS, which a user may set", { isTTY: true, columns: 80 }, { COLUMNS: "132" }, 132],
  ["an unusable COLUMNS", { isTTY: true, columns: 80 }, { COLUMNS: "wide" }, 80],
  ["a pipe", {}, {}, 100],
  ["a terminal without a size", { isTTY: true, columns: 0 }, {}, 100],
])("knows the width of %s", (_name, stream, env, width) => {
  expect(terminalWidth(stream, env)).toBe(width);
});

it("draws again only where a person looks on", () => {
  expect(isLive({ isTTY: true }, {})).toBe(true);
  expect([
    isLive({}, {}),
    isLive({ isTTY: true }, { CI: "true" }),
    isLive({ isTTY: true }, { TERM: "dumb" }),
  ]).toEqual([false, false, false]);
});
