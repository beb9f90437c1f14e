import { Command } from "commander";
import { afterEach, expect, it, vi } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { addRings } from "./ringsCommand.ts";

afterEach(() => vi.restoreAllMocks());

async function gmr(...args: string[]): Promise<string[]> {
  const lines = vi.spyOn(console, "log").mockImplementation(() => {});
  lines.mockClear();
  const program = new Command("gmr");
  addRings(program);
  await program.parseAsync(args, { from: "user" });
  return lines.mock.calls.map(([line]) => line);
}

it("draws the rings of a kernel", async () => {
  expect(await gmr("rings", "5")).toEqual([
    "· 2 2 2 ·",
    "2 1 1 1 2",
    "2 1 0 1 2",
    "2 1 1 1 2",
    "· 2 2 2 ·",
    "3 rings",
  ]);
  expect((await gmr("rings", "5", "--square"))[0]).not.toContain("·");
});

it("refuses even sizes, in a line that names what was expected", () =>
  expectGmrError(() => gmr("rings", "4"), "invalid-argument", /^kernelSize must be .*odd.*got 4/));
