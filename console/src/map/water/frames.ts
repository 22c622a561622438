import { floodFrame, type FloodDetail } from '@/api/flood'

/** Depths travel as millimetres; on the graphics card they are 8 bits on a square-root scale up to this depth. */
export function depthScale(deepest: number): number {
  return Math.max(1.5, Math.min(deepest, 20))
}

const tables = new Map<number, Uint8Array>()

/** Table from millimetres to 8 bits: 255·√(d/scale), so that a centimetre at a kerb is seen and two metres fit. */
export function depthTable(scale: number): Uint8Array {
  let table = tables.get(scale)
  if (!table) {
    table = new Uint8Array(65536)
    for (let mm = 0; mm < table.length; mm++) table[mm] = Math.min(255, Math.round(255 * Math.sqrt(mm / 1000 / scale)))
    tables.set(scale, table)
  }
  return table
}

/** Depths in millimetres as the 8 bits that the shader reads. */
export function quantised(depth: Uint16Array, scale: number): Uint8Array {
  const table = depthTable(scale)
  const made = new Uint8Array(depth.length)
  for (let n = 0; n < depth.length; n++) made[n] = table[depth[n] as number] as number
  return made
}

/** Where an instant lies among the lead times: the frames before and after, and the part of the way between. */
export function between(leads: number[], lead: number): { first: number; second: number; part: number } {
  const last = leads.length - 1
  if (last <= 0 || lead <= (leads[0] ?? 0)) return { first: 0, second: 0, part: 0 }
  if (lead >= (leads[last] as number)) return { first: last, second: last, part: 0 }
  let second = 1
  while ((leads[second] as number) < lead) second++
  const from = leads[second - 1] as number
  const to = leads[second] as number
  return { first: second - 1, second, part: (lead - from) / (to - from) }
}

/** Frames in the order in which they are wanted: the one looked at, then what plays next, then the past. */
export function wantedOrder(count: number, first: number): number[] {
  const later = Array.from({ length: Math.max(0, count - first) }, (_, n) => first + n)
  const earlier = Array.from({ length: Math.min(first, count) }, (_, n) => first - 1 - n)
  return [...later, ...earlier]
}

const KEPT_BYTES = 192 * 1024 * 1024
const kept = new Map<string, Uint8Array>()
let keptBytes = 0

function keep(key: string, bytes: Uint8Array): void {
  kept.set(key, bytes)
  keptBytes += bytes.length
  for (const [old, dropped] of kept) {
    if (keptBytes <= KEPT_BYTES || old === key) break
    kept.delete(old)
    keptBytes -= dropped.length
  }
}

const AT_ONCE = 4

/** Reads all frames of one layer of a forecast, the one looked at first, and tells of each. */
export async function readFrames(
  detail: FloodDetail,
  layer: string,
  first: number,
  taken: (index: number, bytes: Uint8Array) => void,
  signal: AbortSignal,
): Promise<void> {
  const { forecast, grid } = detail
  const scale = depthScale(detail.deepest_m)
  const order = wantedOrder(forecast.lead_min.length, first)

  async function one(index: number): Promise<void> {
    const key = `${forecast.frames}/${layer}/${index}/${grid.reduce}`
    let bytes = kept.get(key)
    if (!bytes) {
      const raw = await floodFrame(forecast.forecast_id, forecast.lead_min[index] as number, layer, grid.reduce, signal)
      bytes = layer === 'depth_mm' ? quantised(new Uint16Array(raw), scale) : percents(new Uint8Array(raw))
      keep(key, bytes)
    }
    if (!signal.aborted) taken(index, bytes)
  }

  async function worker(): Promise<void> {
    for (let index = order.shift(); index !== undefined; index = order.shift()) await one(index)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

/** Percents 0 … 100 spread over 8 bits. */
export function percents(raw: Uint8Array): Uint8Array {
  return raw.map((p) => Math.round(p * 2.55))
}
