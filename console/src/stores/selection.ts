import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'

export type Layer = 'risk' | 'warnings' | 'sensors' | 'roads' | 'units' | 'needs' | 'facilities' | 'reports'

/** What the person looks at: the chosen warning, incident, sensor, horizon and layers of the map. */
export const useSelection = defineStore('selection', () => {
  const warning = ref('')
  const incident = ref('')
  const sensor = ref('')
  const rain = ref('')
  const hazard = ref('')
  /** Whether a person chose the hazard; until then the page follows the highest warning. */
  const hazardChosen = ref(false)
  const lead = ref(0)
  const leadChosen = ref(false)
  const layers = ref<Record<Layer, boolean>>({
    risk: true,
    warnings: true,
    sensors: true,
    roads: true,
    units: true,
    needs: true,
    facilities: false,
    reports: false,
  })
  /** Where the map is asked to go; a fresh object each time. */
  const target = shallowRef<{ lon: number; lat: number; zoom?: number } | null>(null)

  function goTo(lon: number, lat: number, zoom = 14.5): void {
    target.value = { lon, lat, zoom }
  }

  return { warning, incident, sensor, rain, hazard, hazardChosen, lead, leadChosen, layers, target, goTo }
})
