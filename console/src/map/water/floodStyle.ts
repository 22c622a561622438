import type { FeatureCollection } from 'geojson'
import type { ExpressionSpecification, LayerSpecification, StyleSpecification } from 'maplibre-gl'
import { groundStyle } from '@/map/style'
import { css, DEPTH_STOPS } from './colours'

const none: FeatureCollection = { type: 'FeatureCollection', features: [] }

/** Below this layer the water is laid. */
export const ABOVE_WATER = 'footprints'

/** Roads in the water by what it means for wheels: passable with care, cars stop, everything stops. */
export const ROAD_STOPS: [number, string][] = [
  [0.15, '#ffe9a8'],
  [0.3, '#ffab5e'],
  [0.6, '#ff5c6c'],
]

/** Ground of the flood map: that of the operations map without risk, with buildings, what stands in water, and advice. */
export function floodStyle(): StyleSpecification {
  const base = groundStyle()
  const empty = { type: 'geojson' as const, data: none }
  return {
    ...base,
    light: { anchor: 'viewport', color: '#dbe9f7', intensity: 0.35, position: [1.3, 210, 40] },
    sources: {
      ...base.sources,
      buildings: { ...empty, promoteId: 'id', tolerance: 0.2 },
      wet: { ...empty, tolerance: 0.2 },
      places: empty,
      needs: empty,
    },
    layers: [...base.layers.filter((l) => l.id !== 'risk').flatMap((l) => (l.id === 'districts' ? [needs, footprints, l] : [l])), ...marks()],
  }
}

/** Cells by how much of an item they need; `share` is that of the neediest cell. */
const needs: LayerSpecification = {
  id: 'needs',
  type: 'fill',
  source: 'needs',
  paint: { 'fill-color': '#ffffff', 'fill-antialias': false, 'fill-opacity': ['interpolate', ['linear'], ['get', 'share'], 0, 0.06, 1, 0.62] },
}

const footprints: LayerSpecification = {
  id: 'footprints',
  type: 'fill',
  source: 'buildings',
  minzoom: 13,
  paint: { 'fill-color': '#3b4f64', 'fill-antialias': false, 'fill-opacity': ['interpolate', ['linear'], ['zoom'], 13, 0.3, 15, 0.9] },
}

function marks(): LayerSpecification[] {
  const wide: ExpressionSpecification = ['interpolate', ['linear'], ['zoom'], 10, 1.2, 13, 2.2, 16, 5]
  return [
    { id: 'wet-roads', type: 'line', source: 'wet', layout: { 'line-cap': 'round' }, filter: ['==', ['get', 'kind'], 'road_link'], paint: { 'line-width': wide, 'line-color': roadColour(0), 'line-opacity': 0.95 } },
    {
      id: 'extrusions',
      type: 'fill-extrusion',
      source: 'buildings',
      layout: { visibility: 'none' },
      paint: {
        'fill-extrusion-color': buildingColour(),
        'fill-extrusion-height': ['get', 'height'],
        'fill-extrusion-opacity': 0.96,
        'fill-extrusion-vertical-gradient': true,
      },
    },
    {
      id: 'wet-places',
      type: 'symbol',
      source: 'places',
      layout: {
        'icon-image': ['get', 'icon'],
        'icon-allow-overlap': true,
        'icon-size': ['interpolate', ['linear'], ['zoom'], 10, 0.62, 14, 1],
        'symbol-sort-key': ['get', 'rank'],
      },
    },
  ]
}

/** Colour of a road by its depth at a lead time, the property `d<index of the lead>`; unseen below a kerb. */
export function roadColour(index: number): ExpressionSpecification {
  const depth: ExpressionSpecification = ['coalesce', ['get', `d${index}`], 0]
  return ['step', depth, 'rgba(0,0,0,0)', ...ROAD_STOPS.flat()] as unknown as ExpressionSpecification
}

/** Colour of a building by the water at its wall. */
export function buildingColour(): ExpressionSpecification {
  const depth: ExpressionSpecification = ['coalesce', ['feature-state', 'depth'], 0]
  const stops = DEPTH_STOPS.slice(1).flatMap((stop) => [stop.from, css(stop, 1)])
  return ['step', depth, '#8496a8', ...stops] as unknown as ExpressionSpecification
}
