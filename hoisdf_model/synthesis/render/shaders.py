# Copyright 2026 hoisdf contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""GLSL programs of the renderer."""

COLOUR_VERTEX = """
#version 330
uniform mat4 projection; uniform mat4 view; uniform mat4 pose; uniform mat4 shadow;
in vec3 position; in vec3 normal; in vec2 uv;
centroid out vec3 eye; centroid out vec3 facing; centroid out vec2 at; centroid out vec4 lit;
void main() {
    vec4 world = pose * vec4(position, 1.0);
    vec3 outward = mat3(pose) * normal;
    vec4 seen = view * world;
    eye = seen.xyz; facing = mat3(view) * outward; at = uv;
    lit = shadow * vec4(world.xyz + outward * 0.0012, 1.0);
    gl_Position = projection * seen;
}
"""

# Lambert with a soft terminator (wrap) for skin and cloth, Blinn-Phong highlight with Schlick's Fresnel term, ambient
# light from above and below, and one light with soft shadows (percentage closer filtering over a spiral of samples).
COLOUR_FRAGMENT = """
#version 330
const int LIGHTS = 3;
const int TAPS = 8;
uniform vec3 light_position[LIGHTS]; uniform vec3 light_colour[LIGHTS];
uniform vec3 ambient_up; uniform vec3 ambient_down; uniform vec3 up;
uniform sampler2D surface; uniform sampler2DShadow occlusion;
uniform float shininess; uniform float gloss; uniform float wrap; uniform float softness;
uniform vec3 tint; uniform float glow; uniform float flesh; uniform float identity;
centroid in vec3 eye; centroid in vec3 facing; centroid in vec2 at; centroid in vec4 lit;
out vec4 colour;

float visibility(float cosine) {
    vec3 here = lit.xyz / lit.w * 0.5 + 0.5;
    if (any(lessThan(here, vec3(0.0))) || any(greaterThan(here, vec3(1.0)))) return 1.0;
    float turn = fract(52.9829189 * fract(dot(gl_FragCoord.xy, vec2(0.06711056, 0.00583715)))) * 6.2831853;
    // neighbours on a slope lie nearer to the light than the point itself: allow for it over the filter's width
    float bias = 0.0008 + softness * 0.67 * min(sqrt(1.0 - cosine * cosine) / max(cosine, 0.05), 4.0);
    float seen = 0.0;
    for (int i = 0; i < TAPS; i++) {
        float angle = float(i) * 2.3999632 + turn;
        vec2 offset = vec2(cos(angle), sin(angle)) * sqrt((float(i) + 0.5) / float(TAPS)) * softness;
        seen += texture(occlusion, vec3(here.xy + offset, here.z - bias));
    }
    return seen / float(TAPS);
}

void main() {
    vec3 n = normalize(facing), v = normalize(-eye);
    if (!gl_FrontFacing) n = -n;
    vec3 base = pow(texture(surface, at).rgb, vec3(2.2)) * tint;
    if (glow > 0.5) { colour = vec4(pow(clamp(base, 0.0, 1.0), vec3(1.0 / 2.2)), identity); return; }
    base *= mix(vec3(1.0), vec3(1.12, 0.96, 0.86), flesh);
    vec3 sum = mix(ambient_down, ambient_up, 0.5 + 0.5 * dot(n, up)) * base;
    float shown = visibility(clamp(dot(n, normalize(light_position[0] - eye)), 0.0, 1.0));
    // less than 1 lets the terminator reach further into the shade: red light does in flesh
    vec3 bleed = mix(vec3(1.0), mix(vec3(1.0, 0.75, 0.65), vec3(0.4, 0.9, 1.1), flesh), wrap);
    for (int i = 0; i < LIGHTS; i++) {
        vec3 l = normalize(light_position[i] - eye);
        float cosine = dot(n, l);
        vec3 soft = max((vec3(cosine) + wrap * (vec3(2.0) - bleed) * 0.5) / (1.0 + wrap * 0.5), 0.0);
        vec3 h = normalize(l + v);
        float fresnel = shininess + (1.0 - shininess) * 0.25 * pow(1.0 - clamp(dot(h, v), 0.0, 1.0), 5.0);
        float highlight = fresnel * pow(max(dot(n, h), 0.0), gloss) * step(0.0, cosine);
        sum += (i == 0 ? shown : 1.0) * light_colour[i] * (base * soft + highlight);
    }
    sum = sum * (1.0 + sum / 6.0) / (1.0 + sum * 0.5);  // bright parts bend instead of clipping
    colour = vec4(pow(clamp(sum, 0.0, 1.0), vec3(1.0 / 2.2)), identity);
}
"""

SHADOW_VERTEX = """
#version 330
uniform mat4 shadow; uniform mat4 pose;
in vec3 position;
void main() { gl_Position = shadow * (pose * vec4(position, 1.0)); }
"""

SHADOW_FRAGMENT = """
#version 330
void main() {}
"""

GEOMETRY_VERTEX = """
#version 330
uniform mat4 projection; uniform mat4 view; uniform mat4 pose;
in vec3 position;
out float depth;
void main() {
    vec4 seen = view * (pose * vec4(position, 1.0));
    depth = -seen.z;
    gl_Position = projection * seen;
}
"""

GEOMETRY_FRAGMENT = """
#version 330
uniform float identity;
in float depth;
out vec2 measured;
void main() { measured = vec2(depth, identity); }
"""
