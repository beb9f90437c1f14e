import { expect, it } from "vitest";
import { read } from "./markdown.mjs";
import { PICTURES } from "./pictures.mjs";

it.each(Object.entries(PICTURES))("docs/images/%s is what the cards and rings give", async (name, draw) => {
  expect(await draw(), "write it anew: node docs/src/pictures.mjs").toBe(read(`docs/images/${name}`));
});
