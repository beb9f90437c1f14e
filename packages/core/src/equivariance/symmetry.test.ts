import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { composeSymmetries, DIHEDRAL_GROUP, inverseSymmetry, symmetryGroup } from "./symmetry.ts";

const RANKS = [
  [1, 2],
  [2, 8],
  [3, 48],
] as const;

const byName = (rank: number, name: string) => {
  const element = symmetryGroup(rank).find((candidate) => candidate.name === name);
  if (!element) throw new Error(`no ${name}`);
  return element;
};

describe.each(RANKS)("the symmetries in %i axes", (rank, size) => {
  const group = symmetryGroup(rank);
  const element = fc.constantFrom(...group);

  it(`are ${size}, each with its own name and signed permutation`, () => {
    expect(group).toHaveLength(size);
    expect(new Set(group.map(({ name }) => name)).size).toBe(size);
    expect(new Set(group.map(({ axes, reversed }) => `${axes} ${reversed}`)).size).toBe(size);
    for (const { axes } of group) expect([...axes].sort()).toEqual([0, 1, 2].slice(0, rank));
  });

  it("begin with the identity, which changes nothing", () => {
    expect(group[0]).toMatchObject({ name: "identity", reflection: false, exchangesAxes: false });
    for (const g of group) {
      expect(composeSymmetries(group[0], g)).toBe(g);
      expect(composeSymmetries(g, group[0])).toBe(g);
    }
  });

  it("are closed and associative", () => {
    fc.assert(
      fc.property(element, element, element, (a, b, c) => {
        expect(group).toContain(composeSymmetries(a, b));
        expect(composeSymmetries(composeSymmetries(a, b), c)).toBe(
          composeSymmetries(a, composeSymmetries(b, c)),
        );
      }),
    );
  });

  it("undo each other", () => {
    for (const g of group) {
      expect(composeSymmetries(g, inverseSymmetry(g))).toBe(group[0]);
      expect(composeSymmetries(inverseSymmetry(g), g)).toBe(group[0]);
    }
  });

  it("are half rotations, half reflections, in this order; two reflections make a rotation", () => {
    expect(group.map(({ reflection }) => reflection)).toEqual(group.map((_, i) => i >= size / 2));
    fc.assert(
      fc.property(element, element, (a, b) => {
        expect(composeSymmetries(a, b).reflection).toBe(a.reflection !== b.reflection);
      }),
    );
  });

  it("have the order that their angle implies", () => {
    for (const g of group) {
      const degrees = Number(/^(?:mirror, )?(\d+)°/.exec(g.name)?.[1] ?? (g.name === "identity" ? 0 : 180));
      let power = g;
      let order = 1;
      for (; power !== group[0]; order++) power = composeSymmetries(power, g);
      const turns = degrees % 180 === 0 ? 360 / (degrees || 360) : 360 / (degrees % 120 === 0 ? 120 : 90);
      if (rank < 3) expect(order).toBe(g.reflection ? 2 : turns);
      else expect(order).toBe(g.reflection && turns === 3 ? 6 : turns); // inversion and a third of a turn
    }
  });
});

describe("symmetryGroup", () => {
  it("names those of the square as DIHEDRAL_GROUP and those of the cube by angle and axis", () => {
    expect(symmetryGroup(2)).toBe(DIHEDRAL_GROUP);
    expect(DIHEDRAL_GROUP.map(({ name }) => name).join("; ")).toBe(
      "identity; 90°; 180°; 270°; mirror; mirror, 90°; mirror, 180°; mirror, 270°",
    );
    const cube = symmetryGroup(3).map(({ name }) => name);
    expect(cube.filter((name) => name.startsWith("mirror"))).toHaveLength(9);
    expect(cube.filter((name) => /^(120|240)° about D[+-]H[+-]W$/.test(name))).toHaveLength(8);
    expect(byName(3, "90° about D")).toEqual({
      name: "90° about D",
      rank: 3,
      axes: [0, 2, 1],
      reversed: [false, true, false],
      reflection: false,
      exchangesAxes: true,
    });
    expect(composeSymmetries(byName(3, "90° about D"), byName(3, "inversion")).name).toBe(
      "90° about D, inverted",
    );
  });

  it("rejects other ranks", () => {
    expectGmrError(() => symmetryGroup(4), "invalid-argument", "rank must be 1, 2 or 3, got 4");
    expectGmrError(
      () => composeSymmetries(symmetryGroup(1)[0], symmetryGroup(2)[0]),
      "invalid-argument",
      "symmetries must have the same rank, got 1 and 2",
    );
  });
});
