/** One network: `run` resolves if the active backend passes, and rejects with a GmrError that says what differed. */
export interface NetworkCase {
  readonly name: string;
  readonly run: () => Promise<void>;
}
