// Ctrl-C asks the work to stop at a safe point; a second one stops it at once.

/** Watches for SIGINT and SIGTERM until disposed. */
export class Interrupt {
  private pending = false;
  private readonly onSignal = (): void => {
    if (this.pending) process.exit(130);
    this.pending = true;
    process.stderr.write("\nStopping after this step (again to stop at once)…\n");
  };

  constructor() {
    process.on("SIGINT", this.onSignal);
    process.on("SIGTERM", this.onSignal);
  }

  /** Whether the work was asked to stop. */
  get requested(): boolean {
    return this.pending;
  }

  dispose(): void {
    process.off("SIGINT", this.onSignal);
    process.off("SIGTERM", this.onSignal);
  }
}
