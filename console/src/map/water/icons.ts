import type { Map as MapLibreMap } from 'maplibre-gl'

/** Ground of each badge; groups share the colours of the list. */
export const GROUP_COLOUR: Record<string, string> = {
  underpass: '#ff7a59',
  health: '#ff6fa8',
  care: '#ff9fce',
  school: '#ffd166',
  utility: '#ffe45e',
  metro: '#9ad0ff',
  shelter: '#8ce3a4',
  other_facility: '#c3b5ff',
  advice: '#4aa8ff',
}

const SIZE = 26
const RATIO = 2

/** Draws a round badge with one letter: the map has no fonts of its own, and needs none from outside. */
export function addBadge(map: MapLibreMap, group: string, glyph: string): string {
  const name = `badge-${group}-${glyph}`
  if (map.hasImage(name)) return name
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = SIZE * RATIO
  const pen = canvas.getContext('2d')
  if (!pen) return name
  pen.scale(RATIO, RATIO)
  pen.beginPath()
  pen.arc(SIZE / 2, SIZE / 2, SIZE / 2 - 2, 0, 2 * Math.PI)
  pen.fillStyle = GROUP_COLOUR[group] ?? '#c3b5ff'
  pen.fill()
  pen.lineWidth = 2
  pen.strokeStyle = '#0b1118'
  pen.stroke()
  pen.fillStyle = '#0b1118'
  pen.font = `700 ${SIZE * 0.5}px "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif`
  pen.textAlign = 'center'
  pen.textBaseline = 'middle'
  pen.fillText(glyph, SIZE / 2, SIZE / 2 + 1)
  map.addImage(name, pen.getImageData(0, 0, canvas.width, canvas.height), { pixelRatio: RATIO })
  return name
}
