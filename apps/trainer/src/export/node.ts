// A network as a package for Node.

import path from "node:path";
import { GmrError } from "@gmr-conv/core";
import { writeFileAtomically } from "@gmr-conv/io/node";
import { writeNetworkFolder } from "@gmr-conv/predict";
import type { NetworkDescription } from "@gmr-conv/web/description";
import { ownVersion, packageVersion } from "../environment.ts";
import type { Exported } from "./describe.ts";
import { prepareExport } from "./outputFolder.ts";

const OWN = ["package.json", "index.js", "index.d.ts", "README.md", "network"];

interface NodeOptions {
  overwrite: boolean;
  /** Name of the package; default: after the folder. */
  packageName?: string | undefined;
}

/** Writes a package. @throws GmrError `invalid-argument` for an invalid name; as `prepareExport` */
export async function exportNode(
  { model, description }: Exported,
  folder: string,
  { overwrite, packageName }: NodeOptions,
): Promise<void> {
  const name = checkPackageName(packageName ?? nameAfter(folder));
  prepareExport(folder, OWN, overwrite);
  await writeNetworkFolder(path.join(folder, "network"), model, description);
  const write = (file: string, text: string): void => writeFileAtomically(path.join(folder, file), text);
  write("package.json", `${JSON.stringify(manifest(name, description), undefined, 2)}\n`);
  write("index.js", program(description));
  write("index.d.ts", declarations(description));
  write("README.md", readme(name, description));
}

/** @throws GmrError `invalid-argument` for a name that npm refuses */
function checkPackageName(name: string): string {
  if (/^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/.test(name) && name.length <= 214) return name;
  throw new GmrError(
    "invalid-argument",
    `package name ${JSON.stringify(name)}: expected lower-case letters, digits, "-", "_" and ".", as npm does`,
  );
}

const nameAfter = (folder: string): string =>
  path
    .basename(path.resolve(folder))
    .toLowerCase()
    .replace(/[^a-z0-9~-]+/g, "-")
    .replace(/^-+|-+$/g, "") || "gmr-network";

const isSegmentation = ({ task }: Pick<NetworkDescription, "task">): boolean => task === "segmentation";

function manifest(name: string, { card }: Exported["description"]): object {
  const own = `^${ownVersion()}`;
  return {
    name,
    version: "1.0.0",
    description: card.title,
    ...(card.licence && { license: card.licence }),
    type: "module",
    sideEffects: false,
    engines: { node: "^20.19.0 || >=22.3.0" },
    exports: { ".": { types: "./index.d.ts", default: "./index.js" }, "./network/*": "./network/*" },
    files: ["index.js", "index.d.ts", "network"],
    dependencies: {
      "@gmr-conv/predict": own,
      "@tensorflow/tfjs": `^${packageVersion("@tensorflow/tfjs")}`,
      "@tensorflow/tfjs-backend-wasm": `^${packageVersion("@tensorflow/tfjs-backend-wasm")}`,
    },
  };
}

const program = (description: Exported["description"]): string => {
  const open = isSegmentation(description) ? "openSegmenter" : "openClassifier";
  return `import { ${open} } from "@gmr-conv/predict";

let network;

export async function predict(image, options) {
  network ??= ${open}(new URL("./network/", import.meta.url));
  return (await network).predict(image, options);
}

export const classNames = ${JSON.stringify(description.classNames)};
`;
};

function declarations(description: Exported["description"]): string {
  const names = description.classNames.map((name) => JSON.stringify(name));
  const segments = isSegmentation(description);
  const [answer, options] = segments ? ["Mask", "SegmentOptions"] : ["Classification", "ClassifyOptions"];
  const what = segments
    ? "The class of each pixel of an image, as an index into `classNames`."
    : "The probability of each class, the most probable first.";
  return `import type { ${[answer, options, "ImageInput"].sort().join(", ")} } from "@gmr-conv/predict";

export type ClassName = ${names.join(" | ")};

export declare const classNames: readonly [${names.join(", ")}];

/**
 * ${what}
 * @param image the path of a file, its content, or pixels: { data, width, height, channels }
 * @throws GmrError \`io\` and \`invalid-data\` for files that cannot be read, \`invalid-argument\` and
 *   \`invalid-shape\` for other values
 */
export declare function predict(
  image: ImageInput | URL,
  options?: ${options},
): Promise<${answer}${segments ? "" : "<ClassName>"}>;
`;
}

function readme(name: string, description: Exported["description"]): string {
  const { card, classNames } = description;
  const use = isSegmentation(description)
    ? `const { mask, width, height, pixels } = await predict("image.png");
console.log(\`\${width}×\${height}, \${pixels[1] / mask.length} of it ${classNames[1]}\`);`
    : `const { classes } = await predict("image.jpg");
console.log(classes[0].name, classes[0].probability);`;
  return `# ${name}

${card.title}. ${card.text}.

\`\`\`js
import { predict } from "${name}";

${use}
\`\`\`

\`predict\` takes the path of an image file, its content (\`Buffer\`, \`Uint8Array\`), or pixels
\`{ data, width, height, channels }\`, and gives the numbers that \`gmr predict\` gives. It runs on WebAssembly, without
native TensorFlow. Classes: ${classNames.join(", ")}.
`;
}
