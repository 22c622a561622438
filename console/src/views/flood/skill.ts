import type { FloodScore, FloodSkill } from '@/api/flood'

/** CSI of a threshold over all lead times, from the summed counts; null where nothing happened or was forecast. */
export function pooledCsi(scores: FloodScore[], threshold: number): number | null {
  const mine = scores.filter((s) => s.threshold_m === threshold)
  const hits = mine.reduce((sum, s) => sum + s.hits, 0)
  const all = mine.reduce((sum, s) => sum + s.hits + s.misses + s.false_alarms, 0)
  return all ? hits / all : null
}

/** Share by which the CRPS is better (above 0) or worse than that of 'it stays as it is'; null where either is unknown. */
export function gainOverPersistence(skill: FloodSkill | null): number | null {
  if (!skill || skill.crps_m === null || !skill.persistence_crps_m) return null
  return 1 - skill.crps_m / skill.persistence_crps_m
}

export interface ReliabilityDot {
  forecast: number
  observed: number
  count: number
}

/** Bins of several scores joined by their forecast probability, weighted by their counts. */
export function pooledReliability(scores: FloodScore[]): ReliabilityDot[] {
  const bins = new Map<number, ReliabilityDot>()
  for (const [forecast, observed, count] of scores.flatMap((s) => s.reliability)) {
    if (!count) continue
    const key = Math.round(forecast * 10)
    const bin = bins.get(key) ?? { forecast: 0, observed: 0, count: 0 }
    const total = bin.count + count
    bins.set(key, {
      forecast: (bin.forecast * bin.count + forecast * count) / total,
      observed: (bin.observed * bin.count + observed * count) / total,
      count: total,
    })
  }
  return [...bins.values()].sort((a, b) => a.forecast - b.forecast)
}
