// The test digits that come with the page.

import { SIDE, type Subject } from "./subject.ts";

export interface Samples {
  source: string;
  licence: string;
  digits: Subject[];
}

interface SamplesFile extends Omit<Samples, "digits"> {
  digits: { index: number; label: number; pixels: string }[];
}

let loaded: Promise<Samples> | undefined;

export function samples(): Promise<Samples> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<Samples> {
  const response = await fetch(new URL("samples/digits.json", document.baseURI));
  if (!response.ok)
    throw new Error(`the sample digits could not be loaded: the server answered ${response.status}`);
  const { digits, ...rest } = (await response.json()) as SamplesFile;
  return {
    ...rest,
    digits: digits.map(({ index, label, pixels }) => ({
      pixels: Float32Array.from(atob(pixels), (character) => character.charCodeAt(0) / 255).slice(
        0,
        SIDE * SIDE,
      ),
      label,
      title: `the digit ${label}, number ${index + 1} of the test images`,
    })),
  };
}
