import type { Fact, Text } from '@/api/types'

/** Facts that a duty officer need not see one by one. */
export const BACKGROUND = new Set([
  'BatchTaken',
  'RainPictureTaken',
  'MessageQueued',
  'MessageDelivered',
  'ForecastPublished',
  'RiskAssessed',
  'RainForecastTaken',
  'FloodForecastPublished',
  'FloodForecastSuperseded',
  'FloodForecastScored',
  'FloodNeedsMapped',
  'IndicatorMeasured',
  'UnitReleased',
  'InjectPlayed',
  'PointsAwarded',
])

const TONES: Record<string, string> = {
  WarningIssued: 'colour',
  WarningUpgraded: 'colour',
  WarningDowngraded: 'colour',
  WarningUpdated: 'colour',
  SignalRaised: 'colour',
  TaskEscalated: 'warn',
  TaskOverdue: 'bad',
  NeedUnmet: 'bad',
  NeedRaised: 'warn',
  FeedFailed: 'bad',
  SensorSilent: 'warn',
  SensorsSilent: 'warn',
  SensorSuspected: 'warn',
  MaintenanceOpened: 'warn',
  RoadClosed: 'warn',
  MessageAbandoned: 'bad',
  NeedMet: 'good',
  TaskCompleted: 'good',
  IncidentClosed: 'good',
  WarningCancelled: 'good',
  RoadReopened: 'good',
}

export interface Namer {
  say: (text: Text) => string
  term: (group: string, word: string) => string
  task: (id: string) => string
  need: (id: string) => string
  unit: (id: string) => string
  role: (id: string) => string
  sensor: (id: string) => string
}

/** How a fact is toned in the timeline: good, warn, bad, a warning colour, or empty. */
export function toneOf(fact: Fact): string {
  const tone = TONES[fact.kind] ?? ''
  if (tone !== 'colour') return tone
  const body = fact.body as { colour?: string; notice?: { colour?: string } }
  return body.notice?.colour ?? body.colour ?? ''
}

/** The one line that says what a fact is about, beside the name of its kind. */
export function factLine(fact: Fact, names: Namer): string {
  const body = fact.body as Record<string, never>
  const text = (key: string): string => (typeof body[key] === 'string' ? (body[key] as string) : '')
  const parts: string[] = []
  const notice = body.notice as { headline?: Text } | undefined
  if (notice?.headline) parts.push(names.say(notice.headline))
  if (body.title && typeof body.title === 'object') parts.push(names.say(body.title as Text))
  if (text('node')) parts.push(names.term('node', text('node')))
  if (text('task_id') && !body.title) parts.push(names.task(text('task_id')))
  if (fact.kind === 'NeedRaised') parts.push(names.term('need', text('kind')))
  else if (text('need_id')) parts.push(names.need(text('need_id')))
  if (text('unit_id')) parts.push(names.unit(text('unit_id')))
  if (text('to_role_id')) parts.push(`→ ${names.role(text('to_role_id'))}`)
  if (text('sensor_id')) parts.push(names.sensor(text('sensor_id')))
  if (text('quantity')) parts.push(names.term('quantity', text('quantity')))
  if (text('category')) parts.push(names.term('category', text('category')))
  if (text('flag')) parts.push(names.term('flag', text('flag')))
  if (text('feed_id')) parts.push(text('feed_id'))
  if (typeof body.accepted === 'number') parts.push(`+${String(body.accepted)}`)
  if (fact.kind === 'NeedUnmet') parts.push(names.term('need.reason', text('reason')))
  if (fact.kind === 'RoadClosed' && typeof body.depth_m === 'number') parts.push(`${(body.depth_m as number).toFixed(2)} m`)
  if (text('plan_id')) parts.push(text('plan_id'))
  if (text('hazard') && !notice && !body.title && !text('sensor_id')) parts.push(names.term('hazard', text('hazard')))
  if (text('indicator')) parts.push(text('indicator'))
  return parts.join(' · ')
}
