// The API reference: every entry of every published package, from its source.

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Converter, OptionDefaults } from "typedoc";

const packages = fileURLToPath(new URL("../packages", import.meta.url));

/** Names of a package's entries with their sources; files such as a worker's have no functions to describe. */
function entriesOf(folder) {
  const { name, exports } = JSON.parse(readFileSync(path.join(packages, folder, "package.json"), "utf8"));
  return Object.entries(exports)
    .filter(([entry, target]) => !entry.endsWith(".js") && target.types !== undefined)
    .map(([entry, { types }]) => {
      const source = types.replace("./dist", "src").replace(".d.ts", ".ts");
      return [name + entry.slice(1), path.join(packages, folder, source)];
    });
}

const entries = readdirSync(packages).flatMap(entriesOf);

/** TypeDoc's name of a module: its path, without `index` and ending. */
const pathName = (source) =>
  path
    .relative(packages, source)
    .replaceAll(path.sep, "/")
    .replace(/(\/index)?\.ts$/, "");

/** Calls modules by what one imports. */
function nameModules({ converter }) {
  converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.children ?? []) {
      const entry = entries.find(([, source]) => pathName(source) === module.name);
      if (entry) module.name = entry[0];
    }
  });
}

/** @type {Partial<import("typedoc").TypeDocOptions> & Record<string, unknown>} */
export default {
  plugin: ["typedoc-plugin-markdown", nameModules],
  entryPoints: entries.map(([, source]) => source),
  tsconfig: "tsconfig.api.json",
  // Packages refer to each other's source here, so that a link leads to its page.
  compilerOptions: { paths: Object.fromEntries(entries.map(([name, source]) => [name, [source]])) },
  basePath: packages,
  out: "api",
  name: "API reference",
  readme: "none",
  disableSources: true,
  excludePrivate: true,
  excludeInternal: true,
  excludeExternals: true,
  treatWarningsAsErrors: true,
  validation: { notExported: true, invalidLink: true, notDocumented: false },
  modifierTags: [...OptionDefaults.modifierTags, "@nocollapse"], // of TensorFlow.js' own sources
  router: "module",
  entryFileName: "index",
  hideBreadcrumbs: true,
  hidePageHeader: true,
  useCodeBlocks: true,
  useHTMLAnchors: true, // ids of tables and of headings may be equal otherwise
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  typeDeclarationFormat: "table",
};
