// Answers the page's calls one after the other. A call that is to stop finds its signal aborted: at once if it waits,
// else at its next pause.

import { GmrError, reasonOf } from "@gmr-conv/core";
import type { CallName, Calls, FromEngine, Port, ToEngine } from "../protocol.ts";
import type { CallContext } from "./context.ts";
import { Engine } from "./engine.ts";

/** The last call of all engines: those of one page share TensorFlow.js, and with it the active backend. */
let last: Promise<void> = Promise.resolve();

export function serve(port: Port): void {
  const engine = new Engine();
  const running = new Map<number, AbortController>();
  const send = (message: FromEngine, transfer: Transferable[] = []): void =>
    port.postMessage(message, transfer);

  async function answer<Name extends CallName>(
    id: number,
    name: Name,
    request: Calls[Name]["request"],
    signal: AbortSignal,
  ): Promise<void> {
    try {
      signal.throwIfAborted();
      const call = engine[name] as (
        request: Calls[Name]["request"],
        context: CallContext<Calls[Name]["progress"]>,
      ) => Promise<Calls[Name]["result"]>;
      const result = await call.call(engine, request, {
        signal,
        report: (progress) => send({ id, progress }),
      });
      send({ id, result }, "mask" in result ? [result.mask.buffer] : []);
    } catch (error) {
      const code = error instanceof GmrError ? error.code : undefined;
      send({ id, error: { message: reasonOf(error), code } });
    } finally {
      running.delete(id);
    }
  }

  port.addEventListener("message", ({ data }: MessageEvent<ToEngine>) => {
    if ("stop" in data) {
      running.get(data.id)?.abort();
      return;
    }
    if ("dispose" in data) {
      for (const controller of running.values()) controller.abort();
      last = last.then(() => engine.dispose());
      return;
    }
    const { id, call, request } = data;
    const controller = new AbortController();
    running.set(id, controller);
    last = last.then(() => answer(id, call, request as never, controller.signal));
  });
  send({ ready: true });
}
