// SPDX-License-Identifier: Apache-2.0
// The programs of three's shader library, as three itself hands them to WebGL: its own WebGLProgram runs here on a
// context that only keeps the two sources. Each program comes plain and with the features of a rich material.
import * as constants from 'three/src/constants.js';
import { ShaderLib } from 'three/src/renderers/shaders/ShaderLib.js';
import { WebGLProgram } from 'three/src/renderers/webgl/WebGLProgram.js';

const VERTEX_SHADER = 0x8b31;
const FRAGMENT_SHADER = 0x8b30;

const PLAIN = {
	precision: 'highp',
	toneMapping: constants.NoToneMapping,
	outputColorSpace: constants.SRGBColorSpace,
	shadowMapType: constants.PCFShadowMap,
	envMap: false,
	flatShading: false,
	vertexNormals: true,
	numDirLights: 0,
	numSpotLights: 0,
	numSpotLightMaps: 0,
	numRectAreaLights: 0,
	numPointLights: 0,
	numHemiLights: 0,
	numDirLightShadows: 0,
	numSpotLightShadows: 0,
	numSpotLightShadowsWithMaps: 0,
	numPointLightShadows: 0,
	numClippingPlanes: 0,
	numClipIntersection: 0,
	numLightProbes: 0,
};

const used = (maps) => Object.fromEntries(maps.flatMap((map) => [[map, true], [`${map}Uv`, 'uv']]));

const RICH = {
	...PLAIN,
	...used(['map', 'alphaMap', 'aoMap', 'lightMap', 'bumpMap', 'normalMap', 'emissiveMap', 'specularMap',
		'displacementMap', 'roughnessMap', 'metalnessMap']),
	normalMapTangentSpace: true,
	envMap: true,
	envMapPMREM: true,
	envMapMode: constants.CubeUVReflectionMapping,
	envMapMaxLod: 8,
	envMapSize: 256,
	combine: constants.MultiplyOperation,
	alphaTest: true,
	useFog: true,
	fog: true,
	fogExp2: true,
	skinning: true,
	morphTargets: true,
	morphNormals: true,
	morphTargetsCount: 4,
	morphTextureStride: 3,
	instancing: true,
	instancingColor: true,
	vertexColors: true,
	vertexUv1s: true,
	vertexTangents: true,
	doubleSided: true,
	shadowMapEnabled: true,
	toneMapping: constants.ACESFilmicToneMapping,
	dithering: true,
	sizeAttenuation: true,
	numDirLights: 2,
	numSpotLights: 2,
	numSpotLightMaps: 1,
	numRectAreaLights: 1,
	numPointLights: 3,
	numHemiLights: 1,
	numDirLightShadows: 2,
	numSpotLightShadows: 2,
	numSpotLightShadowsWithMaps: 1,
	numPointLightShadows: 1,
	numClippingPlanes: 3,
	numClipIntersection: 1,
	numLightProbes: 1,
};

/** What only MeshPhysicalMaterial has. */
const RICHER = {
	...used(['clearcoatMap', 'clearcoatNormalMap', 'clearcoatRoughnessMap', 'iridescenceMap',
		'iridescenceThicknessMap', 'sheenColorMap', 'sheenRoughnessMap', 'specularColorMap',
		'specularIntensityMap', 'transmissionMap', 'thicknessMap', 'anisotropyMap']),
	clearcoat: true,
	iridescence: true,
	sheen: true,
	transmission: true,
	anisotropy: true,
	dispersion: true,
};

/** What a material of the program's own kind always sets. */
const OWN = {
	backgroundCube: { envMap: true },
	standard: { defines: { STANDARD: '' } },
	physical: { defines: { STANDARD: '', PHYSICAL: '' } },
};

/** A WebGL context that compiles nothing and remembers the sources by stage. */
function keeper(sources) {
	const calls = {
		VERTEX_SHADER,
		FRAGMENT_SHADER,
		createShader: (type) => ({ type }),
		shaderSource: (shader, text) => sources.set(shader.type, text),
	};
	return new Proxy(calls, { get: (target, key) => target[key] ?? (() => ({})) });
}

function sourcesOf(name, parameters) {
	const sources = new Map();
	const renderer = { getContext: () => keeper(sources), debug: { checkShaderErrors: false } };
	new WebGLProgram(renderer, name, {
		...parameters,
		shaderType: name,
		shaderName: name,
		vertexShader: ShaderLib[name].vertexShader,
		fragmentShader: ShaderLib[name].fragmentShader,
	});
	return sources;
}

/** Yields `{id, corpus, request}` for each stage of each program. */
export function* threeShaders() {
	for (const name of Object.keys(ShaderLib))
		for (const [variant, parameters] of Object.entries({ plain: PLAIN, rich: RICH })) {
			const extra = variant === 'rich' && name === 'physical' ? RICHER : {};
			const sources = sourcesOf(name, { ...parameters, ...extra, ...OWN[name] });
			for (const [stage, type] of [['vertex', VERTEX_SHADER], ['fragment', FRAGMENT_SHADER]]) {
				const source = sources.get(type);
				const id = `${name}.${variant}.${stage}`;
				yield { corpus: 'three', id, request: request(id, stage, source) };
				yield { corpus: 'three as #version 450', id, request: forDesktop(request(id, stage, source)) };
			}
		}
}

function request(name, stage, source) {
	return {
		language: 'glsl',
		stage,
		name: `three/${name}.glsl`,
		source,
		auto_map_bindings: true,
		auto_map_locations: true,
	};
}

// WebGL's uniforms stand outside of blocks, which Vulkan does not take; as desktop OpenGL's dialect the same text has a
// chance. Not validated: glslang writes OpenGL's `uniform bool` as a type that spirv-val refuses.
function forDesktop(request) {
	return {
		...request,
		source: request.source.replace('#version 300 es', '#version 450'),
		target: { env: 'opengl4.5' },
		validate: false,
	};
}
