// Fails if public APIs changed without a changeset: npm run api:check -- --since REVISION

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { untoldChanges } from "./changes.ts";

const { since } = parseArgs({ options: { since: { type: "string" } } }).values;
if (since === undefined) {
  console.error("expected a revision to compare with: npm run api:check -- --since origin/main");
  process.exit(1);
}
const messages = untoldChanges(fileURLToPath(new URL("../../", import.meta.url)), since);
for (const message of messages) console.error(message);
if (messages.length > 0) console.error("Describe the changes to users: npx changeset");
else console.log(`Changesets tell of all changes of public APIs since ${since}.`);
process.exitCode = messages.length > 0 ? 1 : 0;
