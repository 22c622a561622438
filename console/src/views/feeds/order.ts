import type { FeedCondition, Health } from '@/api/sensing'

export type Column = 'feed' | 'kind' | 'health' | 'rate' | 'lag' | 'last' | 'stored' | 'repeated' | 'refused'

/** What needs somebody comes first. */
const GRAVITY: Record<Health, number> = { broken: 0, silent: 1, waiting: 2, connected: 3 }

const KEYS: Record<Column, (feed: FeedCondition) => number | string> = {
  feed: (f) => f.name || f.feed_id,
  kind: (f) => f.kind,
  health: (f) => GRAVITY[f.health],
  rate: (f) => -f.rate_per_s,
  lag: (f) => -(f.lag_s ?? -Infinity),
  last: (f) => (f.taken_at ? Date.parse(f.taken_at) : -Infinity),
  stored: (f) => -f.stored,
  repeated: (f) => -f.repeated,
  refused: (f) => -f.refused,
}

/** Feeds by a column; the first press of a head puts first what a person looks for in it. */
export function ordered(feeds: readonly FeedCondition[], by: Column, turned: boolean): FeedCondition[] {
  const key = KEYS[by]
  const sign = turned ? -1 : 1
  return [...feeds].sort((a, b) => sign * compared(key(a), key(b)) || compared(a.feed_id, b.feed_id))
}

function compared(a: number | string, b: number | string): number {
  if (typeof a === 'string' || typeof b === 'string') return String(a).localeCompare(String(b))
  return a === b ? 0 : a < b ? -1 : 1
}
