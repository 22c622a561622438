import { read } from './client'
import type { Evidence, Point } from './types'

export interface FloodTotal {
  lead_min: number
  area_km2: number
  residents: number
  buildings: number
  road_km: number
  underpasses: number
  facilities: Record<string, number>
}

export interface FloodForecast {
  forecast_id: string
  seq: number
  model: string
  based_at: string
  published_at: string
  rain_source: string
  scheme: string
  members: number
  cell_m: number
  lead_min: number[]
  thresholds_m: number[]
  totals: FloodTotal[]
  effective_members: number
  volume_error_ratio: number
  evidence: Evidence[]
  frames: string
  objects: string
  product: 'nowcast' | 'day_ahead'
  window_min: number
  rain_forecast_id: string
}

export interface FloodScore {
  lead_min: number
  threshold_m: number
  hits: number
  misses: number
  false_alarms: number
  correct_negatives: number
  pod: number | null
  far: number | null
  csi: number | null
  brier: number | null
  reliability: [number, number, number][]
}

export interface FloodSkill {
  model: string
  pairs: number
  crps_m: number | null
  persistence_crps_m: number | null
  scores: FloodScore[]
  at: string
}

export interface FloodOption {
  option_id: string
  kind: string
  detail: string
  name: string
  lon: number
  lat: number
  avoided_residents: number
  avoided_underpasses: number
  avoided_area_km2: number
  lowered_m: number
}

export interface FloodAdvice {
  advice_id: string
  forecast_id: string
  at: string
  options: FloodOption[]
}

export interface FloodNeeds {
  forecast_id: string
  at: string
  wanted: Record<string, number>
  stock: Record<string, number>
  short: Record<string, number>
  field: string
}

export interface NeedCells {
  item: string
  h3: string[]
  quantity: number[]
}

export interface FloodList {
  forecasts: FloodForecast[]
  skill: FloodSkill[]
  superseded: { based_at: string; superseded_by: string | null; reason: string; product: string }[]
}

export interface FloodGrid {
  ny: number
  nx: number
  cell_m: number
  corners: Point[]
  mesh_rows: number
  mesh_columns: number
  mesh_lon: number[]
  mesh_lat: number[]
  reduce: number
  frame_rows: number
  frame_columns: number
}

export interface FloodDetail {
  forecast: FloodForecast
  grid: FloodGrid
  layers: string[]
  deepest_m: number
  skill: FloodSkill | null
  advice: FloodAdvice | null
  needs: FloodNeeds | null
}

export interface FloodPoint {
  lon: number
  lat: number
  lead_min: number[]
  depth_m: number[]
  exceed_prob: Record<string, number[]>
}

export interface FloodObject {
  kind: string
  group: string
  object_id: string
  name: string
  detail: string
  lon: number
  lat: number
  people: number
  depth_m: number
  depth_high_m: number
  prob: number
  first_min: number | null
  worst_min: number
  depth_by_lead_m: number[]
}

export interface FloodObjectPage {
  total: number
  groups: Record<string, number>
  lead_min: number[]
  objects: FloodObject[]
}

/** One time that a flood-prone point stood in water. */
export interface Ponding {
  start_at: string
  end_at: string
  peak_m: number
  duration_s: number
  above_s: number
  closed: boolean
  open: boolean
  cut: boolean
}

/** A flood-prone point of the city's register. */
export interface PronePoint {
  point_id: string
  name: string
  name_en: string
  kind: string
  lon: number
  lat: number
  org: string
  org_en: string
  warning_m: number
  closure_m: number
  depth_source: string
  listed_year: number | null
  status: RemediationStatus
  planned_on: string | null
  done_on: string | null
  overdue: boolean
  measure: string
  measure_en: string
  sensor_id: string | null
  sensor_distance_m: number | null
  depth_m: number | null
  depth_at: string | null
  warning_prob: number | null
  closure_prob: number | null
  first_min: number | null
  measured: boolean
  events: Ponding[]
  above_s: number
  mean_s: number | null
  baseline_year: number | null
  baseline_s: number | null
  change_ratio: number | null
  revisions: { at: string; actor: string; before: string; status: string; why: string }[]
}

export const REMEDIATION = ['planned', 'in_work', 'done', 'verified'] as const
export type RemediationStatus = (typeof REMEDIATION)[number]

export interface PronePoints {
  now: string
  since: string
  forecast_id: string | null
  overdue: number
  kpi: {
    points: number
    watched: number
    measured: number
    ponded: number
    events: number
    counted: number
    mean_s: number | null
    baseline_s: number | null
    change_ratio: number | null
    target_ratio: number
    met: boolean | null
  }
  points: PronePoint[]
}

/** Which objects the list, the map and the exports show. */
export interface ObjectWish {
  threshold_m: number
  min_prob: number
  lead_min?: number | null
  group?: string[]
  text?: string
}

function of(id: string): string {
  return `/api/flood/forecasts/${encodeURIComponent(id)}`
}

/** Query text of a wish; what is absent is left out. */
export function wishQuery(wish: ObjectWish, more: Record<string, string | number | boolean> = {}): string {
  const query = new URLSearchParams({ threshold_m: String(wish.threshold_m), min_prob: String(wish.min_prob) })
  if (wish.lead_min !== null && wish.lead_min !== undefined) query.set('lead_min', String(wish.lead_min))
  for (const group of wish.group ?? []) query.append('group', group)
  if (wish.text) query.set('text', wish.text)
  for (const [name, value] of Object.entries(more)) query.set(name, String(value))
  return query.toString()
}

export const floodList = (): Promise<FloodList> => read('/api/flood/forecasts')
export const floodDetail = (id: string): Promise<FloodDetail> => read(of(id))
export const floodPoint = (id: string, lon: number, lat: number): Promise<FloodPoint> =>
  read(`${of(id)}/point?lon=${lon.toFixed(6)}&lat=${lat.toFixed(6)}`)

export const pronePoints = (forecast: string): Promise<PronePoints> =>
  read(`/api/flood/points${forecast ? `?forecast_id=${encodeURIComponent(forecast)}` : ''}`)

export const floodNeeds = (id: string, item: string): Promise<NeedCells> => read(`${of(id)}/needs?item=${encodeURIComponent(item)}`)

export function floodObjects(
  id: string,
  wish: ObjectWish,
  page: { sort: string; reverse: boolean; offset: number; limit: number },
): Promise<FloodObjectPage> {
  return read(`${of(id)}/objects?${wishQuery(wish, page)}`)
}

export function floodMarks(id: string, wish: ObjectWish): Promise<GeoJSON.FeatureCollection & { lead_min: number[] }> {
  return read(`${of(id)}/objects.geojson?${wishQuery(wish)}`)
}

/** One raster as raw bytes: row 0 south, uint16 millimetres or uint8 percent. */
export async function floodFrame(id: string, lead: number, layer: string, reduce: number, signal: AbortSignal): Promise<ArrayBuffer> {
  const response = await fetch(`${of(id)}/frames/${lead}/${layer}?reduce=${reduce}`, { signal })
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`)
  return response.arrayBuffer()
}

/** Addresses of the papers and exports. */
export const floodPaper = {
  csv: (id: string, wish: ObjectWish): string => `${of(id)}/objects.csv?${wishQuery(wish)}`,
  geojson: (id: string, wish: ObjectWish): string => `${of(id)}/objects.geojson?${wishQuery(wish)}`,
  brief: (id: string, language: string): string => `${of(id)}/brief.pdf?lang=${language}`,
  picture: (id: string, language: string, layer: string, lead: number): string =>
    `${of(id)}/picture.png?lang=${language}&layer=${layer}&lead_min=${lead}`,
  animation: (id: string, language: string, layer: string): string => `${of(id)}/animation.gif?lang=${language}&layer=${layer}`,
}
