/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of unwinding have clang compile: long enough to be sampled. */
#define STEP(n) \
	float4 step_##n(float4 p, float4 q) \
	{ \
		for (int i = 0; i < 4 + n; i++) { \
			p = fma(p, q, sin(p.zwxy) * (float)n); \
			q = clamp(q + native_rsqrt(dot(p, p) + 1.0f), -2.0f, 2.0f); \
			if (any(isgreater(p, q))) \
				p = mix(p, q.wzyx, 0.25f * i); \
		} \
		return p - q; \
	}
STEP(1) STEP(2) STEP(3) STEP(4) STEP(5) STEP(6) STEP(7) STEP(8)

kernel void walk(global float4 *to, global const float4 *from)
{
	size_t at = get_global_id(0);
	float4 p = from[at], q = from[at + 1];

	p += step_1(p, q) + step_2(q, p) + step_3(p, q) + step_4(q, p);
	q += step_5(p, q) + step_6(q, p) + step_7(p, q) + step_8(q, p);
	to[at] = p * q;
}
