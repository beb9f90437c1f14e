/** HTML from template literals, in which inserted text is escaped unless it is markup. */

/** Finished markup. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Values in a template: text and numbers (escaped), markup, lists of these, or nothing. */
export type HtmlValue = string | number | undefined | false | Markup | readonly HtmlValue[];

/** The tag: html`<p>${text}</p>`. */
export function html(parts: TemplateStringsArray, ...values: HtmlValue[]): Markup {
  return new Markup(parts.map((part, i) => part + (i < values.length ? render(values[i]) : "")).join(""));
}

/** Text that is safe inside elements and quoted attributes. */
function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

function render(value: HtmlValue): string {
  if (value === undefined || value === false) return "";
  if (value instanceof Markup) return value.text;
  if (typeof value === "string" || typeof value === "number") return escapeHtml(String(value));
  return value.map(render).join("");
}
