// The time of GMR and dense convolutions on the visitor's device.

import { signal } from "@preact/signals";
import { proxy } from "comlink";
import { useCallback, useEffect } from "preact/hooks";
import { Chart, type ChartOption, type Colours } from "../../charts.ts";
import { BackendSelect } from "../../components/BackendSelect.tsx";
import { Message } from "../../components/Message.tsx";
import { Scroll } from "../../components/Scroll.tsx";
import { backend, engine } from "../../engine/client.ts";
import { type BackendState, type Measured, type MeasureOptions, NETWORKS } from "../../engine/types.ts";
import "./measure.css";

const SIZES = [3, 5, 7, 9, 11];
/** Smaller for plain JavaScript, which would take minutes. */
const sizeFor = (name: string): Pick<MeasureOptions, "size" | "channels"> =>
  name === "cpu" ? { size: 24, channels: 8 } : { size: 48, channels: 32 };

interface Result {
  options: MeasureOptions;
  state: BackendState;
  times: Measured[];
}

const result = signal<Result | undefined>(undefined);
const running = signal(false);
const training = signal(false);
const problem = signal<string | undefined>(undefined);
/** What happened to the copy. */
const copied = signal<string | undefined>(undefined);

export default function MeasurePanel() {
  useEffect(() => () => void cancel(), []);
  const shown = result.value;
  const option = useCallback((colours: Colours) => chartOption(shown?.times ?? [], colours), [shown]);
  return (
    <div class="measure">
      <div class="lead">
        <h1>Large kernels, without their price.</h1>
        <p>
          A dense convolution multiplies at every position of its kernel, k² times. A ring convolution adds up
          the pixels of each ring and multiplies once per ring. Here is what that comes to on this device.
        </p>
      </div>
      <div class="controls">
        <BackendSelect disabled={running.value} />
        <label class="check">
          <input
            type="checkbox"
            checked={training.value}
            disabled={running.value}
            onChange={(event) => {
              training.value = event.currentTarget.checked;
            }}
          />{" "}
          with gradients (a step of training)
        </label>
        {running.value ? (
          <button type="button" onClick={() => void cancel()}>
            Cancel
          </button>
        ) : (
          <button type="button" class="primary" disabled={!backend.value} onClick={() => void run()}>
            Measure
          </button>
        )}
        {shown && !running.value && (
          <button type="button" onClick={() => void copy(shown)}>
            Copy as JSON
          </button>
        )}
      </div>
      <p class="unseen" aria-live="polite">
        {running.value
          ? `Measured ${shown?.times.length ?? 0} of ${SIZES.length} kernel sizes`
          : conclusion(shown)}
      </p>
      {problem.value && <Message kind="problem">{problem.value}</Message>}
      {copied.value && (
        <Message
          kind="note"
          onClose={() => {
            copied.value = undefined;
          }}
        >
          {copied.value}
        </Message>
      )}
      {shown && (
        <div class="result">
          <figure>
            <figcaption>
              <strong>{conclusion(shown)}</strong>
              <span>{describe(shown)}</span>
            </figcaption>
            <Chart option={option} label={`Milliseconds over kernel size. ${conclusion(shown)}`} />
            <ul class="legend">
              <li class="gmr">GMR convolution</li>
              <li class="dense">Dense convolution</li>
            </ul>
          </figure>
          <Table {...shown} />
        </div>
      )}
    </div>
  );
}

async function run(): Promise<void> {
  const state = backend.value;
  if (!state || running.value) return;
  const options = { kernelSizes: SIZES, training: training.value, ...sizeFor(state.name) };
  running.value = true;
  problem.value = undefined;
  copied.value = undefined;
  result.value = { options, state, times: [] };
  try {
    const remote = await engine();
    await remote.measure(
      options,
      proxy((measured: Measured) => {
        const before = result.value;
        if (before?.options === options) result.value = { ...before, times: [...before.times, measured] };
      }),
    );
  } catch (error) {
    problem.value = error instanceof Error ? error.message : String(error);
  } finally {
    running.value = false;
    if (result.value?.times.length === 0) result.value = undefined;
  }
}

async function cancel(): Promise<void> {
  if (running.value) await (await engine()).cancelMeasure();
}

async function copy(shown: Result): Promise<void> {
  const text = JSON.stringify(recordOf(shown), undefined, 2);
  try {
    await navigator.clipboard.writeText(text);
    copied.value = "The times were copied, with a description of this device.";
  } catch {
    copied.value = `This browser does not let the page copy. Here it is: ${text}`;
  }
}

/** Everything that somebody else needs to understand the times. */
function recordOf({ options, state, times }: Result): object {
  const { size, channels } = options;
  return {
    what: `milliseconds of a convolution of [1, ${size}, ${size}, ${channels}] to ${channels} channels, float32, ${
      options.training ? "with gradients of input and weights" : "forward"
    }; medians of alternating runs after two uncounted ones`,
    created: new Date().toISOString(),
    device: {
      backend: state.name,
      threads: state.threads,
      ...(state.adapter && { adapter: state.adapter }),
      processors: navigator.hardwareConcurrency,
      browser: navigator.userAgent,
    },
    milliseconds: times.map(({ k, gmr, dense }) => ({ kernelSize: k, gmr: round(gmr), dense: round(dense) })),
  };
}

const round = (ms: number): number => Number(ms.toPrecision(3));

function conclusion(shown: Result | undefined): string {
  const last = shown?.times.at(-1);
  if (!last) return "Measuring…";
  const factor = last.dense / last.gmr;
  return factor >= 1
    ? `At ${last.k}×${last.k}, GMR takes ${factor.toFixed(1)} times less than dense.`
    : `At ${last.k}×${last.k}, GMR takes ${(1 / factor).toFixed(1)} times as long as dense.`;
}

function describe({ options: { size, channels, training }, state }: Result): string {
  const threads = state.threads === 1 ? "one thread" : `${state.threads} threads`;
  const where = state.name === "webgpu" ? (state.adapter ?? "WebGPU") : `${state.name}, ${threads}`;
  return `${size}×${size} pixels, ${channels} to ${channels} channels, ${training ? "forward and backward" : "forward"}; ${where}`;
}

function chartOption(times: readonly Measured[], colours: Colours): ChartOption {
  const axis = {
    axisLine: { lineStyle: { color: colours.line } },
    axisTick: { show: false },
    axisLabel: { color: colours.muted, fontSize: 13 },
    nameTextStyle: { color: colours.muted, fontSize: 13 },
    splitLine: { lineStyle: { color: colours.line } },
  };
  return {
    grid: { left: 46, right: 16, top: 34, bottom: 30 },
    xAxis: { ...axis, type: "category", data: SIZES.map((k) => `${k}×${k}`), boundaryGap: false },
    yAxis: { ...axis, type: "value", name: "milliseconds", min: 0 },
    tooltip: { trigger: "axis", valueFormatter: (value) => `${Number(value).toPrecision(3)} ms` },
    series: NETWORKS.map((name) => ({
      type: "line" as const,
      name: name === "gmr" ? "GMR" : "dense",
      symbol: "circle",
      symbolSize: 8,
      itemStyle: { color: colours[name] },
      lineStyle: { color: colours[name], width: 2.5 },
      data: times.map(({ k, ...ms }) => [`${k}×${k}`, ms[name]]),
    })),
  };
}

function Table({ times }: Result) {
  return (
    <Scroll label="Times">
      <table>
        <thead>
          <tr>
            <th scope="col">Kernel</th>
            <th scope="col">GMR</th>
            <th scope="col">Dense</th>
            <th scope="col">Dense ÷ GMR</th>
          </tr>
        </thead>
        <tbody>
          {times.map(({ k, gmr, dense }) => (
            <tr key={k}>
              <th scope="row">
                {k}×{k}
              </th>
              <td>{gmr.toPrecision(3)} ms</td>
              <td>{dense.toPrecision(3)} ms</td>
              <td>{(dense / gmr).toFixed(1)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
