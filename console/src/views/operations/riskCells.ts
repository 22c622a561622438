import { computed, shallowRef, watch } from 'vue'
import { read } from '@/api/client'
import type { RiskCells } from '@/api/types'
import { rank } from '@/format/colours'
import { usePicture } from '@/stores/picture'
import { useSelection } from '@/stores/selection'

function nearest(all: number[], to: number): number {
  return [...all].sort((a, b) => Math.abs(a - to) - Math.abs(b - to))[0] ?? 0
}

/** Cells of the chosen hazard and horizon, read again when another assessment is published. */
export function useRiskCells() {
  const picture = usePicture()
  const selection = useSelection()
  const cells = shallowRef<RiskCells | null>(null)
  let asked = ''

  const risks = computed(() => picture.picture?.risks ?? [])
  const hazards = computed(() => risks.value.map((risk) => risk.hazard))
  const chosen = computed(() => risks.value.find((risk) => risk.hazard === selection.hazard) ?? null)
  const leads = computed(() => chosen.value?.totals.map((total) => total.lead_h) ?? [])

  /** The hazard of the highest standing warning, else the one whose risk is highest. */
  const foremost = computed(() => {
    const assessed = (hazard: string) => hazards.value.includes(hazard)
    const warned = [...picture.standing].filter((w) => assessed(w.hazard)).sort((a, b) => rank(b.colour) - rank(a.colour))
    const worst = (risk: (typeof risks.value)[number]) => Math.max(0, ...risk.totals.map((total) => rank(total.colour)))
    return warned[0]?.hazard ?? [...risks.value].sort((a, b) => worst(b) - worst(a))[0]?.hazard ?? ''
  })

  watch(
    foremost,
    (hazard) => {
      if (!selection.hazardChosen || !hazards.value.includes(selection.hazard)) selection.hazard = hazard
    },
    { immediate: true },
  )

  // Until a person chooses a horizon the page shows the first at which anything is at risk.
  watch(chosen, (risk) => {
    if (!risk) return
    if (!selection.leadChosen) selection.lead = risk.totals.find((total) => total.colour)?.lead_h ?? leads.value[0] ?? 0
    else if (!leads.value.includes(selection.lead)) selection.lead = nearest(leads.value, selection.lead)
  })

  watch(
    () => `${chosen.value?.hazard ?? ''}/${chosen.value?.seq ?? 0}/${selection.lead}`,
    async (key) => {
      if (!chosen.value) {
        cells.value = null
        return
      }
      asked = key
      try {
        const found = await read<RiskCells>(`/api/risk/${chosen.value.hazard}?lead_h=${selection.lead}`)
        if (asked === key) cells.value = found
      } catch (error) {
        picture.failure = error instanceof Error ? error.message : String(error)
      }
    },
    { immediate: true },
  )

  return { cells, hazards, leads }
}
