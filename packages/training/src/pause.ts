/**
 * Lets other events in, such as the message that asks to stop, if there is a signal to stop.
 * @throws the signal's reason, if it was given
 */
export async function pause(signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return;
  signal.throwIfAborted();
  await new Promise((resolve) => setTimeout(resolve));
  signal.throwIfAborted();
}
