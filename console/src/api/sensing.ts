/** The API's answers about feeds and sensors. */

import type { Colour, Text } from './types'

export type Health = 'connected' | 'waiting' | 'silent' | 'broken'

export interface FeedCondition {
  feed_id: string
  name: string
  kind: string
  health: Health
  since: string
  error: string
  failed_at: string | null
  breaks: number
  rows: number
  accepted: number
  repeated: number
  refused: number
  rate_per_s: number
  taken_at: string | null
  lag_s: number | null
  stored: number
  course: number[]
  usual_gap_s: number | null
  wrong_clocks: { sensor_id: string; ahead_s: number }[]
}

export interface Reason {
  reason: string
  rows: number
  name: Text
  why: Text
  mend: Text
  is_mendable: boolean
}

export interface RefusedRow {
  refused_id: string
  position: string
  row: number
  raw: string
  reason: string
  detail: string
  taken_at: string
  tried_at: string | null
  has_origin: boolean
  given_at: string | null
  given_by: string | null
}

export interface RefusedPage {
  feed_id: string
  reasons: Reason[]
  total: number
  rows: RefusedRow[]
}

export interface Trial {
  feed_id: string
  reason: string
  offered: number
  taken: number
  readings: number
  still: Record<string, number>
  rows: { refused_id: string; reason: string; detail: string }[]
  changed: string[]
  more: number
}

export interface OrderAnswer {
  order: string
  facts: { kind: string; body: Record<string, unknown> }[]
}

export interface Threshold {
  colour: Colour
  value: number
  name: string
}

export interface Channel {
  quantity: string
  unit: string
  kind: 'level' | 'increment'
  interval_s: number | null
  datum_m: number | null
  lowest: number | null
  highest: number | null
  thresholds: Threshold[]
  latest: { at: string; value: number; flags: number; colour: Colour } | null
}

export interface SensorPage {
  sensor_id: string
  name: string
  kind: string
  lon: number | null
  lat: number | null
  altitude_m: number | null
  channels: Channel[]
}

export interface FoundSensor {
  sensor_id: string
  name: string | null
  kind: string | null
}

export interface Band {
  rule: string
  deviations: number
  at: number[]
  expected: number[]
  scale: number[]
}

export interface Alarm {
  alarm_id: string
  quantity: string
  rule: string
  rule_name: Text
  kind: string
  severity: string
  state: string
  begun_at: string
  ended_at: string | null
  value: number | null
  score: number | null
  limit: number | null
  confidence: number
  window_start: string
  window_end: string
  cause: string
  end_cause: string
}
