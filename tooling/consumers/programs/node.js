import { run } from "./wasm.js";

console.log(JSON.stringify(await run()));
