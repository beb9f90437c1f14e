/** Caches what was made for a key: plans, tables, constants. When full, it drops the oldest entry. */
export class BoundedCache<Key, Value> {
  private readonly capacity: number;
  private readonly dispose: (value: Value) => void;
  private readonly known = new Map<Key, Value>();

  /**
   * @param capacity more entries than one kernel call needs
   * @param dispose frees a dropped entry
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
