import { DEPTH_STOPS, PERCENT_STOPS, type Stop } from './colours'

export const VERTEX = `#version 300 es
precision highp float;
precision highp sampler2DArray;
uniform mat4 u_matrix;
uniform sampler2DArray u_frames;
uniform vec3 u_between;
uniform float u_lift;
uniform float u_scale;
in vec4 a_vertex;
out vec2 v_place;
void main() {
  v_place = a_vertex.zw;
  float height = 0.0;
  if (u_lift > 0.0) {
    float a = textureLod(u_frames, vec3(v_place, u_between.x), 0.0).r;
    float b = textureLod(u_frames, vec3(v_place, u_between.y), 0.0).r;
    float raw = mix(a, b, u_between.z);
    height = (raw * raw * u_scale + 0.15) * u_lift;
  }
  gl_Position = u_matrix * vec4(a_vertex.xy, height, 1.0);
}`

const first = (stops: Stop[]) => (stops[0] as Stop).from.toFixed(4)

/** A scale as GLSL: colours glide between stops, so that water moves without steps. */
function ramp(name: string, stops: Stop[]): string {
  const colour = (s: Stop) => `vec4(${s.rgb.map((v) => (v / 255).toFixed(4)).join(', ')}, ${s.alpha.toFixed(3)})`
  const mixes = stops
    .slice(1)
    .map((stop, n) => `  c = mix(c, ${colour(stop)}, smoothstep(${((stops[n] as Stop).from * 0.35 + stop.from * 0.65).toFixed(4)}, ${(stop.from * 1.06).toFixed(4)}, v));`)
  return `vec4 ${name}(float v) {\n  vec4 c = ${colour(stops[0] as Stop)};\n${mixes.join('\n')}\n  return c;\n}`
}

export const FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler2DArray;
uniform sampler2DArray u_frames;
uniform vec3 u_between;
uniform float u_scale;
uniform float u_opacity;
uniform bool u_percent;
in vec2 v_place;
out vec4 o_colour;
${ramp('depthColour', DEPTH_STOPS)}
${ramp('percentColour', PERCENT_STOPS)}
float cell(ivec2 at, ivec2 last) {
  ivec2 inside = clamp(at, ivec2(0), last);
  float a = texelFetch(u_frames, ivec3(inside, int(u_between.x)), 0).r;
  float b = texelFetch(u_frames, ivec3(inside, int(u_between.y)), 0).r;
  return mix(a, b, u_between.z);
}
// Water is drawn to half a cell from the last wet one, in its full depth: a house does not shallow the street.
void main() {
  ivec2 last = textureSize(u_frames, 0).xy - 1;
  vec2 place = v_place * vec2(last + 1) - 0.5;
  ivec2 at = ivec2(floor(place));
  vec2 f = fract(place);
  vec4 near = vec4(cell(at, last), cell(at + ivec2(1, 0), last), cell(at + ivec2(0, 1), last), cell(at + ivec2(1, 1), last));
  vec4 value = u_percent ? near * 100.0 : near * near * u_scale;
  vec4 weight = vec4((1.0 - f.x) * (1.0 - f.y), f.x * (1.0 - f.y), (1.0 - f.x) * f.y, f.x * f.y);
  weight *= step(u_percent ? ${first(PERCENT_STOPS)} : ${first(DEPTH_STOPS)}, value);
  float cover = weight.x + weight.y + weight.z + weight.w;
  float edge = max(fwidth(cover), 0.02);
  float shore = smoothstep(0.5 - edge, 0.5 + edge, cover);
  if (shore <= 0.0) discard;
  float v = dot(weight, value) / cover;
  vec4 c;
  if (u_percent) {
    c = percentColour(v);
  } else {
    c = depthColour(v);
    float rim = 1.0 - smoothstep(0.0, 1.5, (cover - 0.5) / edge);
    c.rgb = mix(c.rgb, vec3(0.8, 0.94, 1.0), 0.3 * rim);
  }
  c.a *= u_opacity * shore;
  o_colour = vec4(c.rgb * c.a, c.a);
}`
