import type { ComponentChildren } from "preact";
import type { NetworkAccuracy } from "../../../src/description.ts";
import { description } from "../state.ts";
import { AngleChart } from "./angleChart.tsx";
import { percent } from "./percent.ts";

/** What the network is, and how well it does. */
export function Card() {
  const described = description.value;
  if (!described) return null;
  const { card, classNames, shape } = described;
  const { accuracy, data } = card;
  const angles = accuracy?.angles ?? [];
  return (
    <section class="about" aria-labelledby="about">
      <h2 id="about">About this network</h2>
      {card.text && <p class="lead">{card.text.replace(/([^.!?])$/, "$1.")}</p>}
      {accuracy && (
        <div class="about-columns">
          <Figures {...accuracy} />
          {angles.length > 2 && <Angles score={accuracy.score} angles={angles} />}
        </div>
      )}
      <dl class="facts">
        {data && <Fact name="Trained on">{data.name}</Fact>}
        {data?.source && <Fact name="Source of its images">{linked(data.source)}</Fact>}
        {data?.licence && data.licence !== data.source && (
          <Fact name="Licence of its images">{data.licence}</Fact>
        )}
        <Fact name="Classes">{classNames.length > 12 ? classNames.length : classNames.join(", ")}</Fact>
        <Fact name="Images seen">
          {shape[1]}×{shape[0]} pixels, {shape[2] === 1 ? "grey" : "colour"}
          {described.task === "segmentation" && " in training; any size here"}
        </Fact>
        {card.parameters !== undefined && (
          <Fact name="Parameters">{card.parameters.toLocaleString("en")}</Fact>
        )}
        {card.licence && <Fact name="Licence of the network">{card.licence}</Fact>}
        {card.created && (
          <Fact name="Exported">
            {card.created.slice(0, 10)}
            {card.software && ` by ${card.software}`}
          </Fact>
        )}
      </dl>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

type Angles = NonNullable<NetworkAccuracy["angles"]>;

const scoreOf = (score: number, unit: NetworkAccuracy["score"]): string =>
  unit === "Dice" ? score.toFixed(3) : percent(score);

function Figures({ score, images, upright, mean, worst, worstAngle }: NetworkAccuracy) {
  const figures: [string, number | undefined][] = [
    [score === "Dice" ? "Dice, upright" : "Right, upright", upright],
    ["mean over all angles", mean],
    [worstAngle === undefined ? "worst angle" : `worst angle, ${worstAngle}°`, worst],
  ];
  return (
    <div>
      <dl class="figures">
        {figures.map(
          ([name, value]) =>
            value !== undefined && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{scoreOf(value, score)}</dd>
              </div>
            ),
        )}
      </dl>
      {images !== undefined && (
        <p class="muted small">Of {images.toLocaleString("en")} images that it was not trained on.</p>
      )}
    </div>
  );
}

/** Text with its addresses as links. */
function linked(text: string): ComponentChildren {
  return text
    .split(/(https?:\/\/[^\s)]+)/)
    .map((part, i) => (i % 2 === 1 ? <a href={part}>{part.replace(/^https?:\/\/|\/$/g, "")}</a> : part));
}

/** The score over the angle by which test images were turned. */
function Angles({ score, angles }: { score: NetworkAccuracy["score"]; angles: Angles }) {
  const sorted = [...angles].sort(([a], [b]) => a - b);
  const low = Math.max(0, Math.floor(10 * Math.min(...sorted.map(([, value]) => value))) / 10 - 0.1);
  return (
    <figure>
      <AngleChart
        points={[...sorted, [360, sorted[0][1]]]}
        low={low}
        text={(value) => (score === "Dice" ? value.toFixed(1) : percent(value))}
        label={`${score} over angles`}
      />
      <figcaption>
        {score === "Dice" ? "Dice" : "Share of test images that are right"}, by how far they were turned
      </figcaption>
    </figure>
  );
}
