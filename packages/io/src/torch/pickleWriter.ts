/** Writes a pickle of protocol 2 (https://docs.python.org/3/library/pickle.html), value by value. */
export class PickleWriter {
  private readonly bytes = [0x80, 2]; // PROTO
  private readonly names = new Map<string, number>();

  /** Opcodes without arguments, one character each. */
  codes(codes: string): void {
    for (let i = 0; i < codes.length; i++) this.bytes.push(codes.charCodeAt(i));
  }

  /** A class or function; repeated ones by reference. At most 256 different ones. */
  name(module: string, name: string): void {
    const code = `c${module}\n${name}\n`; // GLOBAL
    const known = this.names.get(code);
    this.codes(known === undefined ? `${code}q` : "h"); // BINPUT, BINGET
    this.bytes.push(known ?? this.names.size);
    if (known === undefined) this.names.set(code, this.names.size);
  }

  string(text: string): void {
    const utf8 = new TextEncoder().encode(text);
    this.codes("X"); // BINUNICODE
    this.little(utf8.length, 4);
    for (const byte of utf8) this.bytes.push(byte);
  }

  /** An integer from 0 to 2^53. */
  integer(value: number): void {
    if (value < 2 ** 31) {
      this.codes("J"); // BININT
      this.little(value, 4);
    } else {
      this.codes("\x8a\x08"); // LONG1 of eight bytes
      this.little(value, 8);
    }
  }

  integers(values: readonly number[]): void {
    this.codes("("); // MARK
    for (const value of values) this.integer(value);
    this.codes("t"); // TUPLE
  }

  finish(): Uint8Array {
    this.codes("."); // STOP
    return Uint8Array.from(this.bytes);
  }

  private little(value: number, count: number): void {
    for (let i = 0; i < count; i++) this.bytes.push(Math.floor(value / 256 ** i) % 256);
  }
}
