import { describeValue } from "@gmr-conv/core";

const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/**
 * Finds problems in the UTF-8 bytes of a JSON text that `JSON.parse` accepts: nesting deeper than `maxDepth`, and
 * duplicate keys of an object. Other mistakes are left to `JSON.parse`.
 * @throws SyntaxError for some of those other mistakes
 */
export function jsonProblem(bytes: Uint8Array, maxDepth: number): string | undefined {
  const decoder = new TextDecoder();
  const open: Set<unknown>[] = []; // the keys of the objects and lists around the current byte
  let string = ""; // the last one, with its quotes
  for (let at = 0; at < bytes.length; at++) {
    switch (bytes[at]) {
      case QUOTE: {
        const start = at++;
        while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
        string = decoder.decode(bytes.subarray(start, at + 1));
        break;
      }
      case COLON: {
        const key: unknown = JSON.parse(string);
        const keys = open.at(-1);
        if (keys?.has(key)) return `names ${describeValue(key)} twice`;
        keys?.add(key);
        break;
      }
      case BRACE:
      case BRACKET:
        if (open.push(new Set()) > maxDepth) return `is nested more than ${maxDepth} deep`;
        break;
      case CLOSING_BRACE:
      case CLOSING_BRACKET:
        open.pop();
    }
  }
  return undefined;
}
