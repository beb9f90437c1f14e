import { afterEach, expect, it, vi } from "vitest";
import { commandLine, trainingCommands, withoutOptions } from "./commandLine.ts";

afterEach(() => void vi.unstubAllEnvs());

it("quotes what a shell would change", () => {
  expect(commandLine(["train", "--set", "train.augment.scale=[0.8,1]", "it's"])).toBe(
    "gmr train --set 'train.augment.scale=[0.8,1]' 'it'\\''s'",
  );
});

it("begins with what started the command", () => {
  vi.stubEnv("GMR_COMMAND", "npm run gmr --");
  expect(commandLine(["eval", "--name", "a"])).toBe("npm run gmr -- eval --name a");
  expect(trainingCommands("", ["train"])).toBe("npm run gmr -- train");
});

it("drops options with their values", () => {
  const args = ["sweep", "--grid", "a=[1]", "--epochs", "2", "--grid=b=[2]", "--json"];
  expect(withoutOptions(args, ["--grid"], ["--json"])).toEqual(["sweep", "--epochs", "2"]);
});

it("keeps the command that started a training when it continues", () => {
  const first = trainingCommands("", ["train", "--epochs", "3", "--set", "train.ema=0.9"]);
  expect(first).toBe("gmr train --epochs 3 --set train.ema=0.9");
  expect(trainingCommands(first, ["train", "--resume", "--name", "a"])).toBe(first);
  const longer = trainingCommands(first, ["train", "--resume", "--epochs", "5"]);
  expect(longer).toBe(`${first}\ngmr train --resume --epochs 5`);
  expect(trainingCommands(longer, ["train", "--resume", "--epochs", "5"])).toBe(longer);
  expect(trainingCommands(longer, ["train", "--overwrite"])).toBe("gmr train --overwrite");
});
