import { checkPositiveInteger } from "./checks.ts";
import { GmrError } from "./errors.ts";

/**
 * Returns `channels` if `groups` divides it.
 * @throws GmrError `invalid-argument` for numbers that are not positive integers, `invalid-shape` if `groups`
 *   does not divide `channels`
 */
export function checkChannels(name: string, channels: number, groups: number): number {
  checkPositiveInteger("groups", groups);
  if (checkPositiveInteger(name, channels) % groups === 0) return channels;
  throw new GmrError(
    "invalid-shape",
    `groups must divide ${name}, got ${groups} groups for ${channels} channels`,
  );
}
