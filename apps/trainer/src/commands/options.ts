// Parsers of option values.

import { InvalidArgumentError } from "commander";

/** What --json of commands that report does. */
export const JSON_REPORT = "print the figures as one JSON object instead of a table";

/** Number of test images to turn and mirror, unless all are requested. */
export const TURNED_IMAGES = 2000;

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("Expected a positive integer.");
  return value;
}

export function integer(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value))
    throw new InvalidArgumentError("Expected an integer.");
  return value;
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError("Expected a positive number.");
  return value;
}

export function nonNegativeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError("Expected a number of at least 0.");
  }
  return value;
}

export function nonNegativeInteger(text: string): number {
  const value = nonNegativeNumber(text);
  if (!Number.isInteger(value)) throw new InvalidArgumentError("Expected an integer of at least 0.");
  return value;
}

export function belowOne(text: string): number {
  const value = nonNegativeNumber(text);
  if (value >= 1) throw new InvalidArgumentError("Expected a number below 1.");
  return value;
}

/** An angle that divides the full turn into equal parts of at least one degree. */
export function rotationStep(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 360) {
    throw new InvalidArgumentError("Expected a whole number of degrees from 1 to 360.");
  }
  return value;
}

export function positiveIntegers(text: string): number[] {
  return text.split(",").map(positiveInteger);
}

export function oddIntegers(text: string): number[] {
  return text.split(",").map((part) => {
    const value = positiveInteger(part);
    if (value % 2 === 0) throw new InvalidArgumentError(`Kernel sizes must be odd, got ${value}.`);
    return value;
  });
}

export function names(text: string): string[] {
  return text.split(",").map((name) => name.trim());
}

/** For options that may be repeated: all their values. */
export function repeated(text: string, all: string[]): string[] {
  return [...all, text];
}

export function pattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new InvalidArgumentError("Expected a regular expression.");
  }
}

/** A shape: batch, height, width, channels. */
export function fourIntegers(text: string): [number, number, number, number] {
  const values = positiveIntegers(text);
  if (values.length !== 4) {
    throw new InvalidArgumentError("It must be four numbers: batch,height,width,channels.");
  }
  const [batch, height, width, channels] = values;
  return [batch, height, width, channels];
}
