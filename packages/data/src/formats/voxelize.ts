/**
 * Meshes as occupancy grids. A voxel is on the surface if a triangle meets its cube, tested by separating axes
 * (Akenine-Möller 2001, https://doi.org/10.1080/10867651.2001.10487535); it is inside if no path of free voxels
 * reaches it from outside.
 */
import { checkKeys, checkPositiveInteger, GmrError, type KeysOf, oneOf } from "@gmr-conv/core";
import type { Mesh } from "./off.ts";

export interface VoxelizeOptions {
  /** Voxels along each side. Default 33. */
  size?: number | undefined;
  /**
   * How the mesh is fitted into the grid: within a sphere around the centre of its bounding box, so that nothing is
   * lost when it is turned (`"sphere"`, default), or by its bounding box (`"box"`).
   */
  fit?: "sphere" | "box" | undefined;
  /** Fill the inside as well. Default false: the surface. */
  solid?: boolean | undefined;
}

const KEYS: KeysOf<VoxelizeOptions> = { size: true, fit: true, solid: true };

/**
 * The voxels of a mesh, [size, size, size] flat, z slowest: 1 where occupied.
 * @throws GmrError `invalid-argument` for invalid options, `invalid-data` for a mesh without extent
 */
export function voxelize(mesh: Mesh, options: VoxelizeOptions = {}): Uint8Array {
  checkKeys("the options of voxelize", options, KEYS);
  const size = checkPositiveInteger("size", options.size ?? 33);
  const fit = oneOf("fit", options.fit ?? "sphere", ["sphere", "box"]);
  const points = placed(mesh, size, fit);
  const grid = new Uint8Array(size ** 3);
  for (let t = 0; t < mesh.triangles.length; t += 3) {
    const corners = [0, 1, 2].map((i) => {
      const at = 3 * mesh.triangles[t + i];
      return [points[at], points[at + 1], points[at + 2]] as Vector;
    });
    markTriangle(grid, size, corners as [Vector, Vector, Vector]);
  }
  return options.solid ? filled(grid, size) : grid;
}

type Vector = [x: number, y: number, z: number];

/** The vertices in voxels, voxel i covering [i, i + 1). */
function placed({ vertices }: Mesh, size: number, fit: "sphere" | "box"): Float64Array {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  vertices.forEach((value, i) => {
    low[i % 3] = Math.min(low[i % 3], value);
    high[i % 3] = Math.max(high[i % 3], value);
  });
  const middle = low.map((value, axis) => (value + high[axis]) / 2);
  let reach = 0;
  for (let i = 0; i < vertices.length; i += 3) {
    const offsets = [0, 1, 2].map((axis) => Math.abs(vertices[i + axis] - middle[axis]));
    reach = Math.max(reach, fit === "sphere" ? Math.hypot(...offsets) : Math.max(...offsets));
  }
  if (!(reach > 0 && Number.isFinite(reach))) {
    throw new GmrError(
      "invalid-data",
      `the mesh extends ${reach} from its centre, expected a positive number`,
    );
  }
  // Slightly smaller, so that nothing on the border falls out.
  const scale = ((size / 2) * (1 - 1e-6)) / reach;
  return vertices.map((value, i) => (value - middle[i % 3]) * scale + size / 2);
}

function markTriangle(grid: Uint8Array, size: number, corners: [Vector, Vector, Vector]): void {
  const clamp = (value: number): number => Math.min(size - 1, Math.max(0, Math.floor(value)));
  const [low, high] = [Math.min, Math.max].map((of) =>
    [0, 1, 2].map((axis) => clamp(of(corners[0][axis], corners[1][axis], corners[2][axis]))),
  );
  for (let z = low[2]; z <= high[2]; z++) {
    for (let y = low[1]; y <= high[1]; y++) {
      for (let x = low[0]; x <= high[0]; x++) {
        const at = (z * size + y) * size + x;
        if (grid[at] === 0 && meets(corners, [x + 0.5, y + 0.5, z + 0.5])) grid[at] = 1;
      }
    }
  }
}

/** Whether a triangle meets the unit cube around a centre. */
function meets(corners: [Vector, Vector, Vector], centre: Vector): boolean {
  const v = corners.map((corner) => corner.map((value, axis) => value - centre[axis]) as Vector);
  for (let axis = 0; axis < 3; axis++) {
    const values = v.map((corner) => corner[axis]);
    if (Math.min(...values) > 0.5 || Math.max(...values) < -0.5) return false;
  }
  const edges = [0, 1, 2].map((i) => minus(v[(i + 1) % 3], v[i]));
  const normal = cross(edges[0], edges[1]);
  const distance = dot(normal, v[0]);
  if (Math.abs(distance) > 0.5 * (Math.abs(normal[0]) + Math.abs(normal[1]) + Math.abs(normal[2])))
    return false;
  for (const edge of edges) {
    for (let axis = 0; axis < 3; axis++) {
      const unit: Vector = [0, 0, 0];
      unit[axis] = 1;
      const line = cross(unit, edge);
      const values = v.map((corner) => dot(line, corner));
      const radius = 0.5 * (Math.abs(line[0]) + Math.abs(line[1]) + Math.abs(line[2]));
      if (Math.min(...values) > radius || Math.max(...values) < -radius) return false;
    }
  }
  return true;
}

const minus = (a: Vector, b: Vector): Vector => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: Vector, b: Vector): Vector => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

/** The grid with all voxels occupied that cannot be reached from outside. */
function filled(grid: Uint8Array, size: number): Uint8Array {
  const outside = new Uint8Array(grid.length);
  const stack: number[] = [];
  const visit = (x: number, y: number, z: number): void => {
    if (x < 0 || y < 0 || z < 0 || x >= size || y >= size || z >= size) return;
    const at = (z * size + y) * size + x;
    if (grid[at] === 1 || outside[at] === 1) return;
    outside[at] = 1;
    stack.push(at);
  };
  for (let a = 0; a < size; a++) {
    for (let b = 0; b < size; b++) {
      for (const edge of [0, size - 1]) {
        visit(edge, a, b);
        visit(a, edge, b);
        visit(a, b, edge);
      }
    }
  }
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const [x, y, z] = [at % size, Math.floor(at / size) % size, Math.floor(at / size / size)];
    visit(x - 1, y, z);
    visit(x + 1, y, z);
    visit(x, y - 1, z);
    visit(x, y + 1, z);
    visit(x, y, z - 1);
    visit(x, y, z + 1);
  }
  return outside.map((free) => 1 - free);
}
