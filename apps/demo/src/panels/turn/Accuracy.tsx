// How accurate the networks are on all test images, from their cards.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { percent } from "../../components/Bars.tsx";
import { ScoreTable } from "../../components/ScoreTable.tsx";
import { engine } from "../../engine/client.ts";
import type { ModelCard, PerNetwork } from "../../engine/types.ts";

export function Accuracy() {
  const known = useSignal<PerNetwork<ModelCard> | undefined>(undefined);
  useEffect(() => {
    engine()
      .then((remote) => remote.cards())
      .then(
        (cards) => {
          known.value = cards;
        },
        () => undefined, // the page says already that the engine did not start
      );
  }, [known]);
  if (!known.value) return null;
  const both = known.value;
  const { turned } = both.gmr.data;
  return (
    <section class="accuracy" aria-labelledby="accuracy">
      <h2 id="accuracy">Not just this digit</h2>
      <p>
        Right answers on test images that neither network has seen, measured with <code>gmr eval</code>:
        upright on all {both.gmr.data.test.toLocaleString("en")}, turned on {turned?.toLocaleString("en")} of
        them.
      </p>
      <ScoreTable
        label="Accuracy of the networks"
        heads={["Trained weights", "Upright", "Mean over 36 angles", "Worst angle", "Mirrored ↔"]}
        titleOf={(name) => (name === "gmr" ? "GMR network" : "Dense twin")}
        cellsOf={(name) => {
          const { accuracy, parameters } = both[name];
          return [
            parameters.toLocaleString("en"),
            percent(accuracy.upright, 1),
            percent(accuracy.mean, 1),
            <>
              {percent(accuracy.worst, 1)} <small>at {accuracy.worstAngle}°</small>
            </>,
            percent(accuracy.mirrored[0], 1),
          ];
        }}
      />
    </section>
  );
}
