// A digit under a dial, and what both networks make of it.

import { useComputed } from "@preact/signals";
import { useCallback, useEffect } from "preact/hooks";
import { Chart, type ChartOption, type Colours } from "../../charts.ts";
import { Bars, percent } from "../../components/Bars.tsx";
import { ImagePicker } from "../../components/ImagePicker.tsx";
import { Message } from "../../components/Message.tsx";
import { PixelView } from "../../components/PixelView.tsx";
import { Samples } from "../../components/Samples.tsx";
import { Stage, useTurning } from "../../components/Stage.tsx";
import { engine } from "../../engine/client.ts";
import { NETWORKS, type NetworkName } from "../../engine/types.ts";
import { aroundCircle, lineOf, polarAxes } from "../../polar.ts";
import { position, SIDE, subject } from "../../subject.ts";
import { Accuracy } from "./Accuracy.tsx";
import { reading, readingProblem, record, startReading, upright } from "./reading.ts";
import { ANGLES, bestOf, followed, overAngles, STEP, type Summary, sentenceOf, summarize } from "./record.ts";
import "./turn.css";

const DIGITS = Array.from({ length: 10 }, (_, digit) => String(digit));
/** Degrees per second. */
const SPEED = 30;

const NAMES: Readonly<Record<NetworkName, { title: string; text: string }>> = {
  gmr: { title: "GMR network", text: "ring kernels" },
  dense: { title: "Dense twin", text: "ordinary 3×3 kernels" },
};

export default function TurnPanel() {
  const turning = useTurning(position, SPEED, () => reading.peek() !== undefined);
  useEffect(() => startReading(), []);

  const classes = useComputed(() => followed(upright.value, subject.value?.label));
  const summary = useComputed(() => summarize(record.value, classes.value, subject.value?.label));

  return (
    <div class="turn with-dial" data-read={reading.value?.degrees}>
      <div class="lead">
        <h1>Trained on upright digits only. Now turn one.</h1>
        <p class="sentence" aria-live={turning.turning.value ? "off" : "polite"}>
          <Sentence {...summary.value} />
        </p>
      </div>

      <Stage {...turning} image={subject.value} side={SIDE} />

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
      return {
        ...polarAxes(colours, { labels: false }),
        series: NETWORKS.toReversed().map((name) => {
          const followedClass = classes[name];
          const values = [...known].map(([angle, answers]): [number, number | null] => [
            angle,
            followedClass === undefined ? null : answers[name][followedClass],
          ]);
          return {
            ...lineOf(name, colours),
            coordinateSystem: "polar" as const,
            ...(known.size === ANGLES && { areaStyle: { color: colours[name], opacity: 0.08 } }),
            data: aroundCircle(new Map(values), STEP),
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
