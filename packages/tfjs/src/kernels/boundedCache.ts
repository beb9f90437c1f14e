/** Remembers what was made for a key: plans, tables, constants. Beyond its capacity the oldest entry goes. */
export class BoundedCache<Key, Value> {
  private readonly capacity: number;
  private readonly dispose: (value: Value) => void;
  private readonly known = new Map<Key, Value>();

  /**
   * @param capacity more entries than one call of a kernel needs
   * @param dispose frees an entry that goes
   */
  constructor(capacity: number, dispose: (value: Value) => void = () => {}) {
    this.capacity = capacity;
    this.dispose = dispose;
  }

  get(key: Key, make: () => Value): Value {
    const found = this.known.get(key);
    if (found !== undefined) return found;
    const made = make();
    for (const [oldest, value] of this.known) {
      if (this.known.size < this.capacity) break;
      this.known.delete(oldest);
      this.dispose(value);
    }
    this.known.set(key, made);
    return made;
  }
}
