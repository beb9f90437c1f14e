import type { WriteLayer } from "./layerCall.ts";

/** Element types of ONNX. */
const FLOAT = 1;
const DOUBLE = 11;

/**
 * `DiscFieldOfView` of `@gmr-conv/models`: maps times a mask of the inscribed disc, whose edge falls from one to zero
 * over one position. The mask is computed when the file runs or, if sizes are known, when it is loaded.
 */
export const discFieldOfView: WriteLayer = ({ graph, inputs, shape }) => {
  const x = graph.inOrder(inputs[0], true);
  const double = (name: string): string => graph.node("Cast", [name], { to: DOUBLE });
  const number = (value: number): string => double(graph.scalar(value));
  const sides = [shape[1], shape[2]].map((side, i) =>
    side === null
      ? graph.node("Gather", [graph.node("Shape", [x.name]), graph.integer(i + 2)])
      : graph.integer(side),
  );
  const halves = sides.map((side) => graph.node("Mul", [double(side), number(0.5)]));
  // Squared distances from the middle of each axis, as a column and as a row.
  const squares = sides.map((side, i) => {
    const places = graph.node("Range", [graph.integer(0), side, graph.integer(1)]);
    const first = graph.node("Sub", [halves[i], number(0.5)]);
    const offsets = graph.node("Sub", [double(places), first]);
    return graph.node("Unsqueeze", [graph.node("Mul", [offsets, offsets]), graph.integers([1 - i])]);
  });
  const distances = graph.node("Sqrt", [graph.node("Add", squares)]);
  const edge = graph.node("Add", [graph.node("Min", halves), number(0.5)]);
  const mask = graph.node("Clip", [graph.node("Sub", [edge, distances]), number(0), number(1)]);
  const name = graph.node("Mul", [x.name, graph.node("Cast", [mask], { to: FLOAT })]);
  return { name, shape, moved: true };
};
