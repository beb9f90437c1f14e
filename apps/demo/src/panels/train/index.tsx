// Trains both networks in the tab, on upright digits, and shows how they read turned ones meanwhile.

import { useEffect } from "preact/hooks";
import { Message } from "../../components/Message.tsx";
import { NETWORKS } from "../../engine/types.ts";
import { AngleChart, LossChart } from "./Charts.tsx";
import * as client from "./client.ts";
import type { Scores } from "./history.ts";
import { NAMES } from "./names.ts";
import { Readings } from "./Readings.tsx";
import type { RunState } from "./session.ts";
import { EPOCHS, type RunSettings, SIZES, stepsOf } from "./settings.ts";
import "./train.css";

export default function TrainPanel() {
  useEffect(() => {
    void client.open();
  }, []);
  const run = client.run.value;
  return (
    <div class="train">
      <div class="lead">
        <h1>Train both yourself, on upright digits.</h1>
        <p class="sentence">{run ? summary(run) : "Fetching the digits…"}</p>
      </div>
      {client.problem.value && (
        <div class="wide">
          <Message kind="problem" onClose={() => (client.problem.value = undefined)}>
            {client.problem.value}
          </Message>
        </div>
      )}
      {client.notice.value && (
        <div class="wide">
          <Message kind="note" onClose={() => (client.notice.value = undefined)}>
            {client.notice.value}
          </Message>
        </div>
      )}
      {run && (
        <>
          <Controls run={run} />
          <section class="plot" aria-label="Accuracy by angle">
            <h2>Held-out digits, by angle</h2>
            <p>Right answers, of 200 digits turned by every 30°</p>
            <AngleChart run={run} />
            <Legend />
          </section>
          <section class="plot" aria-label="Loss">
            <h2>Loss on the upright training digits</h2>
            <p>Each point is a mean over 20 steps</p>
            <LossChart run={run} />
            <Legend />
          </section>
          <Readings />
          <Networks run={run} />
          <p class="about">
            6,400 upright digits of the MNIST training set (shifted and scaled a little, never turned) to
            learn from, 200 of its test set held out. Y. LeCun, C. Cortes and C. J. C. Burges,{" "}
            <a href="http://yann.lecun.com/exdb/mnist/">MNIST</a>, CC BY-SA 3.0. The code is that of{" "}
            <code>gmr train</code>: <code>@gmr-conv/training</code>, with its checkpoints in this browser’s
            IndexedDB.
          </p>
        </>
      )}
    </div>
  );
}

const percent = (share: number): string => `${Math.round(100 * share)} %`;
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const turnedOnly = ({ angles }: Scores): number => mean(angles.slice(1));

/** Where both stand, in a sentence. */
function summary({ courses, steps, total, running }: RunState): string {
  // The last reading that there is of both.
  const at = Math.min(...NETWORKS.map((name) => courses[name].scores.at(-1)?.step ?? 0));
  const [gmr, dense] = NETWORKS.map((name) => courses[name].scores.findLast(({ step }) => step <= at));
  if (!gmr || !dense || at === 0) {
    return running
      ? "The first steps: both still guess."
      : "Two small networks that differ in their convolutions alone, and have learned nothing yet. Neither will ever see a turned digit.";
  }
  const text = (score: Scores): string =>
    `${percent(score.angles[0])} of the upright digits and ${percent(turnedOnly(score))} of the turned ones`;
  const when = Math.min(steps.gmr, steps.dense) >= total ? `After ${total} steps` : `At step ${at}`;
  return `${when}, the GMR network reads ${text(gmr)}; its dense twin ${text(dense)}.`;
}

function Controls({ run }: { run: RunState }) {
  const { settings, steps, total, running } = run;
  const begun = NETWORKS.some((name) => steps[name] > 0);
  const done = NETWORKS.every((name) => steps[name] >= total);
  const busy = client.busy.value;
  const choose = (change: Partial<RunSettings>): void => void client.reset({ ...settings, ...change });
  const fixed = begun || running || busy;
  const state = client.computes.value;
  return (
    <section class="stand" aria-label="Training">
      <div class="controls">
        {running ? (
          <button type="button" class="primary" disabled={busy} onClick={() => void client.pause()}>
            ❚❚ Pause
          </button>
        ) : (
          <button type="button" class="primary" disabled={busy || done} onClick={() => void client.go()}>
            {done ? "Trained" : begun ? "▶ Go on" : "▶ Train"}
          </button>
        )}
        <button type="button" disabled={busy || !begun} onClick={() => void client.reset(settings)}>
          Start over
        </button>
      </div>
      <div class="choices">
        <label>
          Size
          <select
            value={settings.size}
            disabled={fixed}
            onChange={(event) => choose({ size: event.currentTarget.value as RunSettings["size"] })}
          >
            {SIZES.map((size) => (
              <option key={size} value={size}>
                {size}
              </option>
            ))}
          </select>
        </label>
        <label>
          Steps
          <select
            value={settings.epochs}
            disabled={fixed}
            onChange={(event) => choose({ epochs: Number(event.currentTarget.value) })}
          >
            {EPOCHS.map((epochs) => (
              <option key={epochs} value={epochs}>
                {stepsOf(epochs)}
              </option>
            ))}
          </select>
        </label>
      </div>
      {begun && !running && (
        <p class="hint">
          {done ? "Both are trained." : "Stays here when the page is closed: go on whenever you like."} Start
          over to choose another size or length.
        </p>
      )}
      {NETWORKS.map((name) => (
        <div key={name} class={`progress ${name}`}>
          <p>
            <strong>{NAMES[name]}</strong>
            <span>
              step <output data-step={name}>{steps[name]}</output> of {total}
            </span>
          </p>
          <progress max={total} value={steps[name]} aria-label={`${NAMES[name]}: steps done`} />
          <p class="hint">
            {run.parameters[name].toLocaleString("en")} trained numbers
            {run.pace[name] !== undefined && ` · ${run.pace[name]!.toFixed(0)} ms a step`}
          </p>
        </div>
      ))}
      {state && (
        <p class="hint" data-backend={state.name}>
          In a worker on {BACKEND_NAMES[state.name]}
          {state.name === "wasm" && (state.threads === 1 ? ", one thread" : `, ${state.threads} threads`)}.
          The backend can be changed at the foot of the page, at any time.
        </p>
      )}
    </section>
  );
}

const BACKEND_NAMES = { wasm: "WebAssembly", webgpu: "WebGPU", cpu: "plain JavaScript" } as const;

function Legend() {
  return (
    <ul class="legend">
      {NETWORKS.map((name) => (
        <li key={name} class={name}>
          {NAMES[name]}
        </li>
      ))}
    </ul>
  );
}

/** Keeping and loading weights. */
function Networks({ run }: { run: RunState }) {
  const blocked = client.busy.value || run.running;
  return (
    <section class="weights wide" aria-label="Weights">
      <h2>Keep what they learned</h2>
      <p>
        A <code>.safetensors</code> file with PyTorch names. Loaded weights are the start of a new training.
      </p>
      <div class="files">
        {NETWORKS.map((name) => (
          <div key={name} class={name}>
            <strong>{NAMES[name]}</strong>
            <button type="button" disabled={blocked} onClick={() => void client.save(name)}>
              Save weights
            </button>
            <label class="file">
              Load weights…
              <input
                class="unseen"
                type="file"
                accept=".safetensors,.pt,.pth"
                disabled={blocked}
                aria-label={`Weights for the ${NAMES[name]}`}
                onChange={(event) => {
                  const file = event.currentTarget.files?.[0];
                  event.currentTarget.value = "";
                  if (file) void client.load(name, file);
                }}
              />
            </label>
          </div>
        ))}
      </div>
      {run.running && <p class="hint">Pause to save or load.</p>}
    </section>
  );
}
