import type { Colour } from '@/api/types'

/** The four warning colours on a dark ground, as hex and as RGB; the same everywhere in the console. */
export const COLOUR_HEX: Record<Exclude<Colour, ''>, string> = {
  blue: '#3b8cff',
  yellow: '#f5cf3a',
  orange: '#ff8f33',
  red: '#f2474f',
}

export const COLOUR_ORDER: Exclude<Colour, ''>[] = ['blue', 'yellow', 'orange', 'red']

export type Rgb = [number, number, number]

export function rgb(hex: string): Rgb {
  const n = Number.parseInt(hex.slice(1), 16)
  return [(n >> 16) & 255, (n >> 8) & 255, n & 255]
}

export function rank(colour: string): number {
  return COLOUR_ORDER.indexOf(colour as Exclude<Colour, ''>) + 1
}

/** Colour of a rank, 1 for blue to 4 for red. */
export function rankRgb(value: number): Rgb {
  const colour = COLOUR_ORDER[value - 1]
  return colour ? rgb(COLOUR_HEX[colour]) : [90, 110, 130]
}
