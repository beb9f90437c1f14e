/**
 * Keeps what one gradient of a kernel computes and the next one, requested right after it, needs too; of the last call
 * only.
 */
export class LastResult<Value> {
  private readonly dispose: (value: Value) => void;
  private last: { of: readonly unknown[]; value: Value } | undefined;

  /**
   * @param dispose frees what is dropped
   */
  constructor(dispose: (value: Value) => void = () => {}) {
    this.dispose = dispose;
  }

  /**
   * @param of everything the value depends on: data of tensors, attributes
   */
  keep(of: readonly unknown[], value: Value): void {
    this.forget();
    this.last = { of, value };
  }

  /** The kept value, if it depends on the same. */
  find(of: readonly unknown[]): Value | undefined {
    return this.matches(of) ? this.last?.value : undefined;
  }

  /** As {@link find}, but hands the value over to the caller, and drops one that does not match. */
  take(of: readonly unknown[]): Value | undefined {
    const found = this.find(of);
    if (found === undefined) this.forget();
    else this.last = undefined;
    return found;
  }

  /**
   * @param value if given, drop only this one
   */
  forget(value: Value | undefined = this.last?.value): void {
    if (!this.last || this.last.value !== value) return;
    this.dispose(this.last.value);
    this.last = undefined;
  }

  private matches(of: readonly unknown[]): boolean {
    return this.last?.of.length === of.length && this.last.of.every((part, i) => part === of[i]);
  }
}
