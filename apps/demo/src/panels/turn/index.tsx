// A digit under a dial, and what both networks make of it.

import { useComputed, useSignal } from "@preact/signals";
import { useCallback, useEffect } from "preact/hooks";
import { Chart, type ChartOption, type Colours } from "../../charts.ts";
import { Bars, percent } from "../../components/Bars.tsx";
import { Dial } from "../../components/Dial.tsx";
import { ImagePicker } from "../../components/ImagePicker.tsx";
import { Message } from "../../components/Message.tsx";
import { MirrorButtons } from "../../components/MirrorButtons.tsx";
import { PixelView } from "../../components/PixelView.tsx";
import { Samples } from "../../components/Samples.tsx";
import { engine } from "../../engine/client.ts";
import { NETWORKS, type NetworkName } from "../../engine/types.ts";
import { degrees, mirrorX, mirrorY, reducedMotion, SIDE, subject, turnTo } from "../../subject.ts";
import { Accuracy } from "./Accuracy.tsx";
import { reading, readingProblem, record, startReading, upright } from "./reading.ts";
import { bestOf, followed, overAngles, type Summary, sentenceOf, summarize } from "./record.ts";
import "./turn.css";

const DIGITS = Array.from({ length: 10 }, (_, digit) => String(digit));
/** Degrees per second. */
const SPEED = 30;

const NAMES: Readonly<Record<NetworkName, { title: string; text: string }>> = {
  gmr: { title: "GMR network", text: "ring kernels" },
  dense: { title: "Dense twin", text: "ordinary 3×3 kernels" },
};

/** Whether the dial turns by itself; remembered while the page is open. */
let touched = false;

export default function TurnPanel() {
  const turning = useSignal(!touched && !reducedMotion());

  useEffect(() => startReading(), []);

  useEffect(() => {
    if (!turning.value) return;
    let last: number | undefined;
    let frame = requestAnimationFrame(function step(now: number) {
      // From the first answer on, so that no angle is missed; never far, after the tab was hidden.
      if (last !== undefined && reading.value)
        turnTo(degrees.value + Math.min(0.1, (now - last) / 1000) * SPEED);
      last = now;
      frame = requestAnimationFrame(step);
    });
    return () => cancelAnimationFrame(frame);
  }, [turning.value]);

  const turn = useCallback(
    (angle: number) => {
      touched = true;
      turning.value = false;
      turnTo(angle);
    },
    [turning],
  );

  const image = subject.value;
  const classes = useComputed(() => followed(upright.value, subject.value?.label));
  const summary = useComputed(() => summarize(record.value, classes.value, subject.value?.label));

  return (
    <div class="turn">
      <div class="lead">
        <h1>Trained on upright digits only. Now turn one.</h1>
        <p class="sentence" aria-live={turning.value ? "off" : "polite"}>
          <Sentence {...summary.value} />
        </p>
      </div>

      <section class="stage" aria-label="The image">
        <Dial degrees={degrees.value} onTurn={turn} label="Turn the image">
          {image && (
            <PixelView
              values={image.pixels}
              width={SIDE}
              smooth
              class={`${mirrorX.value ? "mirror-x" : ""} ${mirrorY.value ? "mirror-y" : ""}`}
              label={image.title}
            />
          )}
        </Dial>
        <p class="angle">{Math.round(degrees.value) % 360}°</p>
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
          <MirrorButtons mirrorX={mirrorX} mirrorY={mirrorY} />
        </div>
      </section>

      {NETWORKS.map((name) => (
        <NetworkView key={name} name={name} answer={classes.value[name]} />
      ))}

      <Polar />

      <section class="source" aria-label="Choose an image">
        <ImagePicker
          onPicture={async (picture, title) => {
            const remote = await engine();
            const { transfer } = await import("comlink");
            subject.value = { pixels: await remote.digitOf(transfer(picture, [picture])), title };
          }}
        >
          <Samples />
        </ImagePicker>
        {readingProblem.value && <Message kind="problem">{readingProblem.value}</Message>}
      </section>

      <Accuracy />
    </div>
  );
}

function Sentence({ shown, right, verb }: Summary) {
  if (shown < 2) return <>Turn the digit and watch what the two networks make of it.</>;
  return (
    <>
      {overAngles(shown)}, the GMR network {verb} <b class="gmr">{right.gmr}</b>, its dense twin at{" "}
      <b class="dense">{right.dense}</b>.
    </>
  );
}

/** One network's view of the image, and its answer. */
function NetworkView({ name, answer }: { name: NetworkName; answer: number | undefined }) {
  const { title, text } = NAMES[name];
  const now = reading.value;
  const values = now?.probabilities[name] ?? new Float32Array(10);
  const said = now && bestOf(values);
  const right = said === answer;
  return (
    <section class={`network ${name}`} aria-label={title}>
      <header>
        <h2>{title}</h2>
        <p>{text}</p>
      </header>
      <div class="verdict">
        <PixelView
          values={now?.seen ?? new Float32Array(SIDE * SIDE)}
          width={SIDE}
          label="The image as the network sees it"
        />
        <span class="arrow" aria-hidden="true">
          →
        </span>
        <p class={`answer ${now && !right ? "wrong" : ""}`}>
          <strong>{said ?? "–"}</strong>
          <span>{now ? `${percent(values[bestOf(values)])} sure` : "starting…"}</span>
        </p>
      </div>
      <Bars values={values} names={DIGITS} truth={answer} label={`Probabilities of the ${title}`} />
    </section>
  );
}

function Polar() {
  const label = subject.value?.label;
  const option = useCallback(
    (colours: Colours): ChartOption => {
      const known = record.value;
      const classes = followed(upright.value, label);
      const angles = [...known.keys()].sort((a, b) => a - b);
      return {
        polar: { radius: "80%", center: ["50%", "50%"] },
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
          min: 0,
          max: 100,
          interval: 50,
          axisLine: { show: false },
          axisTick: { show: false },
          splitLine: { lineStyle: { color: colours.line } },
          axisLabel: { show: false },
        },
        series: NETWORKS.toReversed().map((name) => {
          const followedClass = classes[name];
          const at = (angle: number): [number | null, number] => [
            followedClass === undefined ? null : 100 * known.get(angle)![name][followedClass],
            angle,
          ];
          // Only neighbours are joined; the circle closes with the last of them.
          const points = angles.flatMap((angle, i) => {
            const gap = i > 0 && angle - angles[i - 1] > 10;
            return gap ? [[null, angle] as [null, number], at(angle)] : [at(angle)];
          });
          if (known.has(0) && known.has(350)) points.push([at(0)[0], 360]);
          return {
            type: "line" as const,
            coordinateSystem: "polar" as const,
            silent: true,
            symbol: "circle",
            symbolSize: 4,
            itemStyle: { color: colours[name] },
            lineStyle: { color: colours[name], width: 2.5 },
            areaStyle: known.size === 36 ? { color: colours[name], opacity: 0.08 } : undefined!,
            data: points,
          };
        }),
      };
    },
    [record.value, upright.value, label],
  );
  const what = label === undefined ? "its upright answer" : label;
  return (
    <section class="polar" aria-label="All angles">
      <header>
        <h2>All the way round</h2>
        <p>How sure each is of {what}; the rim is 100 %</p>
      </header>
      <Chart
        option={option}
        label={`Polar plot. ${sentenceOf(summarize(record.value, followed(upright.value, label), label))}`}
      />
      <ul class="legend">
        {NETWORKS.map((name) => (
          <li key={name} class={name}>
            {NAMES[name].title}
          </li>
        ))}
      </ul>
    </section>
  );
}
