import type { ComponentChildren } from "preact";
import { NETWORKS, type NetworkName } from "../engine/types.ts";
import { Scroll } from "./Scroll.tsx";

interface Props {
  label: string;
  /** Of the columns behind the networks' names. */
  heads: readonly string[];
  titleOf(name: NetworkName): string;
  cellsOf(name: NetworkName): readonly ComponentChildren[];
}

/** Figures of both networks, a row each. */
export function ScoreTable({ label, heads, titleOf, cellsOf }: Props) {
  return (
    <Scroll label={label}>
      <table>
        <thead>
          <tr>
            {["Network", ...heads].map((head, column) => (
              <th key={column} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {NETWORKS.map((name) => (
            <tr key={name} class={name}>
              <th scope="row">{titleOf(name)}</th>
              {cellsOf(name).map((cell, column) => (
                <td key={column}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
