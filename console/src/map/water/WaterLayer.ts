import type { CustomLayerInterface, CustomRenderMethodInput, Map as MapLibreMap } from 'maplibre-gl'
import type { FloodGrid } from '@/api/flood'
import { vertexMatrix, waterMesh, type WaterMesh } from './mesh'
import { FRAGMENT, VERTEX } from './shaders'

export interface WaterScene {
  grid: FloodGrid
  frames: number
  /** Depth in metres that the largest 8-bit value stands for. */
  scale: number
  percent: boolean
}

/** What drawing cost: processor time per drawn frame and per uploaded raster, milliseconds. */
export interface WaterCost {
  drawn: number
  drawMs: number
  uploads: number
  uploadMs: number
}

const UNIFORMS = ['u_matrix', 'u_frames', 'u_between', 'u_lift', 'u_scale', 'u_opacity', 'u_percent'] as const
const FLAT = 4
const RELIEF_VERTICES = 160

/**
 * Water over the map: all rasters of a forecast lie as layers of one 8-bit texture on the graphics card, so that moving
 * through time uploads nothing; the fragment shader blends two of them and colours the result.
 */
export class WaterLayer implements CustomLayerInterface {
  readonly id: string
  readonly type = 'custom' as const
  readonly renderingMode = '3d' as const
  readonly cost: WaterCost = { drawn: 0, drawMs: 0, uploads: 0, uploadMs: 0 }

  private map: MapLibreMap | null = null
  private program: WebGLProgram | null = null
  private places = new Map<string, WebGLUniformLocation | null>()
  private texture: WebGLTexture | null = null
  private array: WebGLVertexArrayObject | null = null
  private buffers: WebGLBuffer[] = []
  private mesh: WaterMesh | null = null
  private scene: WaterScene | null = null
  private pending: { index: number; bytes: Uint8Array }[] = []
  private fresh = false
  private relief = false
  private ready = new Set<number>()
  private at = { first: 0, second: 0, part: 0 }
  private opacity = 1

  constructor(id: string) {
    this.id = id
  }

  /** Takes the grid of another forecast or layer; frames follow by {@link setFrame}. */
  setScene(scene: WaterScene | null): void {
    this.scene = scene
    this.pending = []
    this.ready.clear()
    this.fresh = true
    this.map?.triggerRepaint()
  }

  /** Hands one raster over; it goes to the graphics card at the next drawing. */
  setFrame(index: number, bytes: Uint8Array): void {
    this.pending.push({ index, bytes })
    this.map?.triggerRepaint()
  }

  setTime(at: { first: number; second: number; part: number }): void {
    this.at = at
    this.map?.triggerRepaint()
  }

  setLook(look: { relief: boolean; opacity: number }): void {
    if (look.relief !== this.relief) this.fresh = true
    this.relief = look.relief
    this.opacity = look.opacity
    this.map?.triggerRepaint()
  }

  onAdd(map: MapLibreMap, gl: WebGL2RenderingContext): void {
    this.map = map
    this.program = linked(gl)
    for (const name of UNIFORMS) this.places.set(name, gl.getUniformLocation(this.program, name))
  }

  onRemove(_map: MapLibreMap, gl: WebGL2RenderingContext): void {
    this.release(gl)
    gl.deleteTexture(this.texture)
    gl.deleteProgram(this.program)
    this.map = null
  }

  render(gl: WebGL2RenderingContext, input: CustomRenderMethodInput): void {
    if (!this.scene || !this.program) return
    const begun = performance.now()
    if (this.fresh) this.prepare(gl, this.scene)
    this.upload(gl, this.scene)
    if (this.mesh && this.ready.size) {
      this.draw(gl, input, this.scene, this.mesh)
      this.cost.drawn++
      this.cost.drawMs += performance.now() - begun
    }
  }

  private prepare(gl: WebGL2RenderingContext, scene: WaterScene): void {
    this.fresh = false
    this.release(gl)
    const patches = Math.max(scene.grid.mesh_rows, scene.grid.mesh_columns) - 1
    this.mesh = waterMesh(scene.grid, this.relief ? Math.max(FLAT, Math.ceil(RELIEF_VERTICES / patches)) : FLAT)
    this.array = gl.createVertexArray()
    gl.bindVertexArray(this.array)
    const place = gl.getAttribLocation(this.program as WebGLProgram, 'a_vertex')
    const vertices = gl.createBuffer()
    gl.bindBuffer(gl.ARRAY_BUFFER, vertices)
    gl.bufferData(gl.ARRAY_BUFFER, this.mesh.vertices, gl.STATIC_DRAW)
    gl.enableVertexAttribArray(place)
    gl.vertexAttribPointer(place, 4, gl.FLOAT, false, 0, 0)
    const triangles = gl.createBuffer()
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, triangles)
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, this.mesh.triangles, gl.STATIC_DRAW)
    gl.bindVertexArray(null)
    this.buffers = [vertices, triangles]
    if (!this.ready.size) this.allocate(gl, scene)
  }

  private allocate(gl: WebGL2RenderingContext, scene: WaterScene): void {
    gl.deleteTexture(this.texture)
    this.texture = gl.createTexture()
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.texture)
    gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, gl.R8, scene.grid.frame_columns, scene.grid.frame_rows, scene.frames)
    for (const edge of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D_ARRAY, edge, gl.CLAMP_TO_EDGE)
    for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D_ARRAY, filter, gl.LINEAR)
  }

  private upload(gl: WebGL2RenderingContext, scene: WaterScene): void {
    if (!this.pending.length) return
    const begun = performance.now()
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.texture)
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1)
    gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false)
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false)
    for (const { index, bytes } of this.pending) {
      const { frame_columns: wide, frame_rows: tall } = scene.grid
      gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, 0, 0, 0, index, wide, tall, 1, gl.RED, gl.UNSIGNED_BYTE, bytes)
      this.ready.add(index)
      this.cost.uploads++
    }
    this.pending = []
    this.cost.uploadMs += performance.now() - begun
  }

  private draw(gl: WebGL2RenderingContext, input: CustomRenderMethodInput, scene: WaterScene, mesh: WaterMesh): void {
    const { first, second, part } = this.shown()
    gl.useProgram(this.program)
    gl.activeTexture(gl.TEXTURE0)
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.texture)
    const matrix = vertexMatrix(input.defaultProjectionData.mainMatrix as ArrayLike<number>, mesh.origin, mesh.scale)
    gl.uniformMatrix4fv(this.place('u_matrix'), false, matrix)
    gl.uniform1i(this.place('u_frames'), 0)
    gl.uniform3f(this.place('u_between'), first, second, part)
    gl.uniform1f(this.place('u_lift'), this.relief && !scene.percent ? mesh.metre : 0)
    gl.uniform1f(this.place('u_scale'), scene.scale)
    gl.uniform1f(this.place('u_opacity'), this.opacity)
    gl.uniform1i(this.place('u_percent'), scene.percent ? 1 : 0)
    gl.bindVertexArray(this.array)
    gl.drawElements(gl.TRIANGLES, mesh.triangles.length, gl.UNSIGNED_INT, 0)
    gl.bindVertexArray(null)
  }

  /** The two frames to blend; while one is still on its way the other stands alone. */
  private shown(): { first: number; second: number; part: number } {
    const { first, second, part } = this.at
    if (this.ready.has(first) && this.ready.has(second)) return this.at
    const only = this.ready.has(first) ? first : this.ready.has(second) ? second : nearest(this.ready, first + part)
    return { first: only, second: only, part: 0 }
  }

  private place(name: (typeof UNIFORMS)[number]): WebGLUniformLocation | null {
    return this.places.get(name) ?? null
  }

  private release(gl: WebGL2RenderingContext): void {
    gl.deleteVertexArray(this.array)
    for (const buffer of this.buffers) gl.deleteBuffer(buffer)
    this.buffers = []
    this.array = null
    this.mesh = null
  }
}

function nearest(ready: Set<number>, wanted: number): number {
  let best = 0
  let least = Number.POSITIVE_INFINITY
  for (const index of ready) {
    if (Math.abs(index - wanted) < least) [best, least] = [index, Math.abs(index - wanted)]
  }
  return best
}

function linked(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram()
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
    const shader = gl.createShader(kind) as WebGLShader
    gl.shaderSource(shader, source)
    gl.compileShader(shader)
    gl.attachShader(program, shader)
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader) ?? 'shader')
  }
  gl.linkProgram(program)
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? 'program')
  return program
}
