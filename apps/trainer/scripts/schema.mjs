// Writes the JSON schema of configurations, which `gmr schema` prints and editors read.

import { writeFileSync } from "node:fs";
import { jsonSchema } from "../dist/config/schema.js";

const file = new URL("../schema/config.schema.json", import.meta.url);
writeFileSync(file, `${JSON.stringify(jsonSchema(), undefined, 2)}\n`);
