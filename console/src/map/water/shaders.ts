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

/** A scale as GLSL: colours glide between stops, so that water moves without steps. */
function ramp(name: string, stops: Stop[]): string {
  const colour = (s: Stop) => `vec4(${s.rgb.map((v) => (v / 255).toFixed(4)).join(', ')}, ${s.alpha.toFixed(3)})`
  const mixes = stops
    .slice(1)
    .map((stop, n) => `  c = mix(c, ${colour(stop)}, smoothstep(${((stops[n] as Stop).from * 0.35 + stop.from * 0.65).toFixed(4)}, ${(stop.from * 1.06).toFixed(4)}, v));`)
  return `vec4 ${name}(float v) {\n  vec4 c = ${colour(stops[0] as Stop)};\n${mixes.join('\n')}\n  return c;\n}`
}

const first = (stops: Stop[]) => (stops[0] as Stop).from.toFixed(4)

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
void main() {
  float a = texture(u_frames, vec3(v_place, u_between.x)).r;
  float b = texture(u_frames, vec3(v_place, u_between.y)).r;
  float raw = mix(a, b, u_between.z);
  if (raw <= 0.004) discard;
  vec4 c;
  if (u_percent) {
    float p = raw * 100.0;
    c = percentColour(p);
    c.a *= smoothstep(${first(PERCENT_STOPS)} * 0.4, ${first(PERCENT_STOPS)}, p);
  } else {
    float d = raw * raw * u_scale;
    float edge = max(fwidth(d), 0.004);
    c = depthColour(d);
    c.a *= smoothstep(${first(DEPTH_STOPS)} - edge, ${first(DEPTH_STOPS)} + edge, d);
    float rim = 1.0 - smoothstep(0.0, 1.6, abs(d - ${first(DEPTH_STOPS)}) / edge);
    c.rgb = mix(c.rgb, vec3(0.86, 0.97, 1.0), 0.45 * rim);
  }
  if (c.a <= 0.003) discard;
  c.a *= u_opacity;
  o_colour = vec4(c.rgb * c.a, c.a);
}`
