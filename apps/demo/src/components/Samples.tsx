import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type Samples as All, samples } from "../samples.ts";
import { SIDE, subject } from "../subject.ts";
import { Message } from "./Message.tsx";
import { PixelView } from "./PixelView.tsx";

/** Shown first. */
const FIRST_LABEL = 4;

/** The test digits as buttons; chooses one if there is no image yet. */
export function Samples() {
  const known = useSignal<All | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  useEffect(() => {
    samples().then(
      (loaded) => {
        known.value = loaded;
        subject.value ??= loaded.digits.find(({ label }) => label === FIRST_LABEL);
      },
      (error: Error) => {
        problem.value = error.message;
      },
    );
  }, [known, problem]);
  if (problem.value) return <Message kind="problem">{problem.value}</Message>;
  return (
    <ul class="samples" aria-label="Test digits">
      {known.value?.digits.map((digit) => (
        <li key={digit.title}>
          <button
            type="button"
            aria-label={`Show ${digit.title}`}
            aria-pressed={digit === subject.value}
            onClick={() => {
              subject.value = digit;
            }}
          >
            <PixelView values={digit.pixels} width={SIDE} label="" />
          </button>
        </li>
      ))}
    </ul>
  );
}
