import { expect, it } from "vitest";
import { ParallelProgress } from "./parallelProgress.ts";

/** What a terminal shows after some output: the only codes are "up" and "erase below". */
function screen(output: string): string[] {
  const lines = [""];
  for (const part of output.replaceAll("\u001b", "ESC").split(/(ESC\[\d+AESC\[J|\n)/)) {
    const up = /^ESC\[(\d+)A/.exec(part);
    if (up) lines.splice(lines.length - 1 - Number(up[1]), Number(up[1]) + 1, "");
    else if (part === "\n") lines.push("");
    else lines[lines.length - 1] += part;
  }
  return lines;
}

function recorder(columns?: number) {
  const stream = {
    text: "",
    write: (text: string) => (stream.text += text),
    columns,
    isTTY: columns !== undefined,
  };
  return stream;
}

it("keeps the order of the networks, whichever starts first, and what is said above them", () => {
  const stream = recorder(60);
  const progress = new ParallelProgress(2, stream, true);
  progress.say("took wasm");
  progress.start(1, "Training Dense", 4, 0);
  progress.start(0, "Training GMR", 4, 0);
  progress.update(1, 4, { loss: "2.1", epoch: "1/1" });
  progress.say("a note");
  progress.start(1, "Evaluating Dense", 2, 0);
  progress.update(0, 4, { loss: "1.9", epoch: "1/1" });
  progress.stop();
  const shown = screen(stream.text);
  expect(shown.map((line) => line.replace(/ {2}.*/, ""))).toEqual([
    "took wasm",
    "a note",
    "Training GMR",
    "Training Dense",
    "Evaluating Dense",
    "",
  ]);
  expect(shown[2]).toContain("100 %  loss 1.9");
  expect(stream.text).not.toContain("0s left");
});

it("prints plain lines elsewhere, the last one in any case", () => {
  const stream = recorder();
  const progress = new ParallelProgress(1, stream, false);
  progress.start(0, "Training GMR", 3, 0);
  for (const done of [1, 2, 3]) progress.update(0, done, { loss: String(done), epoch: "1/1" });
  progress.stop();
  expect(stream.text).toMatch(/^Training GMR {2,}█+ {2}100 % {2}loss 3 {2}epoch 1\/1 {2}in 0s\n$/);
});
