// Backends start one at a time.

let last: Promise<unknown> = Promise.resolve();

/**
 * Starts a backend after all earlier starts have ended: in TensorFlow.js, concurrent starts make each other obsolete.
 * The last one leaves its backend active. Must not be called from within a start.
 *
 * @param start makes a backend the active one
 */
export function startBackend<T>(start: () => Promise<T>): Promise<T> {
  const started = last.then(start);
  last = started.catch(() => undefined);
  return started;
}
