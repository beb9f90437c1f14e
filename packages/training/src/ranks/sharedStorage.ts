import { codeOf, GmrError, type GmrErrorCode, reasonOf } from "@gmr-conv/core";
import type { Communicator } from "@gmr-conv/distributed";
import type { Storage } from "../storage/storage.ts";

/**
 * The storage of rank 0, for all ranks: it alone reads and writes, the others are given what it read. `read` and
 * `list` are collective.
 */
export function sharedStorage(communicator: Communicator, storage: Storage): Storage {
  if (communicator.size === 1) return storage;
  const first = communicator.rank === 0;
  /** What only rank 0 can do, and its result, as JSON or bytes, on all ranks; if it fails, it does so on all. */
  const onAll = async (work: () => Promise<Uint8Array | undefined>): Promise<Uint8Array | undefined> => {
    const found = first ? await work().catch((error: unknown) => ({ error })) : undefined;
    const failed = found !== undefined && "error" in found;
    const kind = failed ? 2 : found === undefined ? 0 : 1;
    const [told] = await communicator.broadcast(Uint8Array.of(kind));
    if (told === 0) return undefined;
    const own = failed ? encoded(found.error) : (found as Uint8Array | undefined);
    const bytes = await communicator.broadcast(own);
    if (told === 1) return bytes;
    if (failed) throw found.error;
    throw decoded(bytes);
  };
  return {
    read: (name) => onAll(() => storage.read(name)),
    async write(name, bytes, older) {
      if (first) await storage.write(name, bytes, older);
    },
    async remove(name) {
      if (first) await storage.remove(name);
    },
    async list() {
      const names = await onAll(async () => new TextEncoder().encode(JSON.stringify(await storage.list())));
      return JSON.parse(new TextDecoder().decode(names)) as string[];
    },
    describe: (name) => storage.describe(name),
  };
}

/** An error, with what tells its kind. */
function encoded(error: unknown): Uint8Array {
  const code = error instanceof GmrError ? error.code : "io";
  const cause = error instanceof Error ? codeOf(error.cause) : undefined;
  return new TextEncoder().encode(JSON.stringify([code, reasonOf(error), cause]));
}

function decoded(bytes: Uint8Array): GmrError {
  const [code, message, cause] = JSON.parse(new TextDecoder().decode(bytes)) as [
    GmrErrorCode,
    string,
    unknown,
  ];
  return new GmrError(code, message, { cause: { code: cause } });
}
