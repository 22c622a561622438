import { describe, expect, it } from 'vitest'
import type { FeedCondition, Health } from '@/api/sensing'
import type { Series } from '@/api/types'
import { span } from '@/format/span'
import { ordered } from '@/views/feeds/order'
import { drawn, merged } from '@/views/sensor/sensorChart'

function series(at: number[], value: number[], flags: number[] = at.map(() => 0), more: Partial<Series> = {}): Series {
  const base = { sensor_id: 's', quantity: 'stage_m', unit: 'm', kind: 'level' as const, thresholds: [], forecast: null }
  return { ...base, start: 0, end: 100, total: at.length, step_ms: 0, gap_ms: 10, at, value, flags, ...more }
}

describe('the line of a sensor', () => {
  it('breaks where nothing was measured, so that silence is not drawn as calm', () => {
    expect(drawn(series([0, 5, 50], [1, 2, 3])).line).toEqual([[0, 1], [5, 2], [27.5, null], [50, 3]])
  })

  it('sets doubted readings apart and keeps their value, drawn at the edge of the others', () => {
    const { line, flagged, high } = drawn(series([0, 5, 9], [1, 2, 250], [0, 16, 1]))
    expect(line.map(([at]) => at)).toEqual([0, 5]) // late is not doubted
    expect(flagged).toEqual([[9, high, 1, 250]])
    expect(high).toBeLessThan(3)
  })

  it('lays a detailed stretch into the whole without doubling its readings', () => {
    const whole = series([0, 10, 20, 30, 40], [1, 2, 3, 4, 5])
    const detail = series([15, 20, 25], [2.5, 3, 3.5], undefined, { start: 10, end: 25 })
    expect(merged(whole, detail).at).toEqual([0, 10, 15, 20, 25, 30, 40])
    expect(merged(whole, null)).toBe(whole)
  })
})

describe('the list of feeds', () => {
  const feed = (feed_id: string, health: Health, rate_per_s = 0): FeedCondition =>
    ({ feed_id, health, rate_per_s, name: '', kind: 'http', taken_at: null, lag_s: null, stored: 0, repeated: 0, refused: 0 }) as unknown as FeedCondition
  const feeds = [feed('a', 'connected', 5), feed('b', 'broken'), feed('c', 'silent', 9)]

  it('puts what needs somebody first, and the greatest rate when asked for rates', () => {
    expect(ordered(feeds, 'health', false).map((f) => f.feed_id)).toEqual(['b', 'c', 'a'])
    expect(ordered(feeds, 'rate', false).map((f) => f.feed_id)).toEqual(['c', 'a', 'b'])
    expect(ordered(feeds, 'rate', true).map((f) => f.feed_id)).toEqual(['b', 'a', 'c'])
  })
})

describe('a span', () => {
  it('is told in the unit that a person would choose', () => {
    expect([span(4, 'en'), span(7500, 'en'), span(-90, 'zh'), span(5 * 86_400, 'zh')]).toEqual(['4 s', '2.1 h', '−1.5 分钟', '5 天'])
  })
})
