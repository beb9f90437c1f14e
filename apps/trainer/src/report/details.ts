/** What is needed to repeat and judge a run: command, settings, environment, layers, epochs. */

import { isRecord } from "../isRecord.ts";
import { duration, percent } from "./format.ts";
import { html, type Markup } from "./html.ts";
import type { NetworkReport, RotationReport } from "./types.ts";

/** The command, the settings and the environment. */
export function settings(report: RotationReport): Markup {
  const { backend, threads, processes, node, platform, cpu, versions } = report.environment;
  const { command, trainingCommand, reportCommand, config } = report;
  const commands =
    trainingCommand && reportCommand
      ? [
          commandBox("This command repeats the training", trainingCommand),
          commandBox("This one the report", reportCommand),
        ]
      : commandBox("This command repeats the run", command);
  return html`${commands}
<div class="columns">
<div><h3>Settings</h3>${settingsTables(config)}</div>
<div><h3>Environment</h3>${definitions([
    ["backend", backend],
    ...(processes ? [["processes", String(processes)] as [string, string]] : []),
    [processes ? "threads of each" : "threads", String(threads)],
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
      ({
        label,
        epochs,
      }) => html`<div class="scroll" tabindex="0" role="region" aria-label="Epochs of ${label}">
<table class="epochs"><caption>${label}, means over each epoch</caption>
<thead><tr>${["Epoch", "Loss", "Accuracy", "Time"].map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${epochs.map(
        ({ epoch, loss, accuracy, seconds }) =>
          html`<tr><th scope="row">${epoch + 1}</th>
<td>${loss.toFixed(4)}</td><td>${percent(accuracy)}</td><td>${duration(seconds)}</td></tr>`,
      )}</tbody></table></div>`,
    )}</div>`;
}

function commandBox(title: string, command: string): Markup {
  return html`<p>${title}:</p>
<pre class="command" tabindex="0" role="region" aria-label="${title}"><code>${command}</code></pre>`;
}

/** A table of the settings, and one of those of the networks, side by side; for compared runs, of each run. */
function settingsTables(config: Record<string, unknown>, run = ""): Markup {
  const runs = Object.entries(config);
  if (
    run === "" &&
    runs.length > 0 &&
    runs.every(([, own]) => isRecord(own) && Array.isArray(own.networks))
  ) {
    return html`${runs.map(([name, own]) => settingsTables(own as Record<string, unknown>, name))}`;
  }
  const { networks, ...common } = config;
  const suffix = run && ` of ${run}`;
  const shared = settingsTable(
    `Settings${suffix || " of the run"}`,
    ["Value"],
    flatten(common).map(([name, value]) => [name, value]),
  );
  if (!Array.isArray(networks) || !networks.every(isRecord)) return shared;
  const flat = networks.map((network) => new Map(flatten(network)));
  const names = [...new Set(flat.flatMap((network) => [...network.keys()]))].filter(
    (name) => name !== "name",
  );
  return html`${shared}${settingsTable(
    `Settings of the networks${suffix}`,
    networks.map(({ name }) => String(name)),
    names.map((name) => [name, ...flat.map((network) => network.get(name) ?? "–")]),
  )}`;
}

function settingsTable(caption: string, heads: string[], rows: string[][]): Markup {
  const cells = (values: string[]) => values.map((value) => html`<td>${value}</td>`);
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}">
<table class="settings"><caption>${caption}</caption>
<thead><tr>${["Setting", ...heads].map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows.map(([name, ...values]) => html`<tr><th scope="row">${name}</th>${cells(values)}</tr>`)}</tbody>
</table></div>`;
}

function definitions(entries: [term: string, value: string][]): Markup {
  const rows = entries.map(([term, value]) => html`<div><dt>${term}</dt><dd>${value}</dd></div>`);
  return html`<dl class="facts">${rows}</dl>`;
}

/** Nested settings as dotted names: { a: { b: 1 }, c: [1, 2] } → [["a.b", "1"], ["c", "1, 2"]]. */
export function flatten(config: Record<string, unknown>, prefix = ""): [name: string, value: string][] {
  return Object.entries(config).flatMap(([key, value]): [string, string][] => {
    const name = prefix + key;
    if (value === undefined) return [];
    if (isRecord(value)) return flatten(value, `${name}.`);
    if (Array.isArray(value) && value.some(isRecord)) return flatten({ ...value }, `${name}.`);
    return [[name, textOf(value)]];
  });
}

/** The most values of a list to show. */
const LISTED = 24;

function textOf(value: unknown): string {
  if (!Array.isArray(value)) return typeof value === "string" ? value : JSON.stringify(value);
  const shown = value
    .slice(0, LISTED)
    .map((entry) => (Array.isArray(entry) ? `(${textOf(entry)})` : textOf(entry)));
  return value.length > LISTED ? `${shown.join(", ")}, … (${value.length})` : shown.join(", ");
}
