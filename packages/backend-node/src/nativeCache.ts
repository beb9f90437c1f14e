// Native tensors that are made once and kept: constants, masks, mixtures. Outside the engine's count of tensors, since no
// call owns them.

import type { NativeBackend } from "./nativeBackend.ts";

export class NativeCache<Key, Value> {
  private readonly capacity: number;
  private readonly idsOf: (value: Value) => readonly number[];
  private readonly known = new WeakMap<NativeBackend, Map<Key, Value>>();

  /**
   * @param capacity entries for a backend; beyond that the oldest one goes. More than one call of a kernel needs.
   * @param idsOf the native tensors of an entry
   */
  constructor(capacity: number, idsOf: (value: Value) => readonly number[]) {
    this.capacity = capacity;
    this.idsOf = idsOf;
  }

  get(backend: NativeBackend, key: Key, make: () => Value): Value {
    const entries = this.known.get(backend) ?? new Map<Key, Value>();
    this.known.set(backend, entries);
    const found = entries.get(key);
    if (found !== undefined) return found;
    const made = make();
    for (const [oldest, value] of entries) {
      if (entries.size < this.capacity) break;
      entries.delete(oldest);
      for (const id of this.idsOf(value)) backend.binding.deleteTensor(id);
    }
    entries.set(key, made);
    return made;
  }
}
