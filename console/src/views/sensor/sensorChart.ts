import { BarChart, LineChart, ScatterChart } from 'echarts/charts'
import { DataZoomComponent, GridComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent } from 'echarts/components'
import type { EChartsCoreOption } from 'echarts/core'
import * as echarts from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import type { Alarm, Band } from '@/api/sensing'
import type { Series } from '@/api/types'
import { COLOUR_HEX } from '@/format/colours'
import { calendarDate, clockTime, dayTime, hourMinute } from '@/format/time'

echarts.use([
  LineChart,
  BarChart,
  ScatterChart,
  GridComponent,
  TooltipComponent,
  MarkAreaComponent,
  MarkLineComponent,
  DataZoomComponent,
  CanvasRenderer,
])

export { echarts }

export interface SensorWords {
  zone: string
  value: string
  flagged: string
  band: string
  quality: (bits: number) => string
  alarm: (alarm: Alarm) => string
}

/** Bits of quality flags, as the store keeps them. */
export const FLAGS: [number, string][] = [
  [1, 'out_of_range'],
  [2, 'impossible_rate'],
  [4, 'stuck'],
  [8, 'duplicate_stamp'],
  [16, 'late'],
  [32, 'datum_jump'],
  [64, 'future'],
]

/** Flags by which a value is not believed; a reading that was only late is. */
const DOUBTED = 0xffff & ~16

const DAY = 86_400_000

export interface Drawn {
  line: [number, number | null][]
  /** Instant, height on the chart, flags, value. */
  flagged: [number, number, number, number][]
  /** What the good readings span, with room around; a doubted value beyond is drawn at its edge. */
  low: number
  high: number
}

/** The points of a series as a line that breaks where nothing was measured, and apart from it those that are doubted. */
export function drawn(series: Series): Drawn {
  const line: [number, number | null][] = []
  const doubted: [number, number, number][] = []
  let before = Number.NaN
  series.at.forEach((at, n) => {
    const value = series.value[n] ?? 0
    const flags = series.flags[n] ?? 0
    if (flags & DOUBTED) {
      doubted.push([at, value, flags])
      return
    }
    if (series.gap_ms > 0 && at - before > series.gap_ms && series.kind === 'level') line.push([(before + at) / 2, null])
    line.push([at, value])
    before = at
  })
  const good = line.flatMap(([, value]) => (value === null ? [] : [value]))
  const all = good.length ? good : doubted.map(([, value]) => value)
  const least = Math.min(...all, series.kind === 'increment' ? 0 : Infinity)
  const most = Math.max(...all)
  const room = Math.max((most - least) * 0.08, Math.abs(most) * 0.002, 1e-6)
  const low = series.kind === 'increment' ? 0 : least - room
  const high = most + room
  const flagged = doubted.map(([at, value, flags]): [number, number, number, number] => [at, Math.min(Math.max(value, low), high), flags, value])
  return { line, flagged, low, high }
}

/** A detailed stretch laid into a coarser whole. */
export function merged(whole: Series, detail: Series | null): Series {
  if (!detail || detail.step_ms !== whole.step_ms) return whole
  const keep = whole.at.flatMap((at, n) => (at <= detail.start || at > detail.end ? [n] : []))
  const before = keep.filter((n) => (whole.at[n] ?? 0) <= detail.start)
  const after = keep.filter((n) => (whole.at[n] ?? 0) > detail.end)
  const joined = (name: 'at' | 'value' | 'flags'): number[] => [
    ...before.map((n) => whole[name][n] ?? 0),
    ...detail[name],
    ...after.map((n) => whole[name][n] ?? 0),
  ]
  return { ...whole, at: joined('at'), value: joined('value'), flags: joined('flags'), gap_ms: whole.gap_ms }
}

const AXIS = { axisLine: { lineStyle: { color: '#33475c' } }, axisTick: { show: false }, axisLabel: { color: '#8ea2b6', fontSize: 11 } }

export function colourOf(severity: string): string {
  return COLOUR_HEX[severity as 'red'] ?? '#8fa6bd'
}

export interface Shown {
  series: Series
  band: Band | null
  alarms: Alarm[]
  chosen: string
  view: [number, number]
}

/** Everything that is known of a channel over a span, as one chart. */
export function sensorOption({ series, band, alarms, chosen, view }: Shown, words: SensorWords): EChartsCoreOption {
  const { line, flagged, low, high } = drawn(series)
  const label = (at: number): string => (view[1] - view[0] > DAY * 1.5 ? dayTime(at, words.zone) : hourMinute(at, words.zone))
  return {
    animation: false,
    grid: { left: 62, right: 24, top: 16, bottom: 62 },
    tooltip: {
      trigger: 'axis',
      confine: true,
      backgroundColor: '#15212ef2',
      borderColor: '#34485e',
      textStyle: { color: '#dfe8f1', fontSize: 12 },
      axisPointer: { lineStyle: { color: '#5f7890' } },
      formatter: (params: unknown) => tip(params as Point[], series.unit, words),
    },
    xAxis: {
      type: 'time',
      min: series.start,
      max: series.end,
      ...AXIS,
      splitLine: { show: false },
      axisLabel: { ...AXIS.axisLabel, hideOverlap: true, formatter: label },
      axisPointer: { label: { show: false } },
    },
    yAxis: {
      type: 'value',
      ...(line.length + flagged.length ? { min: rounded(low, high, Math.floor), max: rounded(low, high, Math.ceil) } : {}),
      name: series.unit,
      nameTextStyle: { color: '#8ea2b6', align: 'right' },
      ...AXIS,
      splitLine: { lineStyle: { color: '#1d2a38' } },
    },
    dataZoom: [
      { type: 'inside', filterMode: 'none', startValue: view[0], endValue: view[1], minValueSpan: 60_000 },
      {
        type: 'slider',
        filterMode: 'none',
        startValue: view[0],
        endValue: view[1],
        height: 22,
        bottom: 8,
        showDataShadow: false,
        borderColor: '#2a3b4f',
        fillerColor: '#4aa8ff22',
        handleStyle: { color: '#4aa8ff' },
        labelFormatter: (at: number) => dayTime(at, words.zone),
        textStyle: { color: '#8ea2b6', fontSize: 11 },
      },
    ],
    series: [
      ...bands(band, words),
      {
        id: 'value',
        name: words.value,
        type: series.kind === 'increment' ? 'bar' : 'line',
        data: line,
        showSymbol: line.length < 2,
        connectNulls: false,
        barMaxWidth: 14,
        lineStyle: { color: '#e9f3fc', width: 1.5 },
        itemStyle: { color: series.kind === 'increment' ? '#4aa8ff' : '#e9f3fc' },
        emphasis: { disabled: true },
        markArea: { silent: false, data: alarms.map((alarm) => area(alarm, series, chosen)) },
        markLine: {
          symbol: 'none',
          silent: true,
          data: series.thresholds.map((step) => ({
            yAxis: step.value,
            lineStyle: { color: colourOf(step.colour), type: 'solid', width: 1, opacity: 0.85 },
            label: { formatter: String(step.value), color: colourOf(step.colour), fontSize: 11, position: 'insideEndTop' },
          })),
        },
      },
      {
        id: 'flagged',
        name: words.flagged,
        type: 'scatter',
        data: flagged,
        symbol: 'path://M0 0L4 4L8 0L10 2L6 6L10 10L8 12L4 8L0 12L-2 10L2 6L-2 2Z',
        symbolSize: 9,
        itemStyle: { color: '#ff8b4a' },
      },
    ],
  }
}

/** The edge of an axis at a number that a person would choose. */
function rounded(low: number, high: number, way: (x: number) => number): number {
  const step = 10 ** Math.floor(Math.log10(Math.max(high - low, 1e-9))) / 10
  return Number((way((way === Math.floor ? low : high) / step) * step).toPrecision(12))
}

function bands(band: Band | null, words: SensorWords): Record<string, unknown>[] {
  if (!band?.at.length) return []
  const edge = (sign: number): [number, number][] =>
    band.at.map((at, n) => {
      const width = band.deviations * (band.scale[n] ?? 0)
      return [at, sign < 0 ? (band.expected[n] ?? 0) - width : 2 * width]
    })
  const plain = { type: 'line', stack: 'band', stackStrategy: 'all', showSymbol: false, silent: true, lineStyle: { opacity: 0 }, tooltip: { show: false } }
  return [
    { ...plain, id: 'low', data: edge(-1) },
    { ...plain, id: 'high', name: words.band, data: edge(1), areaStyle: { color: '#4aa8ff', opacity: 0.2 } },
  ]
}

function area(alarm: Alarm, series: Series, chosen: string): [Record<string, unknown>, Record<string, unknown>] {
  const from = Math.max(Date.parse(alarm.begun_at), series.start)
  const to = Math.min(alarm.ended_at ? Date.parse(alarm.ended_at) : series.end, series.end)
  const colour = colourOf(alarm.severity)
  return [
    {
      xAxis: from,
      name: alarm.alarm_id,
      label: { show: false },
      itemStyle: { color: colour, opacity: alarm.alarm_id === chosen ? 0.42 : 0.2, borderColor: colour, borderWidth: 1 },
    },
    { xAxis: Math.max(to, from + (series.end - series.start) / 600) },
  ]
}

interface Point {
  seriesId?: string
  value: [number, number | null, number?, number?]
}

/** What the pointer says: instant, reading, and why it is doubted. */
function tip(points: Point[], unit: string, words: SensorWords): string {
  const told = points.filter((p) => (p.seriesId === 'value' || p.seriesId === 'flagged') && p.value[1] !== null)
  const at = told[0]?.value[0]
  if (at === undefined) return ''
  const head = `${calendarDate(at, words.zone)} ${clockTime(at, words.zone)}`
  const rows = told.map((p) => {
    const text = `${Number(p.value[3] ?? p.value[1]).toPrecision(6).replace(/\.?0+$/, '')} ${unit}`
    return p.seriesId === 'flagged' ? `<span style="color:#ff8b4a">${text} · ${words.quality(p.value[2] ?? 0)}</span>` : `<b>${text}</b>`
  })
  return [head, ...rows].join('<br>')
}
