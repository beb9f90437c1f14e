import * as core from "@gmr-conv/core/reference";
import { losses } from "./reference.js";

console.log(JSON.stringify({ losses: losses(core) }));
