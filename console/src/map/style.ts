import type { FeatureCollection } from 'geojson'
import type { StyleSpecification } from 'maplibre-gl'
import { COLOUR_HEX } from '@/format/colours'

const none: FeatureCollection = { type: 'FeatureCollection', features: [] }

const WIDE = ['motorway', 'trunk', 'primary', 'motorway_link', 'trunk_link', 'primary_link']

/**
 * The ground of the map: areas, water, streets and roads of the city package. No tiles, no outside address.
 *
 * Fills without smoothed edges and lines without dashes share two shader programs; each further one costs a
 * machine without a graphics card a quarter of a second at the start.
 */
export function groundStyle(): StyleSpecification {
  const source = { type: 'geojson' as const, data: none, tolerance: 0.3 }
  return {
    version: 8,
    sources: { areas: source, waters: source, risk: source, streets: source, roads: source },
    layers: [
      { id: 'ground', type: 'background', paint: { 'background-color': '#0c131b' } },
      {
        id: 'city',
        type: 'fill',
        source: 'areas',
        filter: ['==', ['get', 'kind'], 'city'],
        paint: { 'fill-color': '#121c27', 'fill-antialias': false },
      },
      {
        id: 'water',
        type: 'fill',
        source: 'waters',
        filter: ['match', ['geometry-type'], ['Polygon', 'MultiPolygon'], true, false],
        paint: { 'fill-color': '#173a57', 'fill-antialias': false },
      },
      {
        id: 'shore',
        type: 'line',
        source: 'waters',
        filter: ['match', ['geometry-type'], ['Polygon', 'MultiPolygon'], true, false],
        paint: { 'line-color': '#21527a', 'line-width': 1 },
      },
      {
        id: 'stream',
        type: 'line',
        source: 'waters',
        filter: ['match', ['geometry-type'], ['LineString', 'MultiLineString'], true, false],
        paint: {
          'line-color': '#1d4a6e',
          'line-width': ['interpolate', ['linear'], ['zoom'], 9, ['match', ['get', 'kind'], 'river', 1.6, 0.5], 15, ['match', ['get', 'kind'], 'river', 9, 3]],
        },
      },
      {
        id: 'risk',
        type: 'fill',
        source: 'risk',
        paint: {
          'fill-color': ['match', ['get', 'colour'], 1, COLOUR_HEX.blue, 2, COLOUR_HEX.yellow, 3, COLOUR_HEX.orange, 4, COLOUR_HEX.red, '#7890a8'],
          'fill-opacity': ['match', ['get', 'colour'], 1, 0.34, 2, 0.42, 3, 0.5, 4, 0.58, 0.1],
          'fill-antialias': false,
        },
      },
      {
        id: 'streets',
        type: 'line',
        source: 'streets',
        minzoom: 11.5,
        paint: {
          'line-color': '#223140',
          'line-width': ['interpolate', ['linear'], ['zoom'], 11.5, 0.3, 14, 1, 17, 5],
        },
      },
      {
        id: 'roads',
        type: 'line',
        source: 'roads',
        filter: ['!', ['in', ['get', 'road_class'], ['literal', WIDE]]],
        layout: { 'line-cap': 'round' },
        paint: {
          'line-color': '#2f4256',
          'line-width': ['interpolate', ['linear'], ['zoom'], 9, 0.5, 13, 1.4, 17, 8],
        },
      },
      {
        id: 'arteries',
        type: 'line',
        source: 'roads',
        filter: ['in', ['get', 'road_class'], ['literal', WIDE]],
        layout: { 'line-cap': 'round' },
        paint: {
          'line-color': '#456079',
          'line-width': ['interpolate', ['linear'], ['zoom'], 9, 0.9, 13, 2.2, 17, 11],
        },
      },
      {
        id: 'districts',
        type: 'line',
        source: 'areas',
        filter: ['in', ['get', 'kind'], ['literal', ['city', 'district']]],
        paint: {
          'line-color': '#62809c',
          'line-width': ['match', ['get', 'kind'], 'city', 1.6, 1],
          'line-opacity': 0.55,
        },
      },
    ],
  }
}
