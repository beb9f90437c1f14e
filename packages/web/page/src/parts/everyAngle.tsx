import { blank } from "../drawing.ts";
import { angles, tryEveryAngle } from "../everyAngle.ts";
import { network, segments, source, version } from "../state.ts";
import { AngleChart } from "./angleChart.tsx";
import { percent } from "./percent.ts";

/** The answer at all angles, on demand. */
export function EveryAngle() {
  const [tried, shown] = [angles.value, source.value];
  if (segments.value || !network.value || !shown || shown.kind === "camera") return null;
  if (shown.kind === "drawing" && blank.value) return null;
  const valid = tried?.source === shown && tried.version === version.value ? tried : undefined;
  return (
    <div class="card every-angle">
      <h2>At every angle</h2>
      {valid ? (
        <Found {...valid} />
      ) : (
        <p class="muted">Turns the image all around, and compares the answers.</p>
      )}
      {!valid && (
        <button type="button" onClick={() => void tryEveryAngle()}>
          Try every angle
        </button>
      )}
    </div>
  );
}

function Found({ name, answers, total }: NonNullable<typeof angles.value>) {
  const same = answers.filter(({ best }) => best === name).length;
  const shares = answers.map(({ share }) => share);
  const low = Math.min(0.9, Math.max(0, Math.floor(10 * Math.min(...shares) - 0.5) / 10));
  const done = answers.length === total;
  const points = answers.map(({ degrees, share }) => [degrees, share] as const);
  const closed = done ? [...points, [360, shares[0]] as const] : points;
  return (
    <>
      <AngleChart points={closed} low={low} text={percent} label={`Probability of ${name} by angle`} />
      <p class="muted small" role="status">
        {done
          ? `${name} at ${same === total ? `all ${total}` : `${same} of ${total}`} angles, with ` +
            rangeOf(shares)
          : `${answers.length} of ${total} angles`}
      </p>
    </>
  );
}

function rangeOf(shares: readonly number[]): string {
  const [least, most] = [percent(Math.min(...shares)), percent(Math.max(...shares))];
  return least === most ? least : `${least} to ${most}`;
}
