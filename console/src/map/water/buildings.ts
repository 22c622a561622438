import type { Feature, FeatureCollection } from 'geojson'
import { read } from '@/api/client'
import { unfold } from '@/map/lines'

interface BuildingLayer {
  scale: number
  more: boolean
  buildings: { building_id: string[]; height_m: number[]; outline?: number[][] }
}

const AT_ONCE = 20_000
type Box = [number, number, number, number]

/** Footprints with heights in a box, and whether the box held more than are given at once. */
export async function readBuildings(box: Box, signal: AbortSignal): Promise<{ features: FeatureCollection; more: boolean }> {
  const [west, south, east, north] = box.map((v) => v.toFixed(5))
  const layer = await read<BuildingLayer>(
    `/api/city/layers/buildings?west=${west}&south=${south}&east=${east}&north=${north}&limit=${AT_ONCE}`,
    signal,
  )
  const { building_id: ids, height_m: heights, outline } = layer.buildings
  const features = (outline ?? []).map((line, n): Feature => ({
    type: 'Feature',
    properties: { id: ids[n], height: heights[n] ?? 6 },
    geometry: { type: 'Polygon', coordinates: [unfold(line, layer.scale)] },
  }))
  return { features: { type: 'FeatureCollection', features }, more: layer.more }
}
