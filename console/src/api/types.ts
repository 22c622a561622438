/** The API's answers, as `GET /openapi.json` describes them. */

export interface Text {
  zh: string
  en: string
}

export type Colour = '' | 'blue' | 'yellow' | 'orange' | 'red'
export type Point = [number, number]

export interface Clock {
  mode: 'live' | 'replay' | 'rehearsal'
  now: string
  speed: number
  phase: 'starting' | 'running' | 'paused' | 'ended' | 'failed'
  progress_ratio: number | null
  title: Text
  run_id: string
  message: Text | null
}

export interface Evidence {
  kind: string
  sensor_id: string
  quantity: string
  value: number | null
  unit: string
  at: string | null
  threshold: number | null
  note: string
}

export interface WarningStep {
  seq: number
  kind: string
  at: string
  colour: Colour
  notice_id: string
}

export interface Warning {
  warning_id: string
  state: 'in_force' | 'cancelled' | 'expired'
  hazard: string
  rule: string
  colour: Colour
  notice_id: string
  headline: Text
  description: Text
  advice: Text
  impact: Text
  reasons: { text: Text; evidence: Evidence[] }[]
  area_text: Text
  area_ids: string[]
  polygon: Point[][]
  cells: number
  audience: string[]
  residents: number
  vulnerable_residents: number
  issued_at: string
  sent_at: string
  onset_at: string
  expires_at: string
  certainty: string
  cap_status: string
  history: WarningStep[]
  messages: { queued: number; delivered: number; failed: number; abandoned: number }
}

export interface Incident {
  incident_id: string
  hazard: string
  title: Text
  response_level: string
  event_grade: string
  warning_id: string
  area_ids: string[]
  opened_at: string
  closed_at: string | null
  plan_id: string
  plan_version: string
  plan_why: string
  nodes: { node: string; number: number; at: string }[]
}

export interface Task {
  task_id: string
  incident_id: string
  step_id: string
  title: Text
  role_id: string
  state: 'waiting' | 'acknowledged' | 'completed'
  acknowledge_by: string
  due_at: string
  created_at: string
  acknowledged_at: string | null
  completed_at: string | null
  overdue: boolean
  escalations: number
  receipt: string
  handed_in: string
  measure: string
}

export interface Need {
  need_id: string
  incident_id: string
  kind: string
  skills: string[]
  lon: number
  lat: number
  people: number
  priority: number
  state: 'open' | 'assigned' | 'in_service' | 'met' | 'withdrawn'
  raised_at: string
  met_at: string | null
  unit_ids: string[]
  unmet_reason: string
  unmet_detail: Text | null
}

export interface Unit {
  unit_id: string
  name: string
  kind: string
  skills: string[]
  state: 'available' | 'en_route' | 'on_scene'
  lon: number
  lat: number
  need_id: string
  route: Point[]
  departed_at: string | null
  arrive_at: string | null
  why: string
}

export interface Closure {
  link_id: number
  reason: string
  depth_m: number | null
  closed_to: string[]
  lon: number
  lat: number
  line: Point[]
  name: string
  since: string
}

export interface Signal {
  signal_id: string
  hazard: string
  name: string
  colour: Colour
  sensor_id: string
  lon: number
  lat: number
  in_city: boolean
  since: string
  evidence: Evidence[]
}

export interface Forecast {
  forecast_id: string
  model: string
  sensor_id: string
  quantity: string
  observed: number
  observed_at: string
  rate_per_h: number
  horizons: { lead_h: number; median: number; low: number; high: number; exceed_prob: Record<string, number> }[]
}

export interface RiskTotal {
  lead_h: number
  colour: Colour
  cells_at_risk: number
  residents_exposed: number
  vulnerable_exposed: number
  facilities_exposed: Record<string, number>
}

export interface Risk {
  hazard: string
  model: string
  assessed_at: string
  seq: number
  field: string
  totals: RiskTotal[]
  evidence: Evidence[]
}

export interface Feed {
  feed_id: string
  batches: number
  accepted: number
  repeated: number
  refused: number
  flagged: Record<string, number>
  last_at: string | null
  failed: string
}

export interface ChannelHealth {
  sensor_id: string
  quantity: string
  silent_since: string | null
  flags: string[]
  detail: string
}

export interface Latest {
  sensor_id: string
  quantity: string
  at: string
  value: number
  flags: number
  colour: Colour
}

export interface Report {
  report_id: string
  source: string
  hazard: string
  category: string
  lon: number
  lat: number
  text: string
  depth_m: number | null
  people: number
  event_id: string
  at: string
}

export interface Damage {
  incident_id: string
  method: string
  buildings_damaged: number
  residents_affected: number
  loss_cny: number | null
  gaps: { area_id: string; item: string; needed: number; available: number; unit: string }[]
  at: string
}

export interface Indicator {
  indicator: string
  title: Text
  meaning: Text
  value: number | null
  unit: string
  colour: string
  at: string | null
}

export interface Rectification {
  rectification_id: string
  incident_id: string
  title: Text
  role_id: string
  lon: number
  lat: number
  due_at: string
  completed_at: string | null
}

export interface Visit {
  visit_id: string
  warning_id: string
  area_id: string
  vulnerable_residents: number
  role_id: string
  due_at: string
  reached: number
  need_help: number
  recorded_at: string | null
}

export interface Picture {
  seq: number
  clock: Clock
  warnings: Warning[]
  incidents: Incident[]
  tasks: Task[]
  needs: Need[]
  units: Unit[]
  closures: Closure[]
  signals: Signal[]
  forecasts: Forecast[]
  risks: Risk[]
  feeds: Feed[]
  health: ChannelHealth[]
  health_count: number
  latest: Latest[]
  reports: Report[]
  report_count: number
  visits: Visit[]
  damage: Damage[]
  rectifications: Rectification[]
  indicators: Indicator[]
  lessons: { lesson_id: string; incident_id: string; text: Text; changes: string }[]
  flood: { forecast_id: string; based_at: string; worst_at: string; residents: number; area_km2: number; underpasses: number } | null
}

export interface Fact {
  seq: number
  id: string
  stream: string
  kind: string
  occurred_at: string
  recorded_at: string
  actor: string
  cause: string[]
  body: Record<string, unknown>
}

export interface CityInfo {
  id: string
  name: string
  name_en: string
  timezone: string
  bbox: [number, number, number, number]
  residents: number
  h3_resolution: number
}

export interface RiskCells {
  hazard: string
  lead_h: number
  leads_h: number[]
  h3: string[]
  colour: number[]
  probability: number[]
  intensity: number[]
  residents: number[]
  vulnerable_residents: number[]
  risk: number[]
}

export interface Lines {
  scale: number
  classes: Record<string, number[][]>
}

export interface CellColumns {
  h3: string[]
  residents: number[]
  vulnerable_residents?: number[]
  area_id?: string[]
}

export interface SensorLayer {
  sensors: { sensor_id: string[]; name?: string[]; kind: string[]; lon: number[]; lat: number[]; river?: string[] }
  channels: { sensor_id: string[]; quantity: string[] }
  thresholds: { sensor_id: string[]; quantity: string[]; colour: Colour[]; value: number[] }
}

export interface FacilityColumns {
  facility_id: string[]
  kind: string[]
  name?: (string | null)[]
  lon: number[]
  lat: number[]
  capacity?: (number | null)[]
}

export interface RoleLayer {
  roles: { role_id: string[]; duty: string[]; name: string[]; name_en?: (string | null)[] }
}

export interface Series {
  sensor_id: string
  quantity: string
  unit: string
  kind: 'level' | 'increment'
  start: number
  end: number
  total: number
  step_ms: number
  gap_ms: number
  at: number[]
  value: number[]
  flags: number[]
  thresholds: { colour: Colour; value: number; name: string }[]
  forecast: Forecast | null
}

export interface Problem {
  type: string
  title: string
  status: number
  detail: string
  where: string
  mend: string
}
