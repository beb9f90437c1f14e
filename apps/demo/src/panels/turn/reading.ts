// Keeps reading the image as it lies, as fast as the engine answers, and records what it said.

import { computed, effect, signal, untracked } from "@preact/signals";
import { engine } from "../../engine/client.ts";
import type { Reading } from "../../engine/types.ts";
import { pose, type Subject, subject } from "../../subject.ts";
import { anglesBetween, type TurnRecord } from "./record.ts";

/** The last answer. */
export const reading = signal<Reading | undefined>(undefined);

/** Why there is no answer. */
export const readingProblem = signal<string | undefined>(undefined);

/** By how the image is mirrored. */
const records = signal<ReadonlyMap<string, TurnRecord>>(new Map());
const mirrorKey = computed(() => `${pose.value.mirrorX} ${pose.value.mirrorY}`);
const UPRIGHT = "false false";
const EMPTY: TurnRecord = new Map();

/** What was said at each angle, for the image as it is mirrored now. */
export const record = computed<TurnRecord>(() => records.value.get(mirrorKey.value) ?? EMPTY);

/** What was said about the image as it came. */
export const upright = computed(() => records.value.get(UPRIGHT)?.get(0));

/** Reads until the returned function is called. */
export function startReading(): () => void {
  let busy = false;
  let stopped = false;
  let last: { image: Subject; degrees: number; key: string } | undefined;

  const next = async (): Promise<void> => {
    const image = subject.value;
    if (busy || stopped || !image) return;
    const [wanted, key] = [pose.value, mirrorKey.value];
    const isNew = last?.image !== image;
    if (!isNew && last?.degrees === wanted.degrees && last.key === key) return;
    if (isNew) records.value = new Map();
    const from = last && !isNew && last.key === key ? last.degrees : wanted.degrees;
    last = { image, degrees: wanted.degrees, key };
    busy = true;
    try {
      const remote = await engine();
      const passed = anglesBetween(from, wanted.degrees)
        .filter((degrees) => !record.peek().has(degrees))
        .map((degrees) => ({ ...wanted, degrees }));
      const first = isNew ? [{ degrees: 0, mirrorX: false, mirrorY: false }] : [];
      const answers = await remote.read(image.pixels, [...first, ...passed, wanted]);
      if (subject.peek() !== image) return;
      const all = new Map(records.peek());
      const keep = (of: string, some: readonly Reading[]): void => {
        if (some.length === 0) return;
        const kept = new Map(all.get(of));
        for (const { degrees, probabilities } of some) kept.set(degrees, probabilities);
        all.set(of, kept);
      };
      keep(UPRIGHT, answers.slice(0, first.length));
      keep(key, answers.slice(first.length, -1));
      if (answers.length > 1) records.value = all;
      reading.value = answers[answers.length - 1];
      readingProblem.value = undefined;
    } catch (error) {
      readingProblem.value = error instanceof Error ? error.message : String(error);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    } finally {
      busy = false;
      if (!stopped) void next();
    }
  };

  const stop = effect(() => {
    void [subject.value, pose.value];
    untracked(() => void next());
  });
  return () => {
    stopped = true;
    stop();
  };
}
