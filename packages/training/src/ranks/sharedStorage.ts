import type { Communicator } from "@gmr-conv/distributed";
import type { Storage } from "../storage/storage.ts";

/**
 * The storage of rank 0, for all ranks: it alone reads and writes, the others are given what it read. `read` and
 * `list` are collective.
 */
export function sharedStorage(communicator: Communicator, storage: Storage): Storage {
  if (communicator.size === 1) return storage;
  const first = communicator.rank === 0;
  return {
    async read(name) {
      const bytes = first ? await storage.read(name) : undefined;
      const [found] = await communicator.broadcast(Uint8Array.of(Number(bytes !== undefined)));
      return found ? communicator.broadcast(bytes) : undefined;
    },
    async write(name, bytes) {
      if (first) await storage.write(name, bytes);
    },
    async remove(name) {
      if (first) await storage.remove(name);
    },
    async list() {
      const names = first ? new TextEncoder().encode(JSON.stringify(await storage.list())) : undefined;
      return JSON.parse(new TextDecoder().decode(await communicator.broadcast(names))) as string[];
    },
    describe: (name) => storage.describe(name),
  };
}
