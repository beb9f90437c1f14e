/**
 * What one gradient of a kernel makes and the next one, which is asked for right after it, needs too: of the last call
 * only.
 */
export class LastResult<Value> {
  private readonly dispose: (value: Value) => void;
  private last: { of: readonly unknown[]; value: Value } | undefined;

  /** @param dispose frees what is forgotten */
  constructor(dispose: (value: Value) => void = () => {}) {
    this.dispose = dispose;
  }

  /** @param of everything that the value depends on: data of tensors, attributes */
  keep(of: readonly unknown[], value: Value): void {
    this.forget();
    this.last = { of, value };
  }

  /** The value that was kept, if it depends on the same. */
  find(of: readonly unknown[]): Value | undefined {
    return this.matches(of) ? this.last?.value : undefined;
  }

  /** As {@link find}; the value is the caller's from then on, and one that does not match is forgotten. */
  take(of: readonly unknown[]): Value | undefined {
    const found = this.find(of);
    if (found === undefined) this.forget();
    else this.last = undefined;
    return found;
  }

  /** @param value if given, nothing else is forgotten */
  forget(value: Value | undefined = this.last?.value): void {
    if (!this.last || this.last.value !== value) return;
    this.dispose(this.last.value);
    this.last = undefined;
  }

  private matches(of: readonly unknown[]): boolean {
    return this.last?.of.length === of.length && this.last.of.every((part, i) => part === of[i]);
  }
}
