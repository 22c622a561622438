import { describe, expect, it } from 'vitest'
import { type FloodForecast, type FloodScore, type FloodSkill, type PronePoint, wishQuery } from '@/api/flood'
import { DEPTH_STOPS, stopOf } from '@/map/water/colours'
import { between, depthScale, depthTable, percents, quantised, wantedOrder } from '@/map/water/frames'
import { mercatorX, mercatorY, vertexMatrix, waterMesh } from '@/map/water/mesh'
import { type Marks, wetBuildings, wetPlaces, wetRoads } from '@/map/water/wet'
import { layerOf, nearest, sameInstant, worstLead } from '@/stores/flood'
import { chosenPoints, signedPercent } from '@/views/flood/prone'
import { gainOverPersistence, pooledCsi, pooledReliability } from '@/views/flood/skill'

describe('frames', () => {
  it('keep a centimetre at a kerb and metres in an underpass in eight bits', () => {
    const scale = depthScale(3.2)
    const table = depthTable(scale)
    const shown = (mm: number) => ((table[mm] as number) / 255) ** 2 * scale
    expect(Math.abs(shown(150) - 0.15)).toBeLessThan(0.006)
    expect(Math.abs(shown(3000) - 3)).toBeLessThan(0.03)
    expect(table[0]).toBe(0)
    expect([...quantised(new Uint16Array([0, 150, 65535]), scale)]).toEqual([0, table[150], 255])
  })

  it('spread percents over eight bits', () => {
    expect([...percents(new Uint8Array([0, 50, 100]))]).toEqual([0, 127, 255])
  })

  it('blend between the lead times around an instant, and stand still outside them', () => {
    expect(between([0, 10, 30], 20)).toEqual({ first: 1, second: 2, part: 0.5 })
    expect(between([0, 10, 30], 10)).toEqual({ first: 0, second: 1, part: 1 })
    expect(between([0, 10, 30], -5)).toEqual({ first: 0, second: 0, part: 0 })
    expect(between([0, 10, 30], 99)).toEqual({ first: 2, second: 2, part: 0 })
    expect(between([], 5)).toEqual({ first: 0, second: 0, part: 0 })
  })

  it('are asked for in the order in which they will be seen', () => {
    expect(wantedOrder(5, 2)).toEqual([2, 3, 4, 1, 0])
    expect(wantedOrder(3, 0)).toEqual([0, 1, 2])
  })
})

const grid = {
  ny: 2, nx: 2, cell_m: 10, corners: [] as [number, number][], reduce: 1, frame_rows: 2, frame_columns: 2,
  mesh_rows: 2, mesh_columns: 2, mesh_lon: [10, 10.1, 10, 10.1], mesh_lat: [50, 50, 50.1, 50.1],
}

describe('mesh', () => {
  it('lays the raster where its corners are, south at v = 0', () => {
    const mesh = waterMesh(grid, 3)
    expect(mesh.vertices.length).toBe(4 * 4 * 4)
    const corner = (n: number) => [...mesh.vertices.slice(4 * n, 4 * n + 4)]
    const place = (n: number) => [mesh.origin[0] + (corner(n)[0] as number) * mesh.scale, mesh.origin[1] + (corner(n)[1] as number) * mesh.scale]
    expect(corner(0).slice(2)).toEqual([0, 0])
    expect(corner(15).slice(2)).toEqual([1, 1])
    expect(place(0)[0]).toBeCloseTo(mercatorX(10), 9)
    expect(place(0)[1]).toBeCloseTo(mercatorY(50), 9)
    expect(place(15)[1]).toBeCloseTo(mercatorY(50.1), 9)
    expect(Math.max(...mesh.triangles)).toBe(15)
  })

  it('moves to its origin in double precision: a centimetre survives', () => {
    const main = new Float64Array([4e6, 0, 0, 0, 0, 4e6, 0, 0, 0, 0, 1, 0, -2.1e6, -1.4e6, 0, 1])
    const made = vertexMatrix(main, [0.525000001, 0.35], 1e-4)
    expect(made[12]).toBeCloseTo(0.004, 6)
    expect(made[0]).toBeCloseTo(400, 3)
  })
})

describe('colours', () => {
  it('begin at the first stop', () => {
    expect(stopOf(DEPTH_STOPS, 0.01)).toBeNull()
    expect(stopOf(DEPTH_STOPS, 0.3)?.from).toBe(0.3)
    expect(stopOf(DEPTH_STOPS, 9)?.from).toBe(1.2)
  })
})

const marks: Marks = {
  type: 'FeatureCollection',
  lead_min: [0, 10],
  features: [
    { type: 'Feature', geometry: { type: 'LineString', coordinates: [[0, 0], [1, 1]] }, properties: { kind: 'road_link', group: 'underpass', object_id: '7', name: '路1', lon: 1, lat: 2, depth_by_lead_m: [0, 0.4] } },
    { type: 'Feature', geometry: { type: 'LineString', coordinates: [[1, 1], [0, 0]] }, properties: { kind: 'road_link', group: 'underpass', object_id: '8', name: '路1', lon: 1, lat: 2, depth_by_lead_m: [0, 0.4] } },
    { type: 'Feature', geometry: { type: 'Point', coordinates: [3, 4] }, properties: { kind: 'building', group: 'building', object_id: 'b1', lon: 3, lat: 4, depth_by_lead_m: [0.1, 0.2] } },
  ],
}

describe('what stands in the water', () => {
  it('becomes roads with a depth per lead time, buildings by id, and one badge for both directions', () => {
    expect(wetRoads(marks).features[0]?.properties).toMatchObject({ d0: 0, d1: 0.4 })
    expect(wetBuildings(marks).get('b1')).toEqual([0.1, 0.2])
    const option = { option_id: 'o', kind: 'gate', detail: 'x', name: '', lon: 5, lat: 6, avoided_residents: 1, avoided_underpasses: 0, avoided_area_km2: 0, lowered_m: 0 }
    const places = wetPlaces(marks, [option, { ...option, kind: 'none' }], (group) => `badge-${group}`)
    expect(places.features.map((f) => f.properties?.icon)).toEqual(['badge-underpass', 'badge-advice'])
  })

  it('is asked for in plain query text', () => {
    expect(wishQuery({ threshold_m: 0.3, min_prob: 0.5, lead_min: null, group: ['road', 'metro'], text: '路 1' }, { limit: 5 })).toBe(
      'threshold_m=0.3&min_prob=0.5&group=road&group=metro&text=%E8%B7%AF+1&limit=5',
    )
  })
})

function forecast(based: string, residents: number[]): FloodForecast {
  const totals = residents.map((n, k) => ({ lead_min: 10 * k, area_km2: n, residents: n, buildings: 0, road_km: 0, underpasses: 0, facilities: {} }))
  return { based_at: based, lead_min: totals.map((t) => t.lead_min), totals } as unknown as FloodForecast
}

describe('time', () => {
  it('opens at the worst lead time', () => {
    expect(worstLead(forecast('2026-06-12T06:00:00Z', [0, 5, 9, 9]))).toBe(20)
    expect(worstLead({ ...forecast('2026-06-12T06:00:00Z', []), lead_min: [0] })).toBe(0)
  })

  it('compares two forecasts at the same instant, or the same lead where their times do not meet', () => {
    const early = forecast('2026-06-12T06:00:00Z', [1, 1, 1, 1, 1])
    const late = forecast('2026-06-12T06:20:00Z', [1, 1, 1, 1, 1])
    expect(sameInstant(10, late, early)).toBe(30)
    expect(sameInstant(10, early, late)).toBe(10)
    expect(sameInstant(30, late, early)).toBe(30)
  })

  it('names layers and finds the nearest lead', () => {
    expect(layerOf('depth', 0.3)).toBe('depth_mm')
    expect(layerOf('probability', 1.2)).toBe('percent_1200')
    expect(nearest([0, 10, 20], 14)).toBe(10)
  })
})

describe('skill', () => {
  const score = (lead: number, hits: number, misses: number, alarms: number): FloodScore => ({
    lead_min: lead, threshold_m: 0.15, hits, misses, false_alarms: alarms, correct_negatives: 9,
    pod: null, far: null, csi: null, brier: null, reliability: [[0.1, 0.2, 30], [0.9, 0.8, 10]],
  })

  it('is pooled from counts, not from ratios', () => {
    expect(pooledCsi([score(30, 8, 1, 1), score(60, 2, 4, 4)], 0.15)).toBe(0.5)
    expect(pooledCsi([score(30, 0, 0, 0)], 0.15)).toBeNull()
    expect(pooledCsi([], 0.15)).toBeNull()
  })

  it('is set beside persistence', () => {
    const skill = { crps_m: 0.03, persistence_crps_m: 0.06 } as FloodSkill
    expect(gainOverPersistence(skill)).toBeCloseTo(0.5)
    expect(gainOverPersistence({ ...skill, persistence_crps_m: null })).toBeNull()
    expect(gainOverPersistence(null)).toBeNull()
  })

  it('joins reliability bins by their weight', () => {
    const dots = pooledReliability([score(30, 1, 1, 1), { ...score(60, 1, 1, 1), reliability: [[0.1, 0.6, 10], [0.5, 0.5, 0]] }])
    expect(dots).toHaveLength(2)
    expect(dots[0]?.observed).toBeCloseTo(0.3)
  })
})

describe('flood-prone points', () => {
  const point = (point_id: string, more: Partial<PronePoint>) =>
    ({ point_id, overdue: false, planned_on: null, sensor_id: 's', depth_m: 0, warning_m: 0.15, warning_prob: null, ...more }) as PronePoint
  const points = [
    point('a', { overdue: true, planned_on: '2026-06-30' }),
    point('b', { warning_prob: 0.9 }),
    point('c', { depth_m: 0.3 }),
    point('d', { sensor_id: null, depth_m: null, overdue: true, planned_on: '2025-12-31' }),
  ]
  const ids = (choice: 'every' | 'late' | 'gap') => chosenPoints(points, choice).map((p) => p.point_id).join('')

  it('stand with water first, then what is expected, then what is late', () => {
    expect(ids('every')).toBe('cbad')
  })

  it('that are late come longest overdue first, and gaps are those nobody watches', () => {
    expect(ids('late')).toBe('da')
    expect(ids('gap')).toBe('d')
  })

  it('change by a signed percentage', () => {
    expect([-0.4, 0, 0.123].map(signedPercent)).toEqual(['−40', '0', '+12'])
  })
})
