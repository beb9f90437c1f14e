import { readFileSync } from "node:fs";
import type { Command } from "commander";

export function addSchema(program: Command): void {
  program
    .command("schema")
    .summary("print the JSON schema of configurations")
    .description("Print the JSON schema of configurations, for editors.")
    .action(() => {
      process.stdout.write(readFileSync(new URL("../../schema/config.schema.json", import.meta.url)));
    });
}
