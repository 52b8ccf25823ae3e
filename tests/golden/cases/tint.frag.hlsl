// golden: --entry shade --env vulkan1.1
cbuffer Scene : register(b0) { float4 tint; };
Texture2D image : register(t1);
SamplerState linear_sampler : register(s2);
float4 fetch(Texture2D from, float2 uv) { return from.Sample(linear_sampler, uv); }
float4 shade(float2 uv : TEXCOORD0) : SV_Target { return fetch(image, uv) * tint; }
