// The answers to an image turned all around.

import { signal } from "@preact/signals";
import { posed } from "./answer.ts";
import { description, network, pose, report, type Source, source, version } from "./state.ts";

const STEP = 15;

export const angles = signal<
  | {
      source: Source;
      version: number;
      /** The most probable class of the image upright. */
      name: string;
      answers: readonly { degrees: number; best: string; share: number }[];
      total: number;
    }
  | undefined
>(undefined);

/** Asks the network about the image at angles all around. Ends early if another image is shown. */
export async function tryEveryAngle(): Promise<void> {
  const [shown, of, described] = [source.peek(), network.peek(), description.peek()];
  if (!shown || of?.task !== "classification" || !described) return;
  const at = { source: shown, version: version.peek() };
  const { mirrored } = pose.peek();
  const total = 360 / STEP;
  let name: string | undefined;
  const answers: { degrees: number; best: string; share: number }[] = [];
  try {
    for (let degrees = 0; degrees < 360; degrees += STEP) {
      const { classes } = await of.classify(posed(shown, { degrees, mirrored }, described));
      if (source.peek() !== at.source || version.peek() !== at.version) return;
      const best = classes[0].name;
      name ??= best;
      const share = classes.find((entry) => entry.name === name)?.probability ?? 0;
      answers.push({ degrees, best, share });
      angles.value = { ...at, name, answers: [...answers], total };
    }
  } catch (error) {
    report(error);
  }
}
