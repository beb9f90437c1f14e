// Nuclei under a dial, with the masks that both networks make of them.

import { useSignal } from "@preact/signals";
import { useCallback, useEffect } from "preact/hooks";
import { Chart, type ChartOption, type Colours } from "../../charts.ts";
import { percent } from "../../components/Bars.tsx";
import { Dial } from "../../components/Dial.tsx";
import { ImagePicker } from "../../components/ImagePicker.tsx";
import { Message } from "../../components/Message.tsx";
import { MirrorButtons } from "../../components/MirrorButtons.tsx";
import { PixelView } from "../../components/PixelView.tsx";
import { Scroll } from "../../components/Scroll.tsx";
import { NETWORKS, type NetworkName } from "../../engine/types.ts";
import { reducedMotion } from "../../subject.ts";
import { ANGLE_STEP, type Card } from "./card.ts";
import * as client from "./client.ts";
import { SOURCE } from "./look.ts";
import { MaskView } from "./MaskView.tsx";
import "./segment.css";

const NAMES: Readonly<Record<NetworkName, { title: string; text: string }>> = {
  gmr: { title: "GMR-UNet", text: "ring kernels" },
  dense: { title: "Dense U-Net", text: "ordinary 3×3 kernels" },
};

/** Degrees per second. */
const SPEED = 20;

/** Whether the dial turns by itself; remembered while the page is open. */
let touched = false;

export default function SegmentPanel() {
  const turning = useSignal(!touched && !reducedMotion());
  useEffect(() => client.startLooking(), []);
  useEffect(() => {
    if (!turning.value) return;
    let last: number | undefined;
    let frame = requestAnimationFrame(function step(now: number) {
      // From the first masks on; never far, after the tab was hidden.
      if (last !== undefined && client.look.peek()) {
        client.turnTo(client.degrees.peek() + Math.min(0.1, (now - last) / 1000) * SPEED);
      }
      last = now;
      frame = requestAnimationFrame(step);
    });
    return () => cancelAnimationFrame(frame);
  }, [turning.value]);
  const turn = useCallback(
    (angle: number) => {
      touched = true;
      turning.value = false;
      client.turnTo(angle);
    },
    [turning],
  );
  const image = client.shown.value;
  const degrees = client.degrees.value;

  return (
    <div class="segment" data-backend={client.computes.value?.name}>
      <div class="lead">
        <h1>A nucleus has no right way up. Its outline should not have one either.</h1>
        <p class="sentence" aria-live={turning.value ? "off" : "polite"}>
          {sentence()}
        </p>
      </div>

      <section class="stage" aria-label="The image">
        <Dial degrees={degrees} onTurn={turn} label="Turn the image">
          {image && (
            <PixelView
              values={image.pixels}
              width={SOURCE}
              smooth
              class={`${client.mirrorX.value ? "mirror-x" : ""} ${client.mirrorY.value ? "mirror-y" : ""}`}
              label={image.title}
            />
          )}
        </Dial>
        <p class="angle">
          <output>{Math.round(degrees) % 360}°</output>
        </p>
        <div class="controls">
          <button
            type="button"
            aria-pressed={turning.value}
            onClick={() => {
              touched = true;
              turning.value = !turning.value;
            }}
          >
            {turning.value ? "❚❚ Stop" : "▶ Turn slowly"}
          </button>
          <button type="button" onClick={() => turn(0)}>
            Upright
          </button>
          <MirrorButtons mirrorX={client.mirrorX} mirrorY={client.mirrorY} />
        </div>
      </section>

      {NETWORKS.map((name) => (
        <NetworkView key={name} name={name} />
      ))}

      <Polar />

      <section class="source" aria-label="Choose an image">
        <ImagePicker draw={false} onPicture={(picture, title) => client.showPicture(picture, title)}>
          <div class="buttons">
            {client.card.value?.images.map(({ image: file }, index) => (
              <button
                key={file}
                type="button"
                aria-pressed={image?.sample === index}
                onClick={() => void client.showSample(index)}
              >
                Nuclei {index + 1}
              </button>
            ))}
          </div>
        </ImagePicker>
        {image?.inverted && (
          <p class="hint">
            Dark and bright are exchanged in {image.title}: the networks learned bright nuclei on a dark
            ground.
          </p>
        )}
        {client.problem.value && <Message kind="problem">{client.problem.value}</Message>}
        {client.computes.value?.notice && client.computes.value.name !== "cpu" && (
          <p class="hint">{client.computes.value.notice}</p>
        )}
      </section>

      {client.card.value && <About card={client.card.value} />}
    </div>
  );
}

function sentence(): string {
  const low = client.lowest.value;
  if (!low || low.dense === 1) {
    return "Both networks learned to mark nuclei in images that were never turned. Turn one, or mirror it.";
  }
  return (
    `Compared with its upright mask, turned along, the mask of the GMR-UNet has kept at least ` +
    `${percent(low.gmr, 1)}, that of its dense twin ${percent(low.dense, 1)}.`
  );
}

function NetworkView({ name }: { name: NetworkName }) {
  const { title, text } = NAMES[name];
  const now = client.look.value;
  const mask = now?.masks[name];
  return (
    <section class={`network ${name}`} aria-label={title}>
      <header>
        <h2>{title}</h2>
        <p>{text}</p>
      </header>
      <MaskView seen={now?.seen} mask={mask} label={`What the ${title} marks`} />
      <p class="agreement">
        <strong data-agreement={name}>{mask ? percent(mask.agreement, 1) : "–"}</strong> the same as upright
      </p>
      <p class="hint">
        {mask?.truth !== undefined && `Dice with what people marked: ${mask.truth.toFixed(3)} · `}
        {mask ? `${mask.milliseconds.toFixed(0)} ms a mask` : "starting…"}
      </p>
    </section>
  );
}

function Polar() {
  const known = client.agreements.value;
  const option = useCallback(
    (colours: Colours): ChartOption => {
      const angles = [...known.keys()].sort((a, b) => a - b);
      const all = [...known.values()].flatMap(({ gmr, dense }) => [gmr, dense]);
      const low = Math.min(0.9, ...all.map((value) => Math.floor(10 * value) / 10));
      return {
        polar: { radius: "74%", center: ["50%", "50%"] },
        angleAxis: {
          type: "value",
          min: 0,
          max: 360,
          interval: 45,
          startAngle: 90,
          clockwise: false,
          axisLine: { lineStyle: { color: colours.line } },
          axisTick: { show: false },
          splitLine: { lineStyle: { color: colours.line } },
          axisLabel: { color: colours.muted, formatter: "{value}°", fontSize: 12, margin: 6 },
        },
        radiusAxis: {
          type: "value",
          min: Math.round(100 * low),
          max: 100,
          splitNumber: 2,
          axisLine: { show: false },
          axisTick: { show: false },
          splitLine: { lineStyle: { color: colours.line } },
          axisLabel: { color: colours.muted, fontSize: 10, formatter: "{value} %" },
        },
        series: NETWORKS.toReversed().map((name) => {
          const at = (angle: number): [number, number] => [100 * known.get(angle)![name], angle];
          // Only neighbours are joined; the circle closes with the last of them.
          const points = angles.flatMap((angle, i): [number | null, number][] => {
            const gap = i > 0 && angle - angles[i - 1] > 3 * client.BIN;
            return gap ? [[null, angle], at(angle)] : [at(angle)];
          });
          if (known.has(0) && (angles.at(-1) ?? 0) >= 360 - 3 * client.BIN) points.push([at(0)[0], 360]);
          return {
            type: "line" as const,
            coordinateSystem: "polar" as const,
            silent: true,
            symbol: "circle",
            symbolSize: 4,
            itemStyle: { color: colours[name] },
            lineStyle: { color: colours[name], width: 2.5 },
            data: points,
          };
        }),
      };
    },
    [known],
  );
  return (
    <section class="polar" aria-label="All angles">
      <header>
        <h2>All the way round</h2>
        <p>Dice of each mask and the upright one, turned along, by angle</p>
      </header>
      <Chart option={option} label={`Polar plot of the agreement, from 90 to 100 %. ${sentence()}`} />
      <ul class="legend">
        {NETWORKS.map((name) => (
          <li key={name} class={name}>
            {NAMES[name].title}
          </li>
        ))}
        <li class="changed">differs from upright</li>
      </ul>
    </section>
  );
}

function About({ card: { data, scores, command } }: { card: Card }) {
  return (
    <section class="accuracy" aria-labelledby="segment-accuracy">
      <h2 id="segment-accuracy">Not just this angle</h2>
      <p>
        Means over both test images at {360 / ANGLE_STEP} angles, from 0 to 1. Dice with what people marked
        says how good the masks are: both networks are equally good. Dice with the upright mask says how much
        they depend on how the image lies.
      </p>
      <Scroll label="Scores of the networks">
        <table>
          <thead>
            <tr>
              <th scope="col">Network</th>
              <th scope="col">Trained weights</th>
              <th scope="col">Dice, upright</th>
              <th scope="col">Worst angle</th>
              <th scope="col">Same as upright, mean</th>
              <th scope="col">Worst angle</th>
              <th scope="col">Mirrored</th>
            </tr>
          </thead>
          <tbody>
            {NETWORKS.map((name) => {
              const { parameters, truth, agreement } = scores[name];
              return (
                <tr key={name} class={name}>
                  <th scope="row">{NAMES[name].title}</th>
                  <td>{parameters.toLocaleString("en")}</td>
                  <td>{truth.upright.toFixed(3)}</td>
                  <td>{truth.worst.toFixed(3)}</td>
                  <td>{agreement.mean.toFixed(3)}</td>
                  <td>{agreement.worst.toFixed(3)}</td>
                  <td>{agreement.mirrored.toFixed(3)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroll>
      <p class="hint">
        {data.title}: {data.source}; {data.licence}. Trained with <code>{command}</code> on {data.train}.
        Shown and scored is {data.test}.
      </p>
    </section>
  );
}
