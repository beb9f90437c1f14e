/** What is needed to repeat and judge a run: command, settings, environment, layers, epochs. */

import { isRecord } from "../isRecord.ts";
import { duration, percent } from "./format.ts";
import { html, type Markup } from "./html.ts";
import type { NetworkReport, RotationReport } from "./types.ts";

/** The command, the settings and the environment. */
export function settings(report: RotationReport): Markup {
  const { backend, threads, node, platform, cpu, versions } = report.environment;
  return html`<p>This command repeats the run:</p>
<pre class="command"><code>${report.command}</code></pre>
<div class="columns">
<div><h3>Settings</h3>${definitions(flatten(report.config))}</div>
<div><h3>Environment</h3>${definitions([
    ["backend", backend],
    ["threads", String(threads)],
    ["processor", cpu],
    ["platform", platform],
    ["Node.js", node],
    ...Object.entries(versions),
  ])}</div>
</div>`;
}

/** The layers of each network, collapsed on screen. */
export function architectures(networks: NetworkReport[]): Markup {
  return html`<div class="columns">${networks
    .filter(({ layers }) => layers.length > 0)
    .map(
      ({ label, layers }) =>
        html`<details><summary>Layers of ${label}</summary>
<ol>${layers.map((layer) => html`<li><code>${layer}</code></li>`)}</ol></details>`,
    )}</div>`;
}

/** Loss, accuracy and time of each epoch. */
export function epochTables(networks: NetworkReport[]): Markup {
  return html`<div class="columns">${networks
    .filter(({ epochs }) => epochs.length > 0)
    .map(
      ({ label, epochs }) => html`<table class="epochs"><caption>${label}, means over each epoch</caption>
<thead><tr>${["Epoch", "Loss", "Accuracy", "Time"].map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${epochs.map(
        ({ epoch, loss, accuracy, seconds }) =>
          html`<tr><th scope="row">${epoch + 1}</th>
<td>${loss.toFixed(4)}</td><td>${percent(accuracy)}</td><td>${duration(seconds)}</td></tr>`,
      )}</tbody></table>`,
    )}</div>`;
}

function definitions(entries: [term: string, value: string][]): Markup {
  const rows = entries.map(([term, value]) => html`<div><dt>${term}</dt><dd>${value}</dd></div>`);
  return html`<dl class="facts">${rows}</dl>`;
}

/** Nested settings as dotted names: { a: { b: 1 } } → [["a.b", "1"]]. */
export function flatten(config: Record<string, unknown>, prefix = ""): [name: string, value: string][] {
  return Object.entries(config).flatMap(([key, value]): [string, string][] => {
    const name = prefix + key;
    if (value === undefined) return [];
    if (isRecord(value)) return flatten(value, `${name}.`);
    return [[name, typeof value === "string" ? value : JSON.stringify(value)]];
  });
}
