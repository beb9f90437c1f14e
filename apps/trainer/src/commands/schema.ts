import type { Command } from "commander";
import { jsonSchema } from "../config/schema.ts";

export function addSchema(program: Command): void {
  program
    .command("schema")
    .summary("print the JSON schema of configurations")
    .description("Print the JSON schema of configurations, for editors.")
    .action(() => console.log(JSON.stringify(jsonSchema(), undefined, 2)));
}
