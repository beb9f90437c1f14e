import { useEffect, useState } from "preact/hooks";
import { blank } from "../drawing.ts";
import { busy, type Classes, loading, result, segments, source, upright, working } from "../state.ts";
import { MaskAnswer } from "./maskAnswer.tsx";
import { percent } from "./percent.ts";

/** What the network says about the image. */
export function Answer() {
  const answer = result.value;
  return (
    <div class="card answer" aria-busy={busy.value}>
      <Announcement />
      {answer?.kind === "classes" && <ClassesAnswer answer={answer} />}
      {answer?.kind === "mask" && <MaskAnswer answer={answer} />}
      {!answer && <Waiting />}
    </div>
  );
}

/** Says the answer to screen readers once the image rests. */
function Announcement() {
  const [text, setText] = useState("");
  const answer = result.value;
  const live = source.value?.kind === "camera";
  useEffect(() => {
    if (!answer || live) return;
    const said =
      answer.kind === "mask"
        ? "The mask is there."
        : `${answer.classes[0].name}, ${percent(answer.classes[0].probability)}`;
    const timer = setTimeout(() => setText(said), 600);
    return () => clearTimeout(timer);
  }, [answer, live]);
  return (
    <p class="unseen" role="status">
      {text}
    </p>
  );
}

const STAGES = {
  start: "Starting…",
  weights: "Loading the network…",
  compile: "Preparing the network…",
} as const;

function Waiting() {
  const [task, progress] = [working.value, loading.value];
  const text = progress
    ? STAGES[progress.stage]
    : source.value && !(source.value.kind === "drawing" && blank.value)
      ? "Computing…"
      : `The ${segments.value ? "mask of" : "answer to"} an image appears here.`;
  return (
    <>
      <h2>{segments.value ? "Mask" : "Answer"}</h2>
      <p class="muted" role="status">
        {text}
      </p>
      {progress && <Progress label={text} done={progress.loaded} total={progress.total} />}
      {task && task.total > 1 && <Progress label="Tiles done" {...task} />}
    </>
  );
}

function Progress({ label, done, total }: { label: string; done: number; total: number | undefined }) {
  const known = total !== undefined && total > 1;
  return <progress aria-label={label} {...(known ? { max: total, value: done } : {})} />;
}

/** Classes that are listed before one asks for all. */
const FEW = 6;

function ClassesAnswer({ answer }: { answer: Classes }) {
  const [all, setAll] = useState(false);
  const { classes, milliseconds } = answer;
  const [best] = classes;
  const listed = all ? classes : classes.slice(0, FEW);
  return (
    <>
      <h2 class="verdict">
        <span class="name">{best.name}</span> <span class="share">{percent(best.probability)}</span>
      </h2>
      <Comparison answer={answer} />
      <ol
        class={all ? "bars all" : "bars"}
        {...(all ? { tabIndex: 0, role: "list", "aria-label": "All classes" } : {})}
      >
        {listed.map(({ name, probability }) => (
          <li key={name}>
            <span class="name">{name}</span>
            <data class="share" value={probability}>
              {percent(probability)}
            </data>
            <span class="bar" aria-hidden="true">
              <span style={{ transform: `scaleX(${probability})` }} />
            </span>
          </li>
        ))}
      </ol>
      {classes.length > FEW && (
        <button type="button" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "Fewer classes" : `All ${classes.length} classes`}
        </button>
      )}
      <p class="muted small">{milliseconds < 9.5 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms</p>
    </>
  );
}

/** How far the answer moved since the image was upright. */
function Comparison({ answer }: { answer: Classes }) {
  const before = upright.value;
  if (!before || source.value?.kind !== "picture") return null;
  const now = answer.classes.find(({ name }) => name === before.name)?.probability ?? 0;
  const points = 100 * (now - before.probability);
  const same = answer.classes[0].name === before.name;
  return (
    <p class="muted small comparison">
      Upright: {before.name} {percent(before.probability)}
      {same
        ? Math.abs(points) < 0.05
          ? ", the same now"
          : `, ${Math.abs(points).toFixed(1)} points ${points > 0 ? "more" : "less"} now`
        : ", another class now"}
    </p>
  );
}
