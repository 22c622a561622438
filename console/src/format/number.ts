/** Numbers as a person reads them at a glance. */

/** Grouped digits without decimals: `12 840`. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US').replace(/,/g, ' ')
}

/** People in a few characters: `840`, `12.8 k`, `1.28 M`; in Chinese `1.3 万`. */
export function people(value: number, language: string): string {
  if (language === 'zh') return value >= 10_000 ? `${short(value / 10_000)} 万` : whole(value)
  if (value >= 1_000_000) return `${short(value / 1_000_000)} M`
  return value >= 10_000 ? `${short(value / 1000)} k` : whole(value)
}

/** Money in yuan: `1 840 万元`, `CNY 18.4 M`. */
export function yuan(value: number, language: string): string {
  if (language === 'zh') return value >= 1e8 ? `${short(value / 1e8)} 亿元` : `${whole(value / 1e4)} 万元`
  return `CNY ${short(value / 1e6)} M`
}

function short(value: number): string {
  return value >= 100 ? whole(value) : value.toFixed(1).replace(/\.0$/, '')
}

/** A measured value with the digits its unit deserves. */
export function measured(value: number | null, unit: string): string {
  if (value === null) return '–'
  const digits = unit === 'm' ? 2 : unit === 'mm' ? 1 : Math.abs(value) < 10 ? 2 : 1
  return `${value.toFixed(digits)}${unit && unit !== '1' ? ` ${unit}` : ''}`
}
