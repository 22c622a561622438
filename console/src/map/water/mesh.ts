import type { FloodGrid } from '@/api/flood'

export interface WaterMesh {
  /** Middle of the mesh in Mercator units of the whole world; vertices count from here, or 32 bits would be too few. */
  origin: [number, number]
  /** Mercator units that one vertex unit stands for. */
  scale: number
  /** x, y (vertex units) and u, v (0 … 1 over the raster, v from the south) of each vertex. */
  vertices: Float32Array
  triangles: Uint32Array
  /** Vertex units that a metre of height stands for. */
  metre: number
}

const EARTH_M = 40_075_016.686

export function mercatorX(lon: number): number {
  return (lon + 180) / 360
}

export function mercatorY(lat: number): number {
  const phi = (lat * Math.PI) / 180
  return 0.5 - Math.log(Math.tan(Math.PI / 4 + phi / 2)) / (2 * Math.PI)
}

/** Rectangle of the raster laid over the map: the grid's own points, each patch of them cut `fine` × `fine` times. */
export function waterMesh(grid: FloodGrid, fine: number): WaterMesh {
  const { mesh_rows: rows, mesh_columns: columns } = grid
  const xs = grid.mesh_lon.map(mercatorX)
  const ys = grid.mesh_lat.map(mercatorY)
  const middle = Math.floor(rows / 2) * columns + Math.floor(columns / 2)
  const origin: [number, number] = [xs[middle] as number, ys[middle] as number]
  const scale = Math.max(...xs) - Math.min(...xs)
  const tall = (rows - 1) * fine + 1
  const wide = (columns - 1) * fine + 1
  const vertices = new Float32Array(tall * wide * 4)
  for (let r = 0; r < tall; r++) {
    for (let c = 0; c < wide; c++) {
      const at = 4 * (r * wide + c)
      vertices[at] = (patch(xs, rows, columns, r / fine, c / fine) - origin[0]) / scale
      vertices[at + 1] = (patch(ys, rows, columns, r / fine, c / fine) - origin[1]) / scale
      vertices[at + 2] = c / (wide - 1)
      vertices[at + 3] = r / (tall - 1)
    }
  }
  const lat = ((grid.mesh_lat[middle] as number) * Math.PI) / 180
  return { origin, scale, vertices, triangles: triangles(tall, wide), metre: 1 / (EARTH_M * Math.cos(lat)) / scale }
}

/** Bilinear value within the points of a patch. */
function patch(values: number[], rows: number, columns: number, row: number, column: number): number {
  const r = Math.min(Math.floor(row), rows - 2)
  const c = Math.min(Math.floor(column), columns - 2)
  const [dr, dc] = [row - r, column - c]
  const at = (i: number, j: number) => values[i * columns + j] as number
  return (at(r, c) * (1 - dc) + at(r, c + 1) * dc) * (1 - dr) + (at(r + 1, c) * (1 - dc) + at(r + 1, c + 1) * dc) * dr
}

function triangles(tall: number, wide: number): Uint32Array {
  const made = new Uint32Array((tall - 1) * (wide - 1) * 6)
  let n = 0
  for (let r = 0; r + 1 < tall; r++) {
    for (let c = 0; c + 1 < wide; c++) {
      const a = r * wide + c
      made.set([a, a + 1, a + wide, a + 1, a + wide + 1, a + wide], n)
      n += 6
    }
  }
  return made
}

/** Matrix (column-major, 64 bits) of vertex units: `main` after moving to the origin and scaling. */
export function vertexMatrix(main: ArrayLike<number>, origin: [number, number], scale: number): Float32Array {
  const made = new Float32Array(16)
  for (let i = 0; i < 4; i++) {
    const [a, b, c, d] = [main[i] as number, main[4 + i] as number, main[8 + i] as number, main[12 + i] as number]
    made[i] = a * scale
    made[4 + i] = b * scale
    made[8 + i] = c * scale
    made[12 + i] = a * origin[0] + b * origin[1] + d
  }
  return made
}
