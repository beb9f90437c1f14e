import type { Markup } from "./html.ts";

/** A part of the page. */
export interface Section {
  id: string;
  title: string;
  body: Markup;
}
