import { BarChart, CustomChart, LineChart } from 'echarts/charts'
import { GridComponent, MarkLineComponent, TooltipComponent } from 'echarts/components'
import * as echarts from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import type { EChartsCoreOption } from 'echarts/core'
import type { Series } from '@/api/types'
import { COLOUR_HEX } from '@/format/colours'
import { hourMinute } from '@/format/time'

echarts.use([LineChart, BarChart, CustomChart, GridComponent, MarkLineComponent, TooltipComponent, CanvasRenderer])

export { echarts }

export interface ChartWords {
  zone: string
  now: number
  nowName: string
  observed: string
  forecast: string
}

const AXIS = { axisLine: { lineStyle: { color: '#33475c' } }, axisTick: { show: false }, axisLabel: { color: '#8ea2b6', fontSize: 11 } }
const SPLIT = { splitLine: { lineStyle: { color: '#1d2a38' } } }

function frame(words: ChartWords, from: number, to: number, unit: string, right: number): EChartsCoreOption {
  return {
    animation: false,
    grid: { left: 44, right, top: 14, bottom: 22 },
    tooltip: {
      trigger: 'axis',
      confine: true,
      backgroundColor: '#15212ef2',
      borderColor: '#34485e',
      textStyle: { color: '#dfe8f1', fontSize: 12 },
      axisPointer: { lineStyle: { color: '#5f7890' } },
      valueFormatter: (value: unknown) => (typeof value === 'number' ? `${value.toFixed(2)} ${unit}` : ''),
    },
    xAxis: {
      type: 'time',
      min: from,
      max: to,
      ...AXIS,
      splitLine: { show: false },
      axisLabel: { ...AXIS.axisLabel, hideOverlap: true, formatter: (at: number) => hourMinute(at, words.zone) },
      axisPointer: { label: { show: false } },
    },
  }
}

const HOUR = 3_600_000

/** Rain amounts summed to a bar per hour, or per ten minutes where there is little time to show. */
export function rainOption(series: Series, words: ChartWords, hours: number): EChartsCoreOption {
  const from = words.now - hours * HOUR
  const step = hours <= 6 ? HOUR / 6 : HOUR
  const sums = new Map<number, number>()
  series.at.forEach((at, n) => {
    const bar = Math.floor((at - 1) / step) * step
    sums.set(bar, (sums.get(bar) ?? 0) + (series.value[n] ?? 0))
  })
  const bars = [...sums.entries()].map(([at, value]) => [at + step / 2, Math.round(value * 100) / 100])
  return {
    ...frame(words, from, words.now, 'mm', 16),
    yAxis: { type: 'value', min: 0, minInterval: 1, ...AXIS, ...SPLIT },
    series: [
      {
        type: 'bar',
        name: words.observed,
        data: bars,
        barMaxWidth: 18,
        barMinWidth: 2,
        itemStyle: { color: '#4aa8ff', borderRadius: [2, 2, 0, 0] },
      },
    ],
  }
}

/** Stage with its thresholds, and the forecast with its central 80 % interval. */
export function stageOption(series: Series, words: ChartWords, hours: number): EChartsCoreOption {
  const ahead = series.forecast ? Math.min(Math.max(...series.forecast.horizons.map((h) => h.lead_h)), hours) : 0
  const to = words.now + ahead * HOUR
  const observed = series.at.map((at, n) => [at, series.value[n]])
  const fan = fanOf(series, to)
  // The axis follows what was observed and the middle of the forecast; a very wide interval runs off the edge.
  const shown = [...series.value, ...fan.map((f) => f.median)]
  const top = Math.max(...shown)
  const bottom = Math.min(...shown)
  const span = Math.max(top - bottom, 0.5)
  const near = series.thresholds.filter((h) => h.value <= top + 2 * span && h.value >= bottom - span)
  const limits = [top, ...near.map((h) => h.value)]
  return {
    ...frame(words, words.now - hours * HOUR, to, series.unit, 46),
    yAxis: {
      type: 'value',
      min: Math.floor((bottom - span * 0.12) * 10) / 10,
      max: Math.ceil((Math.max(...limits) + span * 0.12) * 10) / 10,
      ...AXIS,
      ...SPLIT,
    },
    series: [
      band(fan, 'low'),
      { ...band(fan, 'high'), areaStyle: { color: '#8fc7ff', opacity: 0.2 } },
      {
        type: 'line',
        name: words.forecast,
        data: fan.map((f) => [f.at, f.median]),
        showSymbol: false,
        lineStyle: { color: '#9fd0ff', type: 'dashed', width: 1.6 },
      },
      {
        type: 'line',
        name: words.observed,
        data: observed,
        showSymbol: false,
        lineStyle: { color: '#e9f3fc', width: 2 },
        itemStyle: { color: '#e9f3fc' },
        markLine: {
          symbol: 'none',
          silent: true,
          data: [
            ...near.map((h) => ({
              yAxis: h.value,
              lineStyle: { color: COLOUR_HEX[h.colour as 'red'], type: 'solid', width: 1, opacity: 0.85 },
              label: { formatter: h.value.toFixed(2), color: COLOUR_HEX[h.colour as 'red'], fontSize: 11, position: 'end' },
            })),
            ...(ahead
              ? [{ xAxis: words.now, lineStyle: { color: '#7d90a5', type: 'dotted' }, label: { formatter: words.nowName, color: '#9fb0c2', fontSize: 11 } }]
              : []),
          ],
        },
      },
    ],
  }
}

interface Fan {
  at: number
  median: number
  low: number
  high: number
}

function fanOf(series: Series, to: number): Fan[] {
  const forecast = series.forecast
  if (!forecast) return []
  const start = Date.parse(forecast.observed_at)
  const first = { at: start, median: forecast.observed, low: forecast.observed, high: forecast.observed }
  const rest = forecast.horizons.map((h) => ({ at: start + h.lead_h * HOUR, median: h.median, low: h.low, high: h.high }))
  return [first, ...rest].filter((f) => f.at <= to + HOUR / 2)
}

function band(fan: Fan[], edge: 'low' | 'high'): Record<string, unknown> {
  // Stacked: the invisible low edge carries the band of height high − low.
  return {
    type: 'line',
    stack: 'interval',
    stackStrategy: 'all',
    data: fan.map((f) => [f.at, edge === 'low' ? f.low : f.high - f.low]),
    showSymbol: false,
    lineStyle: { opacity: 0 },
    tooltip: { show: false },
    silent: true,
  }
}
