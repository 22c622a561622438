import type { Rgb } from '@/format/colours'

/** A stop of a scale: from this value on (metres, or percent), this colour and opacity. */
export interface Stop {
  from: number
  rgb: Rgb
  alpha: number
}

/** Depth of water: pale at a kerb, violet where a person cannot stand. No warning colour is among them. */
export const DEPTH_STOPS: Stop[] = [
  { from: 0.03, rgb: [92, 190, 232], alpha: 0.36 },
  { from: 0.15, rgb: [60, 184, 244], alpha: 0.76 },
  { from: 0.3, rgb: [38, 132, 240], alpha: 0.82 },
  { from: 0.6, rgb: [92, 84, 232], alpha: 0.88 },
  { from: 1.2, rgb: [178, 70, 222], alpha: 0.92 },
]

/** Probability of a depth, in percent. */
export const PERCENT_STOPS: Stop[] = [
  { from: 5, rgb: [58, 82, 139], alpha: 0.5 },
  { from: 25, rgb: [42, 122, 150], alpha: 0.66 },
  { from: 50, rgb: [36, 168, 140], alpha: 0.78 },
  { from: 75, rgb: [128, 208, 84], alpha: 0.86 },
  { from: 90, rgb: [238, 232, 96], alpha: 0.92 },
]

/** Stop that holds a value, or null below the first. */
export function stopOf(stops: Stop[], value: number): Stop | null {
  let found: Stop | null = null
  for (const stop of stops) if (value >= stop.from) found = stop
  return found
}

export function css(stop: Stop, alpha = stop.alpha): string {
  return `rgba(${stop.rgb.join(' ')} / ${alpha})`
}
