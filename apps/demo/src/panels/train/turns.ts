// Lets several trainings in one thread take turns.

/** Gives the turn to one name after the other, for some steps each. */
export class Turns {
  private readonly names: string[];
  private readonly steps: number;
  private left: number;
  private waiting = new Map<string, () => void>();

  /** @param steps of a turn */
  constructor(names: readonly string[], steps: number) {
    this.names = [...names];
    this.steps = steps;
    this.left = steps;
  }

  /** Resolves when `name` may take a step. */
  async step(name: string): Promise<void> {
    if (this.names[0] === name && this.left === 0) this.pass();
    if (this.names[0] !== name) await new Promise<void>((resolve) => this.waiting.set(name, resolve));
    this.left--;
  }

  /** `name` takes no more steps. */
  leave(name: string): void {
    const at = this.names.indexOf(name);
    if (at < 0) return;
    this.names.splice(at, 1);
    if (at === 0) this.wake();
  }

  private pass(): void {
    this.names.push(this.names.shift()!);
    this.wake();
  }

  private wake(): void {
    this.left = this.steps;
    const [next] = this.names;
    const resume = this.waiting.get(next);
    this.waiting.delete(next);
    resume?.();
  }
}

/** Lets the messages that have arrived be handled; unlike a timer, without a delay of milliseconds. */
export const breathe = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
