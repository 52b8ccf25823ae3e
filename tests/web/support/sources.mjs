// SPDX-License-Identifier: Apache-2.0
// What the browser tests compile.
import assert from 'node:assert/strict';

export const EVIL = '<img src=x onerror=alert(1)>';
export const FAILING = `#version 450
layout(location = 0) out vec4 colour;
void main()
{
    colour = vec4(lihgt); // ${EVIL}
}
`;

/** A shader that the optimizer has something to do for. */
export function busyShader(functions = 24) {
  const body = Array.from({ length: functions }, (_, i) => `float f${i}(float x)
{
    float s = x;
    for (int k = 0; k < ${4 + (i % 5)}; k++)
        s = s * ${(1 + i / 7).toFixed(3)} + sin(s + float(k)) * fog;
    return ${i ? `s + f${i - 1}(s * 0.5)` : 's'};
}`).join('\n');
  return `#version 450
layout(location = 0) in float t;
layout(location = 0) out vec4 colour;
layout(binding = 0) uniform Settings { float fog; };
${body}
void main() { colour = vec4(f${functions - 1}(t)); }
`;
}

export async function compile(service, request) {
  const response = await fetch(`${service.url}/v1/compile`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(request),
  });
  const answer = await response.json();
  assert.equal(response.status, 200, JSON.stringify(answer.error));
  return answer;
}

export const traced = (service, more = {}) => compile(service, {
  source: busyShader(), name: 'shaders/busy.frag', optimize: 'performance', emit: ['spirv', 'disassembly'],
  trace: { level: 'debug' }, analyzer: { kind: 'release', min_samples: 200, budget_ms: 1000 }, ...more,
});
