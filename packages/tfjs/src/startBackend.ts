// One start of a backend at a time.

let last: Promise<unknown> = Promise.resolve();

/**
 * Runs the start of a backend when all starts before it have ended: in TensorFlow.js, two at once make each other
 * obsolete. Whoever is last leaves its backend the active one. Must not be called from within a start.
 *
 * @param start makes a backend the active one
 */
export function startBackend<T>(start: () => Promise<T>): Promise<T> {
  const started = last.then(start);
  last = started.catch(() => undefined);
  return started;
}
