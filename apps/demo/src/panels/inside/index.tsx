// Kernels of both networks, and what their layers answer to a turned image.

import { signal } from "@preact/signals";
import { useCallback, useEffect } from "preact/hooks";
import { Chart, type ChartOption, type Colours } from "../../charts.ts";
import { percent } from "../../components/Bars.tsx";
import { Message } from "../../components/Message.tsx";
import { MirrorButtons } from "../../components/MirrorButtons.tsx";
import { PixelView } from "../../components/PixelView.tsx";
import { Samples } from "../../components/Samples.tsx";
import { Scroll } from "../../components/Scroll.tsx";
import { backend, engine } from "../../engine/client.ts";
import {
  type Equivariance,
  type LayerMaps,
  type LearnedKernels,
  NETWORKS,
  type NetworkName,
  type PerNetwork,
  type Reading,
} from "../../engine/types.ts";
import { askLatest } from "../../latest.ts";
import { degrees, mirrorX, mirrorY, pose, subject, turnTo } from "../../subject.ts";
import { bestOf } from "../turn/record.ts";
import { profileOption } from "./profile.ts";
import "./inside.css";

const TITLES: Readonly<PerNetwork<string>> = { gmr: "GMR network", dense: "Dense twin" };

const kernels = signal<PerNetwork<LearnedKernels[]> | undefined>(undefined);
/** The trained widths, by layer. */
const trained = signal<ReadonlyMap<string, readonly number[]>>(new Map());
const layer = signal("conv1");
/** Widths of the layer's Gaussians as the sliders stand. */
const sigmas = signal<readonly number[]>([]);
/** Which of the layer's kernels the profile shows. */
const chosen = signal(0);
/** Counts changes of the kernels, so that everything is computed anew. */
const version = signal(0);
const maps = signal<PerNetwork<LayerMaps> | undefined>(undefined);
const errors = signal<PerNetwork<Equivariance> | undefined>(undefined);
const answer = signal<Reading | undefined>(undefined);
const problem = signal<string | undefined>(undefined);

const failed = (error: unknown): void => {
  problem.value = error instanceof Error ? error.message : String(error);
};

const kernelsIn = (name: NetworkName): LearnedKernels | undefined =>
  kernels.value?.[name].find((entry) => entry.layer === layer.value);

export default function InsidePanel() {
  useEffect(() => start(), []);
  const layers = kernels.value?.gmr.map((entry) => entry.layer) ?? [layer.value];
  return (
    <div class="inside">
      <div class="lead">
        <h1>A kernel made of rings looks the same from every side.</h1>
        <p>
          Both networks were trained alike, and their layers have the same names. In the GMR network, all
          positions of a kernel at the same distance from its centre share a weight, and a Gaussian of trained
          width σ blurs each ring into its neighbours.
        </p>
      </div>
      {problem.value && <Message kind="problem">{problem.value}</Message>}

      <Samples />

      <div class="choices">
        <label>
          Layer
          <select
            value={layer.value}
            onChange={(event) => {
              choose(event.currentTarget.value);
            }}
          >
            {layers.map((name) => (
              <option key={name} value={name}>
                {titleOf(name)}
              </option>
            ))}
          </select>
        </label>
        <label class="grow">
          Turn by {Math.round(degrees.value) % 360}°
          <input
            type="range"
            min="0"
            max="360"
            step="1"
            value={degrees.value}
            onInput={(event) => turnTo(Number(event.currentTarget.value))}
          />
        </label>
        <MirrorButtons mirrorX={mirrorX} mirrorY={mirrorY} />
      </div>

      <section class="kernels" aria-labelledby="kernels">
        <h2 id="kernels">Kernels of {titleOf(layer.value)}</h2>
        <div class="two">
          {NETWORKS.map((name) => (
            <Kernels key={name} name={name} />
          ))}
        </div>
        <Sigmas />
      </section>

      <section class="maps" aria-labelledby="maps">
        <h2 id="maps">What the layer answers</h2>
        <p class="explain">
          The six strongest channels: of the upright image, of the turned one (turned back, so that they
          should look the same), and the difference of both. Orange is positive, blue negative.
        </p>
        <div class="two">
          {NETWORKS.map((name) => (
            <Maps key={name} name={name} />
          ))}
        </div>
      </section>
    </div>
  );
}

/** Turned by this when the panel opens, if the image is upright: the difference is what it is about. */
const FIRST_ANGLE = 40;

function start(): () => void {
  if (degrees.peek() === 0) turnTo(FIRST_ANGLE);
  engine()
    .then((remote) => remote.kernels())
    .then((all) => {
      if (trained.value.size === 0)
        trained.value = new Map(all.gmr.map(({ layer: name, sigmas: widths }) => [name, widths]));
      kernels.value = all;
      sigmas.value = kernelsIn("gmr")?.sigmas ?? [];
    }, failed);
  const stops = [
    askLatest(
      () => {
        void [version.value, backend.value?.name];
        const image = subject.value;
        return image && { image, pose: pose.value, layer: layer.value };
      },
      async (asked) => {
        const remote = await engine();
        const [reading] = await remote.read(asked.image.pixels, [asked.pose]);
        const answers = await remote.maps(asked.image.pixels, asked.pose, asked.layer);
        return { reading, answers };
      },
      ({ reading, answers }) => {
        answer.value = reading;
        maps.value = answers;
        problem.value = undefined;
      },
      failed,
    ),
    askLatest(
      () => {
        void [version.value, backend.value?.name];
        const image = subject.value;
        return image && { image, degrees: degrees.value, layer: layer.value };
      },
      async ({ image, degrees, layer }) => {
        await new Promise((resolve) => setTimeout(resolve, 150)); // the maps first
        return (await engine()).equivariance(image.pixels, degrees, layer);
      },
      (result) => {
        errors.value = result;
      },
      failed,
    ),
    askLatest(
      () => (sliding.value ? { layer: layer.value, sigmas: sigmas.value } : undefined),
      async ({ layer, sigmas }) => (await engine()).setSigmas(layer, sigmas),
      (changed) => {
        replaceKernels([changed]);
        version.value++;
      },
      failed,
    ),
  ];
  return () => {
    for (const stop of stops) stop();
    if (isChanged()) void reset(); // the other panels show the trained network
  };
}

/** Whether the sliders have been moved. */
const sliding = signal(false);

function replaceKernels(changed: readonly LearnedKernels[]): void {
  const all = kernels.value;
  if (!all) return;
  const gmr = all.gmr.map((entry) => changed.find((other) => other.layer === entry.layer) ?? entry);
  kernels.value = { ...all, gmr };
}

function choose(name: string): void {
  sliding.value = false;
  layer.value = name;
  maps.value = undefined;
  errors.value = undefined;
  sigmas.value = kernelsIn("gmr")?.sigmas ?? [];
  chosen.value = 0;
}

async function reset(): Promise<void> {
  sliding.value = false;
  try {
    const remote = await engine();
    await remote.resetSigmas();
    kernels.value = await remote.kernels();
    sigmas.value = kernelsIn("gmr")?.sigmas ?? [];
    version.value++;
  } catch (error) {
    failed(error);
  }
}

/** "conv1" is the first convolution, "layer2.0.conv1.1" the first of the first block of stage 2. */
function titleOf(name: string): string {
  const place = /^layer(\d+)\.(\d+)\.conv(\d+)/.exec(name);
  if (!place) return "the first convolution";
  return `stage ${place[1]}, block ${Number(place[2]) + 1}, convolution ${place[3]}`;
}

function Kernels({ name }: { name: NetworkName }) {
  const entry = kernelsIn(name);
  const largest = Math.max(0, ...(entry?.pictures.flatMap(({ values }) => values.map(Math.abs)) ?? []));
  return (
    <figure class={`card ${name}`}>
      <figcaption>
        <strong>{TITLES[name]}</strong>
        {entry && (
          <span>
            {entry.kernelSize}×{entry.kernelSize},{" "}
            {name === "gmr" ? `${entry.sigmas.length} rings` : "no structure"}
          </span>
        )}
      </figcaption>
      <ul class="pictures">
        {entry?.pictures.map(({ width, height, values }, i) => {
          const view = (
            <PixelView
              values={values}
              width={width}
              height={height}
              palette="signed"
              largest={largest}
              label={`Kernel ${i + 1} of ${entry.pictures.length}`}
            />
          );
          return (
            <li key={i}>
              {name === "dense" ? (
                view
              ) : (
                <button
                  type="button"
                  aria-pressed={chosen.value === i}
                  aria-label={`Profile of kernel ${i + 1}`}
                  onClick={() => {
                    chosen.value = i;
                  }}
                >
                  {view}
                </button>
              )}
            </li>
          );
        })}
      </ul>
    </figure>
  );
}

/** Sliders that reshape the kernels, and the radial profile that they make. */
function Sigmas() {
  const entry = kernelsIn("gmr");
  const picture = entry?.pictures[chosen.value];
  const widths = sigmas.value;
  const option = useCallback(
    (colours: Colours): ChartOption => profileOption(widths, picture, entry?.kernelSize ?? 1, colours),
    [widths, picture, entry?.kernelSize],
  );
  const said = answer.value && bestOf(answer.value.probabilities.gmr);
  return (
    <div class="sigmas">
      <div class="sliders">
        <h3>Reshape the rings</h3>
        {widths.map((sigma, ring) => (
          <label key={ring}>
            <span>
              {ring === 0 ? "centre" : `ring ${ring}`}: σ = {sigma.toFixed(2)}
            </span>
            <input
              type="range"
              min={Math.log(0.1)}
              max={Math.log(5)}
              step="0.02"
              value={Math.log(sigma)}
              aria-valuetext={sigma.toFixed(2)}
              onInput={(event) => {
                const value = Math.exp(Number(event.currentTarget.value));
                sigmas.value = widths.map((other, i) => (i === ring ? value : other));
                sliding.value = true;
              }}
            />
          </label>
        ))}
        <div class="buttons">
          <button type="button" disabled={!isChanged()} onClick={() => void reset()}>
            As trained
          </button>
        </div>
        <p class="explain" aria-live="polite">
          {answer.value && said !== undefined && (
            <>
              The GMR network {isChanged() ? "now " : ""}reads a <b>{said}</b>,{" "}
              {percent(answer.value.probabilities.gmr[said])} sure. Whatever you do to σ, the kernels stay
              round.
            </>
          )}
        </p>
      </div>
      <figure class="profile">
        <figcaption>
          Along the radius: each ring’s Gaussian, and <b>the kernel they add up to</b>
        </figcaption>
        <Chart
          option={option}
          label={`Profile of kernel ${chosen.value + 1} along the radius; widths ${widths.map((sigma) => sigma.toFixed(2)).join(", ")}`}
        />
      </figure>
    </div>
  );
}

function isChanged(): boolean {
  for (const { layer: name, sigmas: widths } of kernels.value?.gmr ?? []) {
    if (trained.value.get(name)?.some((sigma, i) => Math.abs(sigma - widths[i]) > 1e-4)) return true;
  }
  return false;
}

const ROWS = [
  ["upright", "upright"],
  ["back", "turned"],
  ["difference", "difference"],
] as const;

function Maps({ name }: { name: NetworkName }) {
  const shown = maps.value?.[name];
  const error = errors.value?.[name];
  return (
    <figure class={`card ${name}`}>
      <figcaption>
        <strong>{TITLES[name]}</strong>
        {error && (
          <span>
            off by <b>{share(error.turned)}</b> at {Math.round(degrees.value) % 360}°, by {share(error.exact)}{" "}
            at quarter turns and mirror images
          </span>
        )}
      </figcaption>
      <Scroll label={`Feature maps of the ${TITLES[name]}`}>
        <div class="map-grid">
          {ROWS.map(([key, title]) => (
            <div key={key} class="map-row">
              <span>{title}</span>
              {shown?.channels.map((channel) => (
                <PixelView
                  key={channel.channel}
                  values={channel[key]}
                  width={shown.width}
                  height={shown.height}
                  palette="signed"
                  largest={shown.largest}
                  label={`Channel ${channel.channel}, ${title}`}
                />
              ))}
            </div>
          ))}
        </div>
      </Scroll>
      {error && (
        <p class="explain">
          Largest difference as a share of the largest value, inside the circle that turning keeps. For
          comparison: the answer to an image turned there and back, by interpolation, is off by{" "}
          {share(error.interpolation)}.
        </p>
      )}
    </figure>
  );
}

/** "12 %", "0.34 %", "no more than rounding (2e-7)". */
function share(error: number): string {
  if (error === 0) return "nothing";
  if (error < 1e-5) return `no more than rounding (${error.toExponential(0)})`;
  return percent(error, error < 0.01 ? 2 : error < 0.1 ? 1 : 0);
}
