import type { Feature, FeatureCollection } from 'geojson'
import { cellToBoundary } from 'h3-js'
import type { FloodOption, NeedCells } from '@/api/flood'

export type Marks = FeatureCollection & { lead_min: number[] }

/** Lines of wet roads with their depth at every lead time as plain properties, which the map's expressions can read. */
export function wetRoads(marks: Marks | null): FeatureCollection {
  const features = (marks?.features ?? []).filter((f) => f.properties?.kind === 'road_link' && f.geometry.type === 'LineString')
  return { type: 'FeatureCollection', features: features.map(flattened) }
}

function flattened(feature: Feature): Feature {
  const { depth_by_lead_m, ...properties } = feature.properties as Record<string, unknown>
  const depths = (depth_by_lead_m as number[]).map((depth, n) => [`d${n}`, depth])
  return { ...feature, properties: { ...properties, ...Object.fromEntries(depths) } }
}

const ORDER = ['underpass', 'health', 'care', 'utility', 'metro', 'school', 'shelter', 'other_facility']

/** Facilities and underpasses as badges, the most urgent on top, and places where a pump or gate was tried. */
export function wetPlaces(marks: Marks | null, advice: FloodOption[], icon: (group: string) => string): FeatureCollection {
  const seen = new Set<string>()
  const features: Feature[] = []
  for (const { properties } of marks?.features ?? []) {
    const group = String(properties?.group)
    if (!ORDER.includes(group)) continue
    const at: [number, number] = [Number(properties?.lon), Number(properties?.lat)]
    const place = `${group}/${at[0].toFixed(5)}/${at[1].toFixed(5)}`
    if (seen.has(place)) continue
    seen.add(place)
    const rank = ORDER.length - ORDER.indexOf(group)
    features.push(point(at, { icon: icon(group), rank, group, name: properties?.name, detail: properties?.detail, object_id: properties?.object_id }))
  }
  for (const option of advice.filter((o) => o.kind !== 'none')) {
    features.push(point([option.lon, option.lat], { icon: icon('advice'), rank: 99, group: 'advice', name: option.name || option.detail, detail: option.kind, object_id: option.option_id }))
  }
  return { type: 'FeatureCollection', features }
}

function point(at: [number, number], properties: Record<string, unknown>): Feature {
  return { type: 'Feature', properties, geometry: { type: 'Point', coordinates: at } }
}

/** Depth at the wall of each wet building at every lead time, by id. */
export function wetBuildings(marks: Marks | null): Map<string, number[]> {
  const found = new Map<string, number[]>()
  for (const { properties } of marks?.features ?? []) {
    if (properties?.kind === 'building') found.set(String(properties.object_id), properties.depth_by_lead_m as number[])
  }
  return found
}

/** Cells that need an item, with their share of what the neediest cell needs. */
export function needFeatures(cells: NeedCells | null): FeatureCollection {
  const most = Math.max(...(cells?.quantity ?? []), 0) || 1
  const features = (cells?.h3 ?? []).map(
    (h3, n): Feature => ({
      type: 'Feature',
      properties: { h3, quantity: cells?.quantity[n] ?? 0, share: (cells?.quantity[n] ?? 0) / most },
      geometry: { type: 'Polygon', coordinates: [cellToBoundary(h3, true)] },
    }),
  )
  return { type: 'FeatureCollection', features }
}
