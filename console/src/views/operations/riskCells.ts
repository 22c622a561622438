import { computed, shallowRef, watch } from 'vue'
import { read } from '@/api/client'
import type { RiskCells } from '@/api/types'
import { rank } from '@/format/colours'
import { usePicture } from '@/stores/picture'
import { useSelection } from '@/stores/selection'

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

  watch(
    risks,
    (all) => {
      if (all.some((risk) => risk.hazard === selection.hazard)) return
      const worst = (hazard: (typeof all)[number]) => Math.max(0, ...hazard.totals.map((total) => rank(total.colour)))
      selection.hazard = [...all].sort((a, b) => worst(b) - worst(a))[0]?.hazard ?? ''
    },
    { immediate: true },
  )

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
