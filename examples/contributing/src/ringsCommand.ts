// The command of docs/contributing/command.md.

import { ringPartition } from "@gmr-conv/core";
import type { Command } from "commander";

export function addRings(program: Command): void {
  program
    .command("rings")
    .description("Show which ring each position of a kernel belongs to.")
    .argument("<size>", "side of the kernel, odd", Number)
    .option("--square", "keep the corners", false)
    .action((size: number, { square }: { square: boolean }) => {
      const { index, kernelSize, numRings } = ringPartition(size, { circular: !square });
      for (let row = 0; row < kernelSize[0]; row++) {
        const rings = index.subarray(row * size, (row + 1) * size);
        console.log(Array.from(rings, (ring) => (ring < 0 ? "·" : ring.toString(36))).join(" "));
      }
      console.log(`${numRings} rings`);
    });
}
