import type { Layer } from '@deck.gl/core'
import { PathLayer, PolygonLayer, ScatterplotLayer, TextLayer } from '@deck.gl/layers'
import type { ChannelHealth, Closure, FacilityColumns, Latest, Need, Point, Report, Unit, Warning } from '@/api/types'
import { COLOUR_HEX, rank, rankRgb, type Rgb, rgb } from '@/format/colours'
import type { Sensor } from '@/stores/city'
import { unitPosition } from './motion'

const CHARACTERS = 'Noto Sans CJK SC, Noto Sans SC, PingFang SC, Microsoft YaHei, sans-serif'
const GROUND: Rgb = [11, 17, 24]

export function warningLayer(data: Warning[], chosen: string): Layer {
  const shapes = data.flatMap((w) => w.polygon.map((ring) => ({ kind: 'warning' as const, warning: w, ring })))
  shapes.sort((a, b) => rank(a.warning.colour) - rank(b.warning.colour))
  return new PolygonLayer<(typeof shapes)[number]>({
    id: 'warnings',
    data: shapes,
    pickable: false,
    filled: false,
    stroked: true,
    getPolygon: (d) => d.ring,
    getLineColor: (d) => [...rankRgb(rank(d.warning.colour)), d.warning.warning_id === chosen ? 255 : 190],
    getLineWidth: (d) => (d.warning.warning_id === chosen ? 3.5 : 2),
    lineWidthUnits: 'pixels',
    updateTriggers: { getLineColor: chosen, getLineWidth: chosen },
  })
}

export interface SensorMark {
  kind: 'sensor'
  sensor: Sensor
  position: Point
  colour: Rgb
  state: 'normal' | 'silent' | 'doubted'
  level: string
  latest: Latest[]
  health: ChannelHealth[]
}

const HEALTHY: Rgb = [84, 205, 160]
const SILENT: Rgb = [132, 146, 160]

export function sensorMarks(sensors: Sensor[], latest: Latest[], health: ChannelHealth[]): SensorMark[] {
  const last = bySensor(latest)
  const unwell = bySensor(health)
  return sensors.map((sensor) => {
    const readings = last.get(sensor.id) ?? []
    const faults = unwell.get(sensor.id) ?? []
    const silent = faults.some((h) => h.silent_since)
    const state = silent ? 'silent' : faults.length ? 'doubted' : 'normal'
    const level = readings.map((r) => r.colour).sort((a, b) => rank(b) - rank(a))[0] ?? ''
    const colour = silent ? SILENT : level ? rgb(COLOUR_HEX[level]) : HEALTHY
    return { kind: 'sensor', sensor, position: [sensor.lon, sensor.lat], colour, state, level, latest: readings, health: faults }
  })
}

function bySensor<T extends { sensor_id: string }>(rows: T[]): Map<string, T[]> {
  const found = new Map<string, T[]>()
  for (const row of rows) {
    const listed = found.get(row.sensor_id)
    if (listed) listed.push(row)
    else found.set(row.sensor_id, [row])
  }
  return found
}

const gauge = (d: SensorMark) => d.sensor.kind === 'river_gauge'

export function sensorLayer(data: SensorMark[], zoom: number): Layer {
  const near = zoom >= 12.5
  return new ScatterplotLayer<SensorMark>({
      id: 'sensors',
      data,
      pickable: true,
      radiusUnits: 'pixels',
      lineWidthUnits: 'pixels',
      stroked: true,
      getPosition: (d) => d.position,
      getRadius: (d) => (gauge(d) ? 7 : d.level || d.state !== 'normal' ? 5 : near ? 3.5 : 2.5),
      getFillColor: (d) => (d.state === 'normal' ? [...d.colour, 235] : [...GROUND, 230]),
      getLineColor: (d) => (d.state === 'doubted' ? [255, 143, 51, 255] : d.state === 'silent' ? [...SILENT, 255] : [...GROUND, 220]),
      getLineWidth: (d) => (d.state !== 'normal' ? 2 : gauge(d) || d.level ? 1.5 : 0),
      updateTriggers: { getRadius: near },
  })
}

/** What the river gauges read, above everything else on the map. */
export function stageLayer(data: SensorMark[]): Layer {
  return new TextLayer<SensorMark>({
      id: 'stages',
      data: data.filter((d) => gauge(d) && d.latest.some((l) => l.quantity === 'stage_m')),
      getPosition: (d) => d.position,
      getText: (d) => `${d.latest.find((l) => l.quantity === 'stage_m')?.value.toFixed(2) ?? ''} m`,
      getSize: 12,
      getColor: [235, 243, 250, 255],
      getPixelOffset: [0, -17],
      background: true,
      getBackgroundColor: [11, 17, 24, 215],
      backgroundPadding: [5, 2],
      fontFamily: CHARACTERS,
      fontWeight: 600,
  })
}

export function closureLayers(data: Closure[]): Layer[] {
  return [
    new PathLayer<Closure>({
      id: 'closures',
      data: data.filter((d) => d.line.length > 1),
      pickable: true,
      getPath: (d) => d.line,
      getColor: [255, 70, 80, 240],
      getWidth: 4,
      widthUnits: 'pixels',
      capRounded: true,
    }),
    new ScatterplotLayer<Closure>({
      id: 'closure-signs',
      data,
      pickable: true,
      getPosition: (d) => [d.lon, d.lat],
      radiusUnits: 'pixels',
      lineWidthUnits: 'pixels',
      getRadius: 6,
      stroked: true,
      getFillColor: [214, 40, 52, 255],
      getLineColor: [255, 255, 255, 255],
      getLineWidth: 1.2,
    }),
    new TextLayer<Closure>({
      id: 'closure-bars',
      data,
      getPosition: (d) => [d.lon, d.lat],
      getText: () => '–',
      getSize: 15,
      getColor: [255, 255, 255, 255],
      fontWeight: 900,
      characterSet: ['–'],
    }),
  ]
}

export const UNIT_STATE: Record<Unit['state'], Rgb> = {
  available: [70, 96, 122],
  en_route: [74, 168, 255],
  on_scene: [63, 191, 138],
}

export interface UnitMark {
  kind: 'unit'
  unit: Unit
  position: Point
}

export function unitMarks(units: Unit[], now: number): UnitMark[] {
  return units.map((unit) => ({ kind: 'unit', unit, position: unitPosition(unit, now) }))
}

export function unitLayers(data: UnitMark[], glyph: (kind: string) => string, zoom: number, glyphs: string): Layer[] {
  const out = data.filter((d) => d.unit.state !== 'available')
  const home = data.filter((d) => d.unit.state === 'available')
  const near = zoom >= 12
  return [
    new PathLayer<UnitMark>({
      id: 'routes',
      data: out.filter((d) => d.unit.route.length > 1),
      getPath: (d) => d.unit.route,
      getColor: [74, 168, 255, 120],
      getWidth: 2,
      widthUnits: 'pixels',
    }),
    new ScatterplotLayer<UnitMark>({
      id: 'units-home',
      data: home,
      pickable: true,
      radiusUnits: 'pixels',
      getPosition: (d) => d.position,
      getRadius: near ? 5 : 3,
      getFillColor: [...UNIT_STATE.available, 230],
      stroked: true,
      lineWidthUnits: 'pixels',
      getLineColor: [150, 176, 200, 200],
      getLineWidth: 1,
      updateTriggers: { getRadius: near },
    }),
    new ScatterplotLayer<UnitMark>({
      id: 'units',
      data: out,
      pickable: true,
      radiusUnits: 'pixels',
      getPosition: (d) => d.position,
      getRadius: 9,
      getFillColor: (d) => [...UNIT_STATE[d.unit.state], 255],
      stroked: true,
      lineWidthUnits: 'pixels',
      getLineColor: [240, 247, 255, 255],
      getLineWidth: 1.5,
    }),
    new TextLayer<UnitMark>({
      id: 'unit-glyphs',
      data: out,
      getPosition: (d) => d.position,
      getText: (d) => glyph(d.unit.kind),
      getSize: 12,
      getColor: [8, 18, 28, 255],
      fontFamily: CHARACTERS,
      fontWeight: 700,
      characterSet: [...new Set(glyphs)],
      updateTriggers: { getText: glyphs },
    }),
  ]
}

export function needLayers(data: Need[]): Layer[] {
  const open = data.filter((d) => d.state !== 'met' && d.state !== 'withdrawn')
  const colour = (d: Need): Rgb => (d.priority === 1 ? [242, 71, 79] : [255, 176, 77])
  return [
    new ScatterplotLayer<Need>({
      id: 'need-halos',
      data: open.filter((d) => d.state === 'open'),
      radiusUnits: 'pixels',
      getPosition: (d) => [d.lon, d.lat],
      getRadius: 13,
      getFillColor: (d) => [...colour(d), 60],
    }),
    new ScatterplotLayer<Need>({
      id: 'needs',
      data: open,
      pickable: true,
      radiusUnits: 'pixels',
      lineWidthUnits: 'pixels',
      getPosition: (d) => [d.lon, d.lat],
      getRadius: 6,
      getFillColor: (d) => [...colour(d), 255],
      stroked: true,
      getLineColor: [11, 17, 24, 255],
      getLineWidth: 2,
    }),
  ]
}

export interface FacilityMark {
  kind: 'facility'
  facility: string
  name: string
  capacity: number | null
  position: Point
}

export function facilityMarks(columns: FacilityColumns | null): FacilityMark[] {
  if (!columns) return []
  return columns.facility_id.map((id, n) => ({
    kind: 'facility',
    facility: columns.kind[n] ?? 'other',
    name: columns.name?.[n] || id,
    capacity: columns.capacity?.[n] ?? null,
    position: [columns.lon[n] ?? 0, columns.lat[n] ?? 0],
  }))
}

export function facilityLayer(data: FacilityMark[]): Layer {
  return new ScatterplotLayer<FacilityMark>({
    id: 'facilities',
    data,
    pickable: true,
    radiusUnits: 'pixels',
    lineWidthUnits: 'pixels',
    getPosition: (d) => d.position,
    getRadius: 4,
    getFillColor: (d) => (/hospital|clinic/.test(d.facility) ? [235, 122, 180, 255] : [190, 150, 255, 255]),
    stroked: true,
    getLineColor: [11, 17, 24, 255],
    getLineWidth: 1,
  })
}

export function reportLayer(data: Report[]): Layer {
  return new ScatterplotLayer<Report>({
    id: 'reports',
    data,
    pickable: true,
    radiusUnits: 'pixels',
    getPosition: (d) => [d.lon, d.lat],
    getRadius: 4,
    getFillColor: [120, 214, 255, 220],
  })
}
