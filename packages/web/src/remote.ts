// The page's side of the calls.

import { GmrError, reasonOf } from "@gmr-conv/core";
import type { Connection } from "./connect.ts";
import type { CallName, Calls, FromEngine, ToEngine } from "./protocol.ts";

interface Pending {
  resolve(result: never): void;
  reject(error: unknown): void;
  report(progress: never): void;
}

interface CallOptions<Name extends CallName> {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: Calls[Name]["progress"]) => void) | undefined;
  transfer?: Transferable[] | undefined;
}

export class Remote {
  private readonly pending = new Map<number, Pending>();
  private calls = 0;
  /** Why there are no more calls. */
  private ended: string | undefined;

  constructor(private readonly connection: Connection) {
    connection.port.addEventListener("message", ({ data }: MessageEvent<FromEngine>) => {
      if ("ready" in data) return;
      const call = this.pending.get(data.id); // none if it was stopped
      if (!call) return;
      if ("progress" in data) call.report(data.progress as never);
      else if ("result" in data) call.resolve(data.result as never);
      else call.reject(new GmrError(data.error.code ?? "internal", data.error.message));
    });
    connection.onFailure((reason) => this.end("internal", `the worker of the network failed: ${reason}`));
  }

  /** @throws GmrError what the engine throws, `interrupted` after {@link dispose}; the signal's reason */
  call<Name extends CallName>(
    name: Name,
    request: Calls[Name]["request"],
    { signal, onProgress, transfer = [] }: CallOptions<Name> = {},
  ): Promise<Calls[Name]["result"]> {
    return new Promise<Calls[Name]["result"]>((resolve, reject) => {
      signal?.throwIfAborted();
      if (this.ended !== undefined) throw new GmrError("interrupted", this.ended);
      const id = this.calls++;
      const stop = (): void => {
        this.send({ id, stop: true });
        settle(() => reject(signal?.reason));
      };
      const settle = (then: () => void): void => {
        this.pending.delete(id);
        signal?.removeEventListener("abort", stop);
        then();
      };
      this.send({ id, call: name, request }, transfer);
      signal?.addEventListener("abort", stop);
      this.pending.set(id, {
        resolve: (result) => settle(() => resolve(result)),
        reject: (error) => settle(() => reject(error)),
        report: (progress) => onProgress?.(progress),
      });
    });
  }

  dispose(): void {
    this.end("interrupted", "the network was disposed of");
  }

  private send(message: ToEngine, transfer: Transferable[] = []): void {
    try {
      this.connection.port.postMessage(message, transfer);
    } catch (error) {
      throw new GmrError(
        "unsupported",
        `the image cannot be read (${reasonOf(error)}): if it comes from another server, that has to allow it (CORS), ` +
          'and the element needs crossorigin="anonymous"',
        { cause: error },
      );
    }
  }

  private end(code: "internal" | "interrupted", reason: string): void {
    if (this.ended !== undefined) return;
    this.ended = reason;
    for (const { reject } of [...this.pending.values()]) reject(new GmrError(code, reason));
    this.connection.end();
  }
}
