/** Instants in the city's zone, and spans as people say them. */

const made = new Map<string, Intl.DateTimeFormat>()

function formatter(zone: string, kind: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone}/${kind}`
  let found = made.get(key)
  if (!found) {
    found = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour12: false, ...options })
    made.set(key, found)
  }
  return found
}

function parts(zone: string, kind: string, options: Intl.DateTimeFormatOptions, at: number): Record<string, string> {
  return Object.fromEntries(formatter(zone, kind, options).formatToParts(at).map((p) => [p.type, p.value]))
}

const TIME: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', second: '2-digit' }
const DATE: Intl.DateTimeFormatOptions = { year: 'numeric', month: '2-digit', day: '2-digit' }

/** `14:05` */
export function hourMinute(at: number | string, zone: string): string {
  const p = parts(zone, 'time', TIME, instant(at))
  return `${p.hour}:${p.minute}`
}

/** `14:05:09` */
export function clockTime(at: number | string, zone: string): string {
  const p = parts(zone, 'time', TIME, instant(at))
  return `${p.hour}:${p.minute}:${p.second}`
}

/** `2026-06-12` */
export function calendarDate(at: number | string, zone: string): string {
  const p = parts(zone, 'date', DATE, instant(at))
  return `${p.year}-${p.month}-${p.day}`
}

/** `06-12 14:05` */
export function dayTime(at: number | string, zone: string): string {
  return `${calendarDate(at, zone).slice(5)} ${hourMinute(at, zone)}`
}

/** Time left as `12:05` or `2:03:10`; `-0:42` once it is over. */
export function countdown(until: number | string, now: number): string {
  const left = Math.round((instant(until) - now) / 1000)
  const s = Math.abs(left)
  const hours = Math.floor(s / 3600)
  const minutes = Math.floor((s % 3600) / 60)
  const tail = String(s % 60).padStart(2, '0')
  const text = hours ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`
  return left < 0 ? `-${text}` : text
}

export function instant(at: number | string): number {
  return typeof at === 'number' ? at : Date.parse(at)
}
