// Makes modules of the files in weights/, so that bundlers, Node and script tags find them without paths: for each
// NAME.json, a card, the weights in NAME.safetensors, base64-encoded, in a module of their own that loads when asked for.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

rmSync("src/generated", { recursive: true, force: true });
mkdirSync("src/generated", { recursive: true });
const names = readdirSync("weights")
  .filter((file) => file.endsWith(".json"))
  .map((file) => file.slice(0, -".json".length));
const entries = names.map((name) => {
  const card = JSON.parse(readFileSync(`weights/${name}.json`, "utf8"));
  const weights = readFileSync(`weights/${name}.safetensors`).toString("base64");
  writeFileSync(`src/generated/${name}.ts`, `export const WEIGHTS_BASE64: string =\n  "${weights}";\n`);
  return `  ${JSON.stringify(name)}: {\n    card: ${JSON.stringify(card)},\n    load: () => import("./${name}.ts"),\n  },\n`;
});
writeFileSync(
  "src/generated/pretrained.ts",
  `// Made by scripts/embed-weights.mjs.\nexport const PRETRAINED = {\n${entries.join("")}};\n`,
);
