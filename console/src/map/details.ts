import type { Closure, Need, Report } from '@/api/types'
import { people } from '@/format/number'
import { hourMinute } from '@/format/time'
import type { FacilityMark, SensorMark, UnitMark } from './marks'
import type { RiskMark } from './riskCells'

export type Picked = RiskMark | SensorMark | UnitMark | FacilityMark | Closure | Need | Report

export interface Detail {
  title: string
  subtitle: string
  rows: [string, string][]
  sensor?: string
}

export interface Words {
  t: (key: string, values?: Record<string, unknown>) => string
  term: (group: string, word: string) => string
  language: string
  zone: string
  say: (text: { zh: string; en: string } | null) => string
}

/** What the popover says of the thing a person clicked. */
export function detailOf(picked: Picked, words: Words): Detail {
  if ('h3' in picked) return cellDetail(picked, words)
  if ('sensor' in picked) return sensorDetail(picked, words)
  if ('unit' in picked) return unitDetail(picked, words)
  if ('facility' in picked) return facilityDetail(picked, words)
  if ('link_id' in picked) return closureDetail(picked, words)
  if ('need_id' in picked) return needDetail(picked, words)
  return reportDetail(picked, words)
}

function cellDetail(cell: RiskMark, { t, language }: Words): Detail {
  return {
    title: t('map.cell'),
    subtitle: cell.h3,
    rows: [
      [t('risk.probability'), `${Math.round(cell.probability * 100)} %`],
      [t('risk.residents'), people(cell.residents, language)],
      [t('warning.vulnerable'), people(cell.vulnerable, language)],
      [t('risk.expected'), people(cell.expected, language)],
    ],
  }
}

function sensorDetail(mark: SensorMark, { t, term, zone }: Words): Detail {
  const rows: [string, string][] = mark.latest.map((reading) => [
    `${term('quantity', reading.quantity)} ${hourMinute(reading.at, zone)}`,
    `${reading.value.toFixed(2)} ${reading.quantity.endsWith('_mm') ? 'mm' : reading.quantity.endsWith('_m') ? 'm' : ''}`,
  ])
  if (!rows.length) rows.push([t('map.latest'), t('map.noReading')])
  for (const fault of mark.health) {
    if (fault.silent_since) rows.push([t('map.silent'), `${hourMinute(fault.silent_since, zone)} ${t('map.since')}`])
    for (const flag of fault.flags) rows.push([t('map.doubted'), `${term('flag', flag)} ${fault.detail}`])
  }
  return { title: mark.sensor.name, subtitle: `${term('sensor', mark.sensor.kind)} · ${mark.sensor.id}`, rows, sensor: mark.sensor.id }
}

function unitDetail({ unit }: UnitMark, { t, term, zone }: Words): Detail {
  const rows: [string, string][] = [[t('ground.units'), t(`unit.state.${unit.state}`)]]
  if (unit.arrive_at && unit.state === 'en_route') rows.push([t('unit.arrives'), hourMinute(unit.arrive_at, zone)])
  if (unit.why) rows.push([t('warning.reasons'), unit.why])
  return { title: unit.name, subtitle: term('unit', unit.kind), rows }
}

function facilityDetail(mark: FacilityMark, { t, term }: Words): Detail {
  const rows: [string, string][] = mark.capacity ? [[t('map.capacity'), String(Math.round(mark.capacity))]] : []
  return { title: mark.name, subtitle: term('facility', mark.facility), rows }
}

function closureDetail(closure: Closure, { t, term, zone }: Words): Detail {
  const rows: [string, string][] = [[t('warning.reasons'), term('closure', closure.reason)]]
  if (closure.depth_m !== null) rows.push([t('map.depth'), `${closure.depth_m.toFixed(2)} m`])
  const barred = closure.closed_to.length ? closure.closed_to.map((v) => term('vehicle', v)).join(' · ') : t('vehicle.all')
  rows.push([t('closure.closedTo'), barred])
  rows.push([t('map.since'), hourMinute(closure.since, zone)])
  return { title: t('map.closed'), subtitle: closure.name || `#${closure.link_id}`, rows }
}

function needDetail(need: Need, { t, term, say }: Words): Detail {
  const rows: [string, string][] = [
    [t('ground.needs'), t(`need.state.${need.state}`)],
    [t('need.priority'), String(need.priority)],
  ]
  if (need.people) rows.push(['', t('need.people', { n: need.people })])
  if (need.unmet_reason) rows.push([t('warning.reasons'), say(need.unmet_detail) || term('need.reason', need.unmet_reason)])
  return { title: term('need', need.kind), subtitle: need.unit_ids.join(', '), rows }
}

function reportDetail(report: Report, { t, term, zone }: Words): Detail {
  const rows: [string, string][] = [[term('source', report.source), hourMinute(report.at, zone)]]
  if (report.depth_m !== null) rows.push([t('map.depth'), `${report.depth_m.toFixed(2)} m`])
  if (report.text) rows.push([t('map.said'), report.text])
  return { title: term('category', report.category), subtitle: t('map.report'), rows }
}
