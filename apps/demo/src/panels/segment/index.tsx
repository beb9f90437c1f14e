// Nuclei under a dial, with the masks that both networks make of them.

import { useCallback, useEffect } from "preact/hooks";
import { Chart, type ChartOption, type Colours } from "../../charts.ts";
import { percent } from "../../components/Bars.tsx";
import { ImagePicker } from "../../components/ImagePicker.tsx";
import { Message } from "../../components/Message.tsx";
import { ScoreTable } from "../../components/ScoreTable.tsx";
import { Stage, useTurning } from "../../components/Stage.tsx";
import { NETWORKS, type NetworkName } from "../../engine/types.ts";
import { aroundCircle, lineOf, polarAxes } from "../../polar.ts";
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

export default function SegmentPanel() {
  const turning = useTurning(client.position, SPEED, () => client.look.peek() !== undefined);
  useEffect(() => client.startLooking(), []);
  const image = client.shown.value;

  return (
    <div class="segment with-dial" data-backend={client.computes.value?.name}>
      <div class="lead">
        <h1>A nucleus has no right way up. Its outline should not have one either.</h1>
        <p class="sentence" aria-live={turning.turning.value ? "off" : "polite"}>
          {sentence()}
        </p>
      </div>

      <Stage {...turning} image={image} side={SOURCE} />

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
      const all = [...known.values()].flatMap(({ gmr, dense }) => [gmr, dense]);
      const low = Math.min(0.9, ...all.map((value) => Math.floor(10 * value) / 10));
      return {
        ...polarAxes(colours, { radius: "74%", min: Math.round(100 * low) }),
        series: NETWORKS.toReversed().map((name) => ({
          ...lineOf(name, colours),
          coordinateSystem: "polar" as const,
          data: aroundCircle(
            new Map([...known].map(([angle, value]) => [angle, value[name]])),
            3 * client.BIN,
          ),
        })),
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
      <ScoreTable
        label="Scores of the networks"
        heads={[
          "Trained weights",
          "Dice, upright",
          "Worst angle",
          "Same as upright, mean",
          "Worst angle",
          "Mirrored",
        ]}
        titleOf={(name) => NAMES[name].title}
        cellsOf={(name) => {
          const { parameters, truth, agreement } = scores[name];
          const figures = [truth.upright, truth.worst, agreement.mean, agreement.worst, agreement.mirrored];
          return [parameters.toLocaleString("en"), ...figures.map((figure) => figure.toFixed(3))];
        }}
      />
      <p class="hint">
        {data.title}: {data.source}; {data.licence}. Trained with <code>{command}</code> on {data.train}.
        Shown and scored is {data.test}.
      </p>
    </section>
  );
}
