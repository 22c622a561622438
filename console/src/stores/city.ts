import type { FeatureCollection } from 'geojson'
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { read } from '@/api/client'
import type { CellColumns, CityInfo, Colour, FacilityColumns, Lines, RoleLayer, SensorLayer } from '@/api/types'

export interface Sensor {
  id: string
  name: string
  kind: string
  lon: number
  lat: number
  quantities: string[]
  thresholds: { quantity: string; colour: Colour; value: number }[]
}

/** What the city is: read once, the things the first view needs before the rest. */
export const useCity = defineStore('city', () => {
  const info = shallowRef<CityInfo | null>(null)
  const areas = shallowRef<FeatureCollection | null>(null)
  const waters = shallowRef<FeatureCollection | null>(null)
  const roads = shallowRef<Lines | null>(null)
  const streets = shallowRef<Lines | null>(null)
  const cells = shallowRef<CellColumns | null>(null)
  const sensors = shallowRef<Sensor[]>([])
  const facilities = shallowRef<FacilityColumns | null>(null)
  const roles = shallowRef<RoleLayer['roles'] | null>(null)

  async function begin(): Promise<void> {
    await Promise.all([
      read<CityInfo>('/api/city').then((v) => (info.value = v)),
      layer<FeatureCollection>('areas').then((v) => (areas.value = v)),
      layer<FeatureCollection>('waters').then((v) => (waters.value = v)),
      layer<Lines>('roads').then((v) => (roads.value = v)),
      layer<CellColumns>('cells').then((v) => (cells.value = v)),
      layer<SensorLayer>('sensors').then((v) => (sensors.value = rows(v))),
      layer<RoleLayer>('roles').then((v) => (roles.value = v.roles)),
    ])
    facilities.value = await layer<FacilityColumns>('facilities')
    streets.value = await layer<Lines>('streets')
  }

  const sensorById = computed(() => new Map(sensors.value.map((s) => [s.id, s])))
  const zone = computed(() => info.value?.timezone ?? 'UTC')

  function roleName(id: string, language: string): string {
    const at = roles.value?.role_id.indexOf(id) ?? -1
    if (at < 0 || !roles.value) return id
    const english = roles.value.name_en?.[at]
    return (language === 'en' && english) || roles.value.name[at] || id
  }

  return { info, areas, waters, roads, streets, cells, sensors, facilities, roles, sensorById, zone, roleName, begin }
})

function layer<T>(name: string): Promise<T> {
  return read<T>(`/api/city/layers/${name}`)
}

function rows(layer: SensorLayer): Sensor[] {
  const { sensors, channels, thresholds } = layer
  const made = sensors.sensor_id.map((id, n) => ({
    id,
    name: sensors.name?.[n] || id,
    kind: sensors.kind[n] ?? '',
    lon: sensors.lon[n] ?? 0,
    lat: sensors.lat[n] ?? 0,
    quantities: [] as string[],
    thresholds: [] as Sensor['thresholds'],
  }))
  const byId = new Map(made.map((s) => [s.id, s]))
  channels.sensor_id.forEach((id, n) => byId.get(id)?.quantities.push(channels.quantity[n] ?? ''))
  thresholds.sensor_id.forEach((id, n) =>
    byId.get(id)?.thresholds.push({
      quantity: thresholds.quantity[n] ?? '',
      colour: thresholds.colour[n] ?? '',
      value: thresholds.value[n] ?? 0,
    }),
  )
  return made
}
