// How accurate the networks are on all test images, from their cards.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { percent } from "../../components/Bars.tsx";
import { Scroll } from "../../components/Scroll.tsx";
import { engine } from "../../engine/client.ts";
import { type ModelCard, NETWORKS, type PerNetwork } from "../../engine/types.ts";

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
      <Scroll label="Accuracy of the networks">
        <table>
          <thead>
            <tr>
              <th scope="col">Network</th>
              <th scope="col">Trained weights</th>
              <th scope="col">Upright</th>
              <th scope="col">Mean over 36 angles</th>
              <th scope="col">Worst angle</th>
              <th scope="col">Mirrored ↔</th>
            </tr>
          </thead>
          <tbody>
            {NETWORKS.map((name) => {
              const { accuracy, parameters } = both[name];
              return (
                <tr key={name} class={name}>
                  <th scope="row">{name === "gmr" ? "GMR network" : "Dense twin"}</th>
                  <td>{parameters.toLocaleString("en")}</td>
                  <td>{percent(accuracy.upright, 1)}</td>
                  <td>{percent(accuracy.mean, 1)}</td>
                  <td>
                    {percent(accuracy.worst, 1)} <small>at {accuracy.worstAngle}°</small>
                  </td>
                  <td>{percent(accuracy.mirrored[0], 1)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}
