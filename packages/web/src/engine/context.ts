/** What a call is given besides its request. */
export interface CallContext<Progress> {
  signal: AbortSignal;
  report: (progress: Progress) => void;
}
