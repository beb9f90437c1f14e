/**
 * Meshes in the Object File Format: the word OFF, the numbers of vertices, faces and edges, the vertices, the faces.
 * Many ModelNet files have the numbers on the first line, some without a space after OFF. Source:
 * http://www.geomview.org/docs/html/OFF.html
 */
import { GmrError } from "@gmr-conv/core";

export interface Mesh {
  /** [V, 3] x, y, z. */
  vertices: Float64Array;
  /** [T, 3] the vertices of each triangle; polygons are split into fans. */
  triangles: Uint32Array;
}

/**
 * Reads an OFF file.
 * @param name for error messages
 * @throws GmrError `invalid-data` for a file that is not OFF, is damaged, or has no triangles
 */
export function readOff(text: string, name = "OFF data"): Mesh {
  const fail = (problem: string): never => {
    throw new GmrError("invalid-data", `${name}: ${problem}`);
  };
  const body = text.replace(/#[^\n]*/g, " ").trimStart();
  if (!body.startsWith("OFF")) fail(`begins with ${JSON.stringify(body.slice(0, 12))}, expected OFF`);
  const numbers = body.slice(3).split(/\s+/).filter(Boolean);
  let at = 0;
  const next = (what: string): number => {
    if (at >= numbers.length) return fail(`truncated: it ends before ${what}`);
    const value = Number(numbers[at++]);
    return Number.isFinite(value) ? value : fail(`${JSON.stringify(numbers[at - 1])}, expected ${what}`);
  };
  const count = (what: string): number => {
    const value = next(what);
    return Number.isSafeInteger(value) && value >= 0 ? value : fail(`${value}, expected ${what}`);
  };
  const [vertexCount, faceCount] = [count("the number of vertices"), count("the number of faces")];
  count("the number of edges");
  if (3 * vertexCount > numbers.length) fail(`truncated: ${vertexCount} vertices expected`);
  const vertices = Float64Array.from({ length: 3 * vertexCount }, (_, i) =>
    next(`vertex ${Math.floor(i / 3)} of ${vertexCount}`),
  );
  const triangles: number[] = [];
  // Faces may end with a colour; only the line break separates it from the next face.
  const lines = facesOf(body, at - 3, numbers.length, faceCount);
  for (let face = 0; face < faceCount; face++) {
    if (lines) at = lines[face];
    const corners = count(`face ${face} of ${faceCount}`);
    const indices = Array.from({ length: corners }, () => {
      const index = count(`a vertex of face ${face}`);
      return index < vertexCount ? index : fail(`face ${face} names vertex ${index} of ${vertexCount}`);
    });
    for (let i = 2; i < corners; i++) triangles.push(indices[0], indices[i - 1], indices[i]);
  }
  if (triangles.length === 0) fail("no triangles");
  return { vertices, triangles: Uint32Array.from(triangles) };
}

/** Where the numbers of each face begin, from the file's lines; undefined unless each face has its own line. */
function facesOf(body: string, header: number, total: number, faceCount: number): number[] | undefined {
  const lines = body.slice(3).split("\n");
  const starts: number[] = [];
  let seen = 0;
  for (const line of lines) {
    const size = line.split(/\s+/).filter(Boolean).length;
    if (size > 0 && seen >= header + 3) starts.push(seen);
    seen += size;
  }
  return starts.length === faceCount && seen === total ? starts : undefined;
}
