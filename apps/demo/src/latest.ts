// Asks again whenever something has changed, one question at a time; questions that came meanwhile are left out but the
// last.

import { effect, untracked } from "@preact/signals";

/**
 * @param question reads signals and returns what to ask, or undefined for nothing
 * @param ask answers it
 * @param receive gets each answer
 * @returns stops asking
 */
export function askLatest<Q, A>(
  question: () => Q | undefined,
  ask: (question: Q) => Promise<A>,
  receive: (answer: A) => void,
  fail: (error: unknown) => void,
): () => void {
  let busy = false;
  let stopped = false;
  let pending: { question: Q } | undefined;
  const next = async (): Promise<void> => {
    while (pending && !stopped) {
      const { question } = pending;
      pending = undefined;
      try {
        const answer = await ask(question);
        if (!stopped) receive(answer);
      } catch (error) {
        if (!stopped) fail(error);
      }
    }
    busy = false;
  };
  const stop = effect(() => {
    const now = question();
    if (now === undefined) return;
    pending = { question: now };
    if (busy) return;
    busy = true;
    untracked(() => void next());
  });
  return () => {
    stopped = true;
    stop();
  };
}
