import { describe, expect, it } from 'vitest'
import type { Unit } from '@/api/types'
import { roadFeatures, unfold } from '@/map/lines'
import { along, unitPosition } from '@/map/motion'

describe('lines', () => {
  it('unfold from a first point and differences', () => {
    expect(unfold([100000, 200000, 1, 3], 100000)).toEqual([
      [1, 2],
      [1.00001, 2.00003],
    ])
  })

  it('make one feature per road class', () => {
    const made = roadFeatures({ scale: 1, classes: { primary: [[0, 0, 1, 1]], tertiary: [[0, 0, 2, 0]] } })
    expect(made.features.map((feature) => feature.properties?.road_class)).toEqual(['primary', 'tertiary'])
  })
})

const unit: Unit = {
  unit_id: 'u1',
  name: 'u1',
  kind: 'ambulance',
  skills: [],
  state: 'en_route',
  lon: 9,
  lat: 9,
  need_id: 'n1',
  route: [
    [0, 0],
    [2, 0],
    [2, 2],
  ],
  departed_at: '2026-06-12T06:00:00Z',
  arrive_at: '2026-06-12T06:20:00Z',
  why: '',
}

describe('units', () => {
  it('are where their elapsed time puts them on the way', () => {
    const at = (minute: number) => unitPosition(unit, Date.parse('2026-06-12T06:00:00Z') + minute * 60_000)
    expect(at(-5)).toEqual([0, 0])
    expect(at(5)[0]).toBeCloseTo(1, 2)
    expect(at(30)).toEqual([2, 2])
  })

  it('stand where the ledger says when they do not travel', () => {
    expect(unitPosition({ ...unit, state: 'on_scene' }, 0)).toEqual([9, 9])
  })

  it('take a way of no length without dividing by it', () => {
    expect(along([[1, 1], [1, 1]], 0.5)).toEqual([1, 1])
  })
})
