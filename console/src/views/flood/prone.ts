import type { PronePoint } from '@/api/flood'

export type ProneChoice = 'every' | 'late' | 'gap'

/** Points of a choice: overdue ones the longest overdue first, else what is wet or likely to be first. */
export function chosenPoints(points: PronePoint[], choice: ProneChoice): PronePoint[] {
  if (choice === 'late') {
    return points.filter((p) => p.overdue).sort((a, b) => (a.planned_on ?? '').localeCompare(b.planned_on ?? '') || a.point_id.localeCompare(b.point_id))
  }
  const kept = choice === 'gap' ? points.filter((p) => !p.sensor_id) : [...points]
  return kept.sort((a, b) => urgency(b) - urgency(a) || a.point_id.localeCompare(b.point_id))
}

/** Water over the warning depth now comes before water that is expected, and that before a date that has passed. */
export function urgency(point: PronePoint): number {
  const over = point.depth_m !== null && point.depth_m >= point.warning_m ? 10 + point.depth_m : 0
  return over + (point.warning_prob ?? 0) + (point.overdue ? 0.05 : 0)
}

/** `-40`, `+12`: a change in percent with its sign. */
export function signedPercent(ratio: number): string {
  const percent = Math.round(100 * ratio)
  return percent > 0 ? `+${percent}` : percent < 0 ? `−${-percent}` : '0'
}

export const minutes = (seconds: number): string => String(Math.round(seconds / 60))
