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
	const char *strings[1], *names[1];
	int lengths[1];
};

std::unique_ptr<glslang::TShader> glslang_shim::make_shader()
{
	EShLanguage stage = stage_of(options.stage);
	auto s = std::make_unique<glslang::TShader>(stage);

	strings[0] = options.source;
	lengths[0] = static_cast<int>(options.size);
	names[0] = options.name;
	s->setStringsWithLengthsAndNames(strings, lengths, names, 1);
	s->setPreamble(options.preamble);
	s->setEntryPoint(options.entry_point ? options.entry_point : "main");
	if (options.entry_point)
		s->setSourceEntryPoint(options.entry_point);
	s->setAutoMapBindings(options.auto_map_bindings);
	s->setAutoMapLocations(options.auto_map_locations);
	s->setEnvInput(options.hlsl ? glslang::EShSourceHlsl : glslang::EShSourceGlsl, stage,
		options.opengl ? glslang::EShClientOpenGL : glslang::EShClientVulkan, 100);
	if (options.opengl)
		s->setEnvClient(glslang::EShClientOpenGL, glslang::EShTargetOpenGL_450);
	else
		s->setEnvClient(glslang::EShClientVulkan,
			static_cast<glslang::EShTargetClientVersion>(options.vulkan_version));
	s->setEnvTarget(glslang::EShTargetSpv,
		static_cast<glslang::EShTargetLanguageVersion>(options.spirv_version));
	return s;
}

EShMessages glslang_shim::messages() const
{
	unsigned m = EShMsgDefault | EShMsgSpvRules;

	// Without it glslang stops at the first error; an editor wants them all.
	m |= EShMsgCascadingErrors;
	if (!options.opengl)
		m |= EShMsgVulkanRules;
	if (options.hlsl)
		m |= EShMsgReadHlsl;
	if (options.debug_info != SPVSCOPE_DEBUG_INFO_NONE)
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
		bool good = shader->preprocess(GetDefaultResources(), s->default_version(), ENoProfile, false, false,
			s->messages(), &text, s->includer);

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
		bool good = s->shader->parse(GetDefaultResources(), s->default_version(), ENoProfile, false, false,
			s->messages(), s->includer);

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
		options.generateDebugInfo = s->options.debug_info != SPVSCOPE_DEBUG_INFO_NONE;
#ifdef HAVE_GLSLANG_NON_SEMANTIC_DEBUG_INFO
		options.emitNonSemanticShaderDebugInfo = s->options.debug_info == SPVSCOPE_DEBUG_INFO_FULL;
		options.emitNonSemanticShaderDebugSource = s->options.debug_info == SPVSCOPE_DEBUG_INFO_FULL;
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
