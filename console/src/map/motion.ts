import type { Point, Unit } from '@/api/types'

/** Length of a short way on the ground, in arbitrary but even measure. */
function span(a: Point, b: Point): number {
  const dx = (b[0] - a[0]) * Math.cos((a[1] * Math.PI) / 180)
  return Math.hypot(dx, b[1] - a[1])
}

/** Point at a part (0 to 1) of the way along a line. */
export function along(line: Point[], part: number): Point {
  const first = line[0]
  const last = line[line.length - 1]
  if (!first || !last) throw new RangeError('a line needs points')
  if (part <= 0 || line.length === 1) return first
  if (part >= 1) return last
  const lengths = line.slice(1).map((point, n) => span(line[n] as Point, point))
  let left = part * lengths.reduce((sum, length) => sum + length, 0)
  for (let n = 0; n < lengths.length; n++) {
    const length = lengths[n] as number
    if (left <= length && length > 0) {
      const [a, b] = [line[n] as Point, line[n + 1] as Point]
      const t = left / length
      return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t]
    }
    left -= length
  }
  return last
}

/** Where a unit is at an instant of the run, milliseconds: on its way by time elapsed, else where it stands. */
export function unitPosition(unit: Unit, now: number): Point {
  if (unit.state !== 'en_route' || !unit.route.length || !unit.departed_at || !unit.arrive_at) {
    return [unit.lon, unit.lat]
  }
  const start = Date.parse(unit.departed_at)
  const end = Date.parse(unit.arrive_at)
  return along(unit.route, end > start ? (now - start) / (end - start) : 1)
}
