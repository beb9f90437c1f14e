// The page's side of the training. It goes on while other panels are open.

import { computed, signal } from "@preact/signals";
import { proxy, type Remote } from "comlink";
import { panelWorker } from "../../engine/client.ts";
import type { BackendState, NetworkName, PerNetwork } from "../../engine/types.ts";
import { askLatest } from "../../latest.ts";
import type { Answer, RunState } from "./session.ts";
import type { RunSettings } from "./settings.ts";
import type { Shown, Trainer } from "./trainer.ts";

/** Undefined while the worker starts. */
export const run = signal<RunState | undefined>(undefined);
export const shown = signal<Shown | undefined>(undefined);
/** What computes the training. */
export const computes = signal<BackendState | undefined>(undefined);
export const notice = signal<string | undefined>(undefined);
export const problem = signal<string | undefined>(undefined);
/** Whether the worker is busy with something that has to end first. */
export const busy = signal(false);

/** The digits that both networks are asked about, turned by this angle, and their answers. */
export const angle = signal(0);
export const answers = signal<PerNetwork<Answer[]> | undefined>(undefined);

/** The trainer. */
export const trainer = panelWorker<Remote<Trainer>>({
  name: "trainer",
  connect: (services) => services.trainer(),
  async start(remote, base, wanted) {
    const listener = proxy({
      changed(state: RunState) {
        run.value = state;
      },
      computes(state: BackendState) {
        computes.value = state;
      },
      notice(text: string) {
        notice.value = text;
      },
      failed(text: string) {
        problem.value = `Training stopped: ${text}`;
      },
    });
    const { run: state, shown: digits } = await remote.start(base, wanted, listener);
    run.value = state;
    shown.value = digits;
    askLatest(
      () => question.value,
      () => remote.read(angle.peek()),
      (read) => {
        answers.value = read;
      },
      () => undefined, // while the backend is switched; asked again with the next change
    );
  },
  computes,
  useBackend(remote, name) {
    void ask(async () => void (await remote.useBackend(name)));
  },
});

/** Changes with the angle and with what the networks have learned. */
const question = computed(() => {
  if (!run.value || !shown.value) return undefined;
  const { steps } = run.value;
  return `${angle.value} ${steps.gmr} ${steps.dense}`;
});

/** Runs a call to the trainer; shows why it failed. */
async function ask(call: (remote: Remote<Trainer>) => Promise<void>): Promise<void> {
  problem.value = undefined;
  busy.value = true;
  try {
    await call(await trainer());
  } catch (error) {
    problem.value = error instanceof Error ? error.message : String(error);
  } finally {
    busy.value = false;
  }
}

export const open = (): Promise<void> => ask(async () => undefined);

export const go = (): Promise<void> => ask((remote) => remote.go());

export const pause = (): Promise<void> =>
  ask(async (remote) => {
    run.value = await remote.pause();
  });

export const reset = (settings: RunSettings): Promise<void> =>
  ask(async (remote) => {
    run.value = await remote.reset(settings);
  });

/** Offers a network's weights as a file to keep. */
export const save = (name: NetworkName): Promise<void> =>
  ask(async (remote) => {
    const steps = run.peek()?.steps[name] ?? 0;
    const bytes = (await remote.save(name)) as Uint8Array<ArrayBuffer>;
    const url = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = `${name}-digits-${steps}-steps.safetensors`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  });

/** More than any network here needs. */
const MOST_BYTES = 32 * 2 ** 20;

export const load = (name: NetworkName, file: File): Promise<void> =>
  ask(async (remote) => {
    if (file.size > MOST_BYTES) {
      throw new Error(
        `${file.name} has ${Math.round(file.size / 2 ** 20)} MB, far more than the weights of this network`,
      );
    }
    const bytes = new Uint8Array(await file.arrayBuffer());
    run.value = await remote.load(name, bytes, file.name);
  });
