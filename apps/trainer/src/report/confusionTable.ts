/** A confusion matrix as a table with cells tinted by their share of the row. */

import { integer } from "./format.ts";
import { html, type Markup } from "./html.ts";
import { topMistakes } from "./summary.ts";

/**
 * @param label of the network
 * @param confusion counts, [true class][predicted class]
 */
export function confusionTable(
  label: string,
  heading: string,
  confusion: number[][],
  classNames: string[],
): Markup {
  const name = (index: number) => classNames[index] ?? String(index);
  const mistakes = topMistakes(confusion, 3).map(
    ({ truth, predicted, times }) => `${name(truth)} read as ${name(predicted)} (${integer(times)}×)`,
  );
  const rows = confusion.map((row, truth) => {
    const total = row.reduce((sum, times) => sum + times, 0);
    const cells = row.map((times, predicted) => cell(times, total, truth === predicted));
    return html`<tr><th scope="row">${name(truth)}</th>${cells}</tr>`;
  });
  const frequent = mistakes.length > 0 && html`<span>Most frequent mistakes: ${mistakes.join(", ")}</span>`;
  const heads = confusion.map((_, index) => html`<th scope="col">${name(index)}</th>`);
  return html`<figure class="confusion">
<figcaption><strong>${heading}</strong>${frequent}</figcaption>
<div class="scroll" tabindex="0" role="region" aria-label="Confusion of ${label}: ${heading}"><table>
<thead><tr><th scope="col"><abbr title="rows: true class, columns: predicted class">true ╲ read</abbr></th>
${heads}</tr></thead>
<tbody>${rows}</tbody>
</table></div>
</figure>`;
}

/** The tint follows the square root of the share, so that rare mistakes stay visible. */
function cell(times: number, total: number, isRight: boolean): Markup {
  const share = total > 0 ? times / total : 0;
  const tint = Math.sqrt(share);
  const kind = isRight ? "right" : "wrong";
  const title = `${integer(times)} of ${integer(total)}`;
  return html`<td class="${kind}" style="--v:${tint.toFixed(3)}" title="${title}">${shareText(share)}</td>`;
}

/** Percent without the sign: one decimal below 10, a dot below 0.5. */
function shareText(share: number): string {
  if (share === 0) return "";
  if (share < 0.005) return "·";
  return (100 * share).toFixed(share < 0.0995 ? 1 : 0);
}
