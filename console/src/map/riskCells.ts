import type { Feature, FeatureCollection } from 'geojson'
import { cellToBoundary } from 'h3-js'
import type { Point, RiskCells } from '@/api/types'

export interface RiskMark {
  h3: string
  colour: number
  probability: number
  residents: number
  vulnerable: number
  expected: number
}

const rings = new Map<string, Point[]>()

function ringOf(h3: string): Point[] {
  let ring = rings.get(h3)
  if (!ring) {
    ring = cellToBoundary(h3, true) as Point[]
    rings.set(h3, ring)
  }
  return ring
}

/** Cells of a risk assessment as features; they lie under the streets, so that the city stays readable. */
export function riskFeatures(cells: RiskCells | null): FeatureCollection {
  const features = (cells?.h3 ?? []).map((h3, n): Feature => {
    const properties: RiskMark = {
      h3,
      colour: cells?.colour[n] ?? 0,
      probability: cells?.probability[n] ?? 0,
      residents: cells?.residents[n] ?? 0,
      vulnerable: cells?.vulnerable_residents[n] ?? 0,
      expected: cells?.risk[n] ?? 0,
    }
    return { type: 'Feature', properties, geometry: { type: 'Polygon', coordinates: [ringOf(h3)] } }
  })
  return { type: 'FeatureCollection', features }
}
