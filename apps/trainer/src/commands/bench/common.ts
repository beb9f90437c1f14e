// Options that the benchmarks share.

import { Option } from "commander";
import { BACKENDS } from "../../backendNames.ts";

export const PEERS =
  "measure other software in turn, where installed, and print the ratios; PyTorch and the official gmr-conv " +
  "need a Python that has them (default: $GMR_PEER_PYTHON, else python3)";

export const THREADS = "threads to use (default: the backend's choice)";

export function backendOption(): Option {
  return new Option("--backend <name>", "where to compute").choices(BACKENDS).default("wasm");
}
