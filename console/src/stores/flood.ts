import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import { floodDetail, type FloodDetail, type FloodForecast, type FloodList, floodList } from '@/api/flood'
import { usePicture } from './picture'

export type FloodMode = 'depth' | 'probability'
/** Next two hours from measured rain, or next day from a rain forecast. */
export type FloodProduct = 'nowcast' | 'day_ahead'
export type Comparison = 'off' | 'swipe' | 'split'

/** Depths whose exceedance is forecast. */
export const THRESHOLDS = [0.15, 0.3, 0.6, 1.2] as const

const FACTS = new Set(['FloodForecastPublished', 'FloodForecastSuperseded', 'FloodForecastScored', 'FloodAdviceGiven', 'FloodNeedsMapped'])
/** Minutes of the forecast that pass in a second of watching, at ordinary speed. */
const MINUTES_PER_S = 9
const PAUSE_AT_END_S = 1.2

/** Layer of the rasters that a mode and threshold show. */
export function layerOf(mode: FloodMode, threshold: number): string {
  return mode === 'depth' ? 'depth_mm' : `percent_${Math.round(threshold * 1000)}`
}

/** Lead time of another forecast at the same instant; at the same lead where their times do not meet. */
export function sameInstant(lead: number, of: FloodForecast, other: FloodForecast): number {
  const shifted = lead + (Date.parse(of.based_at) - Date.parse(other.based_at)) / 60_000
  const last = other.lead_min[other.lead_min.length - 1] ?? 0
  return shifted >= (other.lead_min[0] ?? 0) && shifted <= last ? shifted : Math.min(lead, last)
}

/** What the flood view shows: forecasts, the chosen ones, the instant looked at, and how. */
export const useFlood = defineStore('flood', () => {
  const picture = usePicture()
  const list = shallowRef<FloodList | null>(null)
  const failure = ref('')
  /** Chosen forecast; empty follows the newest. */
  const chosen = ref('')
  const detail = shallowRef<FloodDetail | null>(null)
  const otherChosen = ref('')
  const other = shallowRef<FloodDetail | null>(null)
  const comparison = ref<Comparison>('off')
  const mode = ref<FloodMode>('depth')
  const otherMode = ref<FloodMode>('depth')
  const threshold = ref(0.15)
  const relief = ref(false)
  const lead = ref(0)
  const playing = ref(false)
  const speed = ref(1)
  /** Item whose need is drawn by cell; empty for none. */
  const needed = ref('')

  const product = ref<FloodProduct>('nowcast')
  const all = computed(() => list.value?.forecasts ?? [])
  /** Products of which the run has forecasts. */
  const products = computed(() => (['nowcast', 'day_ahead'] as const).filter((p) => all.value.some((f) => f.product === p)))
  const forecasts = computed(() => ofProduct(all.value, product.value))
  const current = computed(() => forecasts.value.find((f) => f.forecast_id === chosen.value) ?? forecasts.value[0] ?? null)
  const leads = computed(() => detail.value?.forecast.lead_min ?? [])
  const lastLead = computed(() => leads.value[leads.value.length - 1] ?? 0)
  /** The lead time of the forecast nearest to the instant looked at. */
  const nearestLead = computed(() => nearest(leads.value, lead.value))
  const otherLead = computed(() =>
    detail.value && other.value ? sameInstant(lead.value, detail.value.forecast, other.value.forecast) : lead.value,
  )

  async function refresh(): Promise<void> {
    try {
      list.value = await floodList()
      failure.value = ''
    } catch (error) {
      failure.value = said(error)
    }
  }

  async function show(): Promise<void> {
    const wanted = current.value
    if (!wanted) {
      detail.value = null
      return
    }
    try {
      const found = await floodDetail(wanted.forecast_id)
      if (current.value?.forecast_id !== wanted.forecast_id) return
      const first = !detail.value
      detail.value = found
      lead.value = first ? worstLead(found.forecast) : Math.min(lead.value, lastLead.value)
      failure.value = ''
    } catch (error) {
      failure.value = said(error)
    }
  }

  /** Shows the other product: its newest forecast at its worst lead time. */
  function choose(wish: FloodProduct): void {
    play(false)
    product.value = wish
    chosen.value = otherChosen.value = ''
    detail.value = null
  }

  async function showOther(): Promise<void> {
    if (comparison.value === 'off') {
      other.value = null
      return
    }
    const id = otherChosen.value || forecasts.value.find((f) => f.forecast_id !== current.value?.forecast_id)?.forecast_id
    if (!id) {
      other.value = detail.value
      return
    }
    otherChosen.value = id
    try {
      other.value = await floodDetail(id)
    } catch (error) {
      failure.value = said(error)
    }
  }

  let frame = 0
  let before = 0
  let held = 0

  function step(now: number): void {
    if (!playing.value) return
    const passed = Math.min(0.1, (now - before) / 1000)
    before = now
    if (lead.value >= lastLead.value) {
      held += passed
      if (held > PAUSE_AT_END_S) {
        held = 0
        lead.value = leads.value[0] ?? 0
      }
    } else {
      lead.value = Math.min(lastLead.value, lead.value + (passed * MINUTES_PER_S * speed.value * (lastLead.value || 120)) / 120)
    }
    frame = requestAnimationFrame(step)
  }

  function play(wish = !playing.value): void {
    cancelAnimationFrame(frame)
    playing.value = wish && lastLead.value > 0
    if (!playing.value) return
    held = lead.value >= lastLead.value ? PAUSE_AT_END_S : 0
    before = performance.now()
    frame = requestAnimationFrame(step)
  }

  /** Goes to the next or previous lead time of the forecast. */
  function move(steps: number): void {
    play(false)
    const all = leads.value
    const exact = all.indexOf(lead.value)
    const after = all.findIndex((l) => l > lead.value)
    const from = exact >= 0 ? exact : steps > 0 ? (after < 0 ? all.length : after) - 1 : after < 0 ? all.length : after
    lead.value = all[Math.max(0, Math.min(all.length - 1, from + steps))] ?? 0
  }

  const news = computed(() => picture.facts.filter((f) => FACTS.has(f.kind)).at(-1)?.seq ?? 0)
  watch([news, () => picture.picture?.clock.run_id], () => void refresh())
  watch([() => current.value?.forecast_id, () => current.value?.seq, news], () => void show())
  watch([comparison, otherChosen, () => current.value?.forecast_id], () => void showOther())

  return {
    list, failure, chosen, detail, otherChosen, other, comparison, mode, otherMode, threshold, relief, lead, playing, speed, needed,
    product, products, choose, forecasts, current, leads, lastLead, nearestLead, otherLead, refresh, play, move,
  }
})

/** Forecasts of a product; of the other one where a run has none of it. */
export function ofProduct(all: FloodForecast[], product: FloodProduct): FloodForecast[] {
  const own = all.filter((f) => f.product === product)
  return own.length ? own : all
}

function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

export function nearest(values: number[], wanted: number): number {
  return values.reduce((best, v) => (Math.abs(v - wanted) < Math.abs(best - wanted) ? v : best), values[0] ?? 0)
}

/** The lead time with most residents in the water: what a person should see first. */
export function worstLead(forecast: FloodForecast): number {
  const worst = [...forecast.totals].sort((a, b) => b.residents - a.residents || b.area_km2 - a.area_km2 || a.lead_min - b.lead_min)[0]
  return worst?.lead_min ?? forecast.lead_min[0] ?? 0
}
