import type { Feature, FeatureCollection } from 'geojson'
import type { Lines } from '@/api/types'

/** Unfolds a line of the API: integers of 1/scale degree, a first point and then differences. */
export function unfold(line: number[], scale: number): [number, number][] {
  const points: [number, number][] = []
  let x = 0
  let y = 0
  for (let n = 0; n + 1 < line.length; n += 2) {
    x += line[n] ?? 0
    y += line[n + 1] ?? 0
    points.push([x / scale, y / scale])
  }
  return points
}

/** Makes one multi-line feature per road class; few features are quick to lay out. */
export function roadFeatures(lines: Lines | null): FeatureCollection {
  const features: Feature[] = Object.entries(lines?.classes ?? {}).map(([roadClass, listed]) => ({
    type: 'Feature',
    properties: { road_class: roadClass },
    geometry: { type: 'MultiLineString', coordinates: listed.map((line) => unfold(line, lines?.scale ?? 1)) },
  }))
  return { type: 'FeatureCollection', features }
}

