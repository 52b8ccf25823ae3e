/* SPDX-License-Identifier: Apache-2.0 */
/* The C++ side of glslang_shim.h: objects are made, called and destroyed here, and nothing is decided. Runs in the
 * worker, on the compiling thread. */
#include "codegen/glslang/glslang_shim.h"

#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include <glslang/Public/ShaderLang.h>
#include <glslang/Public/ResourceLimits.h>
#include <glslang/SPIRV/GlslangToSpv.h>
#ifdef HAVE_GLSLANG_WRAPPED_MESSAGES
#include <glslang/MachineIndependent/ParseHelper.h>
#endif
#ifdef HAVE_GLSLANG_MENTIONS
#include "codegen/glslang/mentions_shim.hh"
#endif

namespace {

constexpr int default_glsl_version = 110; // where a source has no #version, as its specification says
constexpr int default_hlsl_version = 500;

EShLanguage stage_of(enum spvscope_stage stage)
{
	switch (stage) {
	case SPVSCOPE_STAGE_VERTEX:
		return EShLangVertex;
	case SPVSCOPE_STAGE_TESS_CONTROL:
		return EShLangTessControl;
	case SPVSCOPE_STAGE_TESS_EVAL:
		return EShLangTessEvaluation;
	case SPVSCOPE_STAGE_GEOMETRY:
		return EShLangGeometry;
	case SPVSCOPE_STAGE_COMPUTE:
		return EShLangCompute;
	case SPVSCOPE_STAGE_TASK:
		return EShLangTask;
	case SPVSCOPE_STAGE_MESH:
		return EShLangMesh;
	case SPVSCOPE_STAGE_RAYGEN:
		return EShLangRayGen;
	case SPVSCOPE_STAGE_INTERSECT:
		return EShLangIntersect;
	case SPVSCOPE_STAGE_ANYHIT:
		return EShLangAnyHit;
	case SPVSCOPE_STAGE_CLOSESTHIT:
		return EShLangClosestHit;
	case SPVSCOPE_STAGE_MISS:
		return EShLangMiss;
	case SPVSCOPE_STAGE_CALLABLE:
		return EShLangCallable;
	default:
		return EShLangFragment;
	}
}

glslang::TResourceType resource_of(uint32_t resource)
{
	static const glslang::TResourceType rows[SPVSCOPE_N_RESOURCES] = {
		glslang::EResSampler, glslang::EResTexture, glslang::EResImage, glslang::EResUbo, glslang::EResSsbo,
		glslang::EResUav,
	};

	return resource < SPVSCOPE_N_RESOURCES ? rows[resource] : glslang::EResUbo;
}

class Includer : public glslang::TShader::Includer {
public:
	explicit Includer(const glslang_shim_options &options) : options(options)
	{
	}

	IncludeResult *includeLocal(const char *header, const char *includer, size_t depth) override
	{
		return open(header, includer, depth, false);
	}

	// glslang asks here too after a failed includeLocal, which has looked everywhere already.
	IncludeResult *includeSystem(const char *header, const char *includer, size_t depth) override
	{
		return open(header, includer, depth, true);
	}

	void releaseInclude(IncludeResult *result) override
	{
		if (!result)
			return;
		if (!result->headerName.empty())
			options.include_close(options.ctx, result->userData);
		delete result;
	}

private:
	// An empty name tells glslang that the text is an error; it is kept until the next failure.
	IncludeResult *open(const char *header, const char *includer, size_t depth, bool angled)
	{
		glslang_shim_include found = {};

		if (options.include_open(options.ctx, header, includer, depth, angled, &found, error, sizeof(error)) < 0)
			return new IncludeResult("", error, strlen(error), nullptr);
		return new IncludeResult(found.name, found.data, found.size, found.handle);
	}

	const glslang_shim_options &options;
	char error[512] = "";
};

// Runs f, which returns 1 or 0, and turns what it throws into an errno.
template <typename F> int guarded(F f)
{
	try {
		return f();
	} catch (const std::bad_alloc &) {
		return -ENOMEM;
	} catch (...) {
		return -EPROTO;
	}
}

std::once_flag initialized;

} // namespace

#ifdef HAVE_GLSLANG_WRAPPED_MESSAGES
// Until 12.2 glslang knows the column of everything that it tells of, and prints the line alone. The linker puts this
// function in the place of the one that all messages of both front ends go through (--wrap in ../meson.build); it gives
// the place a name that ends in the line and a line that is the column, so that "name:line:column: " is printed, as newer
// releases do on their own. Nothing is lost where a linker cannot do it: info_log.c then looks for the quoted token.
#define OUTPUT_MESSAGE(prefix) \
	prefix##_ZN7glslang17TParseContextBase13outputMessageERKNS_10TSourceLocEPKcS5_S5_NS_11TPrefixTypeEP13__va_list_tag

extern "C" {
void OUTPUT_MESSAGE(__real_)(glslang::TParseContextBase *self, const glslang::TSourceLoc &loc, const char *reason,
	const char *token, const char *format, glslang::TPrefixType prefix, va_list args);
void OUTPUT_MESSAGE(__wrap_)(glslang::TParseContextBase *self, const glslang::TSourceLoc &loc, const char *reason,
	const char *token, const char *format, glslang::TPrefixType prefix, va_list args);

void OUTPUT_MESSAGE(__wrap_)(glslang::TParseContextBase *self, const glslang::TSourceLoc &loc, const char *reason,
	const char *token, const char *format, glslang::TPrefixType prefix, va_list args)
{
	glslang::TSourceLoc told = loc;
	glslang::TString name = loc.getStringNameOrNum(false).c_str();

	name += ':';
	name += std::to_string(loc.line).c_str();
	if (loc.column > 0) {
		told.name = &name;
		told.line = loc.column;
	}
	OUTPUT_MESSAGE(__real_)(self, told, reason, token, format, prefix, args);
}
}
#endif

struct glslang_shim {
	explicit glslang_shim(const glslang_shim_options &o) : options(o), includer(options)
	{
	}

	std::unique_ptr<glslang::TShader> make_shader();
	void set_flags(glslang::TShader &s, uint64_t flags);
	void set(glslang::TShader &s, const spvscope_setting &setting);
	const TBuiltInResource *resources();
	int version(EProfile *ret_profile, bool *ret_force) const;
	EShMessages messages() const;
	int default_version() const
	{
		return options.hlsl ? default_hlsl_version : default_glsl_version;
	}

	// In order of birth: glslang wants a program gone before its shaders.
	const glslang_shim_options options;
	Includer includer;
	std::unique_ptr<glslang::TShader> shader;
	std::unique_ptr<glslang::TProgram> program;
	std::string log;
	std::vector<std::string> resource_bindings;
	std::unique_ptr<TBuiltInResource> limits; // where the job changes some
	const char *strings[1], *names[1];
	int lengths[1];
};

std::unique_ptr<glslang::TShader> glslang_shim::make_shader()
{
	EShLanguage stage = stage_of(options.stage);
	auto s = std::make_unique<glslang::TShader>(stage);

	resource_bindings.clear();
	strings[0] = options.source;
	lengths[0] = static_cast<int>(options.size);
	names[0] = options.name;
	s->setStringsWithLengthsAndNames(strings, lengths, names, 1);
	s->setPreamble(options.preamble);
	const spvscope_job &job = *options.job;
	const char *source_entry_point = job.source_entry_point ? job.source_entry_point : job.entry_point;
	// GLSL has main without a word, and would tell in debug information that it was said.
	if (job.entry_point || options.hlsl)
		s->setEntryPoint(job.entry_point ? job.entry_point : "main");
	if (source_entry_point)
		s->setSourceEntryPoint(source_entry_point);
	s->setAutoMapBindings(job.auto_map_bindings);
	s->setAutoMapLocations(job.auto_map_locations);
	s->setEnvInput(options.hlsl ? glslang::EShSourceHlsl : glslang::EShSourceGlsl, stage,
		options.opengl ? glslang::EShClientOpenGL : glslang::EShClientVulkan,
		job.options.client_version ? static_cast<int>(job.options.client_version) : 100);
	if (options.opengl)
		s->setEnvClient(glslang::EShClientOpenGL, glslang::EShTargetOpenGL_450);
	else
		s->setEnvClient(glslang::EShClientVulkan,
			static_cast<glslang::EShTargetClientVersion>(options.vulkan_version));
	s->setEnvTarget(glslang::EShTargetSpv,
		static_cast<glslang::EShTargetLanguageVersion>(options.spirv_version));
	if (job.options.flags)
		set_flags(*s, job.options.flags);
	if (job.options.uniform_base)
		s->setUniformLocationBase(static_cast<int>(job.options.uniform_base));
	for (size_t i = 0; i < job.n_settings; i++)
		set(*s, job.settings[i]);
	return s;
}

void glslang_shim::set_flags(glslang::TShader &s, uint64_t flags)
{
	s.setInvertY(flags & SPVSCOPE_OPTION_INVERT_Y);
	s.setNanMinMaxClamp(flags & SPVSCOPE_OPTION_NAN_CLAMP);
	s.setFlattenUniformArrays(flags & SPVSCOPE_OPTION_FLATTEN_UNIFORM_ARRAYS);
	s.setNoStorageFormat(flags & SPVSCOPE_OPTION_NO_STORAGE_FORMAT);
	s.setHlslIoMapping(flags & SPVSCOPE_OPTION_HLSL_IOMAP);
	s.setDxPositionW(flags & SPVSCOPE_OPTION_HLSL_DX_POSITION_W);
	if (flags & SPVSCOPE_OPTION_AUTO_COMBINED_IMAGE_SAMPLER)
		s.setTextureSamplerTransformMode(EShTexSampTransUpgradeTextureRemoveSampler);
	if (flags & SPVSCOPE_OPTION_ENHANCED_MESSAGES)
		s.setEnhancedMsgs();
	if (flags & SPVSCOPE_OPTION_HLSL_FUNCTIONALITY1)
		s.setEnvTargetHlslFunctionality1();
	if (flags & SPVSCOPE_OPTION_RELAXED_RULES)
		s.setEnvInputVulkanRulesRelaxed();
}

// The pointers that glslang keeps are to the job's own names, which outlive it.
void glslang_shim::set(glslang::TShader &s, const spvscope_setting &setting)
{
	const uint32_t *numbers = setting.numbers;

	if (setting.stage != SPVSCOPE_STAGE_NONE && setting.stage != options.stage)
		return;
	switch (setting.kind) {
	case SPVSCOPE_SETTING_BINDING_BASE:
		if (numbers[2] == SPVSCOPE_ANY_NUMBER)
			s.setShiftBinding(resource_of(numbers[0]), numbers[1]);
		else
			s.setShiftBindingForSet(resource_of(numbers[0]), numbers[1], numbers[2]);
		break;
	case SPVSCOPE_SETTING_RESOURCE_BINDING:
		if (setting.name) {
			resource_bindings.push_back(setting.name);
			resource_bindings.push_back(std::to_string(numbers[0]));
			resource_bindings.push_back(std::to_string(numbers[1]));
			s.setResourceSetBinding(resource_bindings);
		} else if (resource_bindings.empty()) { // a set alone is for every resource
			s.setResourceSetBinding({ std::to_string(numbers[0]) });
		}
		break;
	case SPVSCOPE_SETTING_UNIFORM_LOCATION:
		s.addUniformLocationOverride(setting.name, static_cast<int>(numbers[0]));
		break;
	case SPVSCOPE_SETTING_BLOCK_BACKING:
		s.addBlockStorageOverride(setting.name,
			numbers[0] == SPVSCOPE_BACKING_BUFFER        ? glslang::EbsStorageBuffer :
			numbers[0] == SPVSCOPE_BACKING_PUSH_CONSTANT ? glslang::EbsPushConstant :
								       glslang::EbsUniform);
		break;
	case SPVSCOPE_SETTING_DEFAULT_BLOCK:
		s.setGlobalUniformBlockName(setting.name);
		s.setGlobalUniformSet(numbers[0]);
		s.setGlobalUniformBinding(numbers[1]);
		break;
	case SPVSCOPE_SETTING_ATOMIC_BLOCK:
		s.setAtomicCounterBlockName(setting.name);
		s.setAtomicCounterBlockSet(numbers[0]);
		break;
	default: // limits and undefines are no matter of a shader
		break;
	}
}

const TBuiltInResource *glslang_shim::resources()
{
	for (size_t i = 0; i < options.job->n_settings; i++) {
		const spvscope_setting &setting = options.job->settings[i];

		if (setting.kind != SPVSCOPE_SETTING_RESOURCE_LIMIT)
			continue;
		if (!limits)
			limits = std::make_unique<TBuiltInResource>(*GetDefaultResources());
		std::string line = std::string(setting.name) + " " + std::to_string(static_cast<int32_t>(setting.numbers[0]));
		DecodeResourceLimits(limits.get(), &line[0]);
	}
	return limits ? limits.get() : GetDefaultResources();
}

// "450core" in the place of the source's #version; otherwise what is taken where a source has none.
int glslang_shim::version(EProfile *ret_profile, bool *ret_force) const
{
	static const EProfile profiles[SPVSCOPE_N_PROFILES] = {
		ENoProfile, ECoreProfile, ECompatibilityProfile, EEsProfile,
	};
	const spvscope_options &o = options.job->options;

	*ret_force = o.glsl_version && !options.hlsl;
	*ret_profile = *ret_force ? profiles[o.glsl_profile] : ENoProfile;
	return *ret_force ? static_cast<int>(o.glsl_version) : default_version();
}

EShMessages glslang_shim::messages() const
{
	static const struct {
		uint64_t flag;
		EShMessages message;
	} rows[] = {
		{ SPVSCOPE_OPTION_KEEP_UNCALLED, EShMsgKeepUncalled },
		{ SPVSCOPE_OPTION_RELAXED_ERRORS, EShMsgRelaxedErrors },
		{ SPVSCOPE_OPTION_ENHANCED_MESSAGES, EShMsgEnhanced },
		{ SPVSCOPE_OPTION_HLSL_OFFSETS, EShMsgHlslOffsets },
		{ SPVSCOPE_OPTION_HLSL_16BIT_TYPES, EShMsgHlslEnable16BitTypes },
		{ SPVSCOPE_OPTION_HLSL_DX9_COMPATIBLE, EShMsgHlslDX9Compatible },
	};
	unsigned m = EShMsgDefault | EShMsgSpvRules;

	for (const auto &row : rows)
		if (options.job->options.flags & row.flag)
			m |= row.message;
	if (options.job->options.warnings == SPVSCOPE_WARNINGS_OFF)
		m |= EShMsgSuppressWarnings;
	// Without it glslang stops at the first error; an editor wants them all.
	if (!(options.job->options.flags & SPVSCOPE_OPTION_FIRST_ERROR_ONLY))
		m |= EShMsgCascadingErrors;
	if (!options.opengl)
		m |= EShMsgVulkanRules;
	if (options.hlsl)
		m |= EShMsgReadHlsl;
	if (options.job->debug_info != SPVSCOPE_DEBUG_INFO_NONE)
		m |= EShMsgDebugInfo;
#ifdef HAVE_GLSLANG_ERROR_COLUMN
	m |= EShMsgDisplayErrorColumn;
#endif
	return static_cast<EShMessages>(m);
}

int glslang_shim_new(const struct glslang_shim_options *options, struct glslang_shim **ret)
{
	if (options->size > INT_MAX)
		return -EFBIG;
	return guarded([&] {
		std::call_once(initialized, [] { glslang::InitializeProcess(); });
		*ret = new glslang_shim(*options);
		return 1;
	});
}

void glslang_shim_free(struct glslang_shim *s)
{
	delete s;
}

int glslang_shim_preprocess(struct glslang_shim *s, char **ret_text)
{
	return guarded([s, ret_text] {
		auto shader = s->make_shader();
		std::string text;
		EProfile profile;
		bool force;
		int version = s->version(&profile, &force);
		bool good = shader->preprocess(s->resources(), version, profile, force, false, s->messages(), &text,
			s->includer);

		s->log = shader->getInfoLog();
		if (!good)
			return 0;
		*ret_text = strndup(text.data(), text.size());
		if (!*ret_text)
			throw std::bad_alloc();
		return 1;
	});
}

int glslang_shim_parse(struct glslang_shim *s)
{
	return guarded([s] {
		s->shader = s->make_shader();
		EProfile profile;
		bool force;
		int version = s->version(&profile, &force);
#ifdef HAVE_GLSLANG_MENTIONS
		glslang_mentions mentions(*s->options.job, s->options.preamble);
		glslang_mentions_scope scope(mentions);
#endif
		bool good = s->shader->parse(s->resources(), version, profile, force, false, s->messages(), s->includer);

		s->log = s->shader->getInfoLog();
		return good ? 1 : 0;
	});
}

int glslang_shim_link(struct glslang_shim *s)
{
	return guarded([s] {
		s->program = std::make_unique<glslang::TProgram>();
		s->program->addShader(s->shader.get());
		bool good = s->program->link(s->messages()) && s->program->mapIO();

		s->log = s->program->getInfoLog();
		return good ? 1 : 0;
	});
}

int glslang_shim_generate(struct glslang_shim *s, uint32_t **ret_words, size_t *ret_n_words,
	struct glslang_shim_layouts *ret_layouts)
{
	return guarded([=] {
		glslang::SpvOptions options;
		spv::SpvBuildLogger logger;
		std::vector<unsigned int> words;
		glslang::TIntermediate *tree = s->program->getIntermediate(stage_of(s->options.stage));

		options.disableOptimizer = true;
		enum spvscope_debug_info debug = s->options.job->debug_info;

		options.generateDebugInfo = debug != SPVSCOPE_DEBUG_INFO_NONE;
#ifdef HAVE_GLSLANG_NON_SEMANTIC_DEBUG_INFO
		options.emitNonSemanticShaderDebugInfo =
			debug == SPVSCOPE_DEBUG_INFO_FULL || debug == SPVSCOPE_DEBUG_INFO_NONSEMANTIC;
		options.emitNonSemanticShaderDebugSource = debug == SPVSCOPE_DEBUG_INFO_FULL;
#endif
		s->log.clear();
		if (!tree)
			return 0;
		glslang::GlslangToSpv(*tree, words, &logger, &options);
		s->log = logger.getAllMessages();
		size_t bytes = words.size() * sizeof(words[0]);
		uint32_t *copy = static_cast<uint32_t *>(malloc(bytes ? bytes : 1));
		if (!copy)
			throw std::bad_alloc();
		memcpy(copy, words.data(), bytes);
		*ret_words = copy;
		*ret_n_words = words.size();
		ret_layouts->scalar = tree->usingScalarBlockLayout();
		ret_layouts->hlsl_offsets = tree->usingHlslOffsets();
		return 1;
	});
}

const char *glslang_shim_log(const struct glslang_shim *s)
{
	return s->log.c_str();
}

void *glslang_shim_context(const struct glslang_shim *s)
{
	return s->options.ctx;
}

const char *glslang_shim_version(void)
{
	static const std::string text = [] {
		glslang::Version v = glslang::GetVersion();
		return std::to_string(v.major) + "." + std::to_string(v.minor) + "." + std::to_string(v.patch);
	}();

	return text.c_str();
}
