/** Where checkpoints are kept: a folder, a browser's database, or memory. Files are replaced as a whole. */
export interface Storage {
  /** A file's bytes, or undefined if it does not exist. @throws GmrError `io` */
  read(name: string): Promise<Uint8Array | undefined>;
  /**
   * Replaces a file: readers see either the old or the new content, and the old one stays if this fails.
   * @param older names that the file's old content moves on to: the old content gets the first one, what had the first
   *   the second, and what had the last is replaced. A storage that ignores them keeps the newest content only.
   * @throws GmrError `io`
   */
  write(name: string, bytes: Uint8Array, older?: readonly string[]): Promise<void>;
  /** Deletes a file if it exists. */
  remove(name: string): Promise<void>;
  /** Names of all files. */
  list(): Promise<string[]>;
  /** The name of a file in messages. */
  describe(name: string): string;
}

/** Files that last as long as the program. */
export class MemoryStorage implements Storage {
  private readonly files = new Map<string, Uint8Array>();

  async read(name: string): Promise<Uint8Array | undefined> {
    return this.files.get(name)?.slice();
  }

  async write(name: string, bytes: Uint8Array, older: readonly string[] = []): Promise<void> {
    const names = [name, ...older];
    for (let i = names.length - 1; i > 0; i--) {
      const moved = this.files.get(names[i - 1]);
      if (moved) this.files.set(names[i], moved);
    }
    this.files.set(name, bytes.slice());
  }

  async remove(name: string): Promise<void> {
    this.files.delete(name);
  }

  async list(): Promise<string[]> {
    return [...this.files.keys()];
  }

  describe(name: string): string {
    return `${name} in memory`;
  }
}
