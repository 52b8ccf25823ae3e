/* SPDX-License-Identifier: Apache-2.0 */
/* glslang keeps its built-in functions and variables in tables, but for each shader anew it scans a #define for each of
 * some hundred extensions and parses a constant for each of some hundred limits: a third of what a small shader takes. Next
 * to no source names any of them. So the linker puts these functions in the place of two of glslang's own (--wrap in
 * ../meson.build), and what no text of the job can name is left out. Where a linker cannot do that, or a release has these
 * classes to itself, all is declared as ever. Runs in the worker, on the compiling thread. */
#include "codegen/glslang/mentions_shim.hh"

#include <algorithm>
#include <new>
#include <string>

#include <glslang/Public/ShaderLang.h>
#include <glslang/MachineIndependent/localintermediate.h>
#include <glslang/MachineIndependent/Initialize.h>
#include <glslang/MachineIndependent/parseVersions.h>

namespace {

constexpr size_t max_names = 1000; // several times what there is: a source with more gets all

thread_local const glslang_mentions *current;

bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string_view word_at(std::string_view text, size_t begin)
{
	size_t end = begin;

	while (end < text.size() && is_word(text[end]))
		end++;
	return text.substr(begin, end - begin);
}

// Whether a name could come about that does not stand in the text: by ## or by a line that goes on in its middle.
bool puts_names_together(std::string_view text)
{
	if (text.find("##") != text.npos)
		return true;
	for (size_t at = text.find('\\'); at != text.npos; at = text.find('\\', at + 1))
		if (at > 0 && at + 1 < text.size() && (text[at + 1] == '\n' || text[at + 1] == '\r') &&
			(is_word(text[at - 1]) || text[at - 1] == '#'))
			return true;
	return false;
}

// "#define GL_EXT_ray_query 1\n" and its like, line by line.
std::string only_mentioned_macros(const std::string &lines)
{
	static constexpr std::string_view define = "#define ";
	std::string kept;

	for (size_t begin = 0, end; begin < lines.size(); begin = end) {
		end = lines.find('\n', begin);
		end = end == lines.npos ? lines.size() : end + 1;
		std::string_view line(lines.data() + begin, end - begin);
		std::string_view name;

		if (line.substr(0, define.size()) == define)
			name = word_at(line, define.size());
		if (name.substr(0, 3) != "GL_" || current->has(name))
			kept += line;
	}
	return kept;
}

// "const int gl_MaxDrawBuffers = 32;" and its like, many in a line, between declarations that are no constants and may use
// them: "in gl_PerVertex { … } gl_in[gl_MaxPatchVertices];".
class declarations {
public:
	explicit declarations(std::string_view text) : rest(text)
	{
	}

	// Up to the semicolon behind it that is in no braces; empty at the end.
	std::string_view next()
	{
		size_t end = 0;

		for (int depth = 0; end < rest.size() && (depth > 0 || rest[end] != ';'); end++)
			depth += (rest[end] == '{') - (rest[end] == '}');
		std::string_view found = rest.substr(0, end < rest.size() ? end + 1 : end);
		rest.remove_prefix(found.size());
		return found;
	}

private:
	std::string_view rest;
};

// The name of a constant that nobody needs unless he names it; empty for all else. glslang itself asks for those of
// distances, texture coordinates and meshes, to hold the sizes of arrays against them.
std::string_view limit_of(std::string_view declaration)
{
	static constexpr std::string_view asked_for[] = { "Distances", "TextureCoords", "Mesh", "Task" };
	size_t begin = declaration.find_first_not_of(" \t\r\n");

	if (begin == declaration.npos || declaration.substr(begin, 6) != "const ")
		return {};
	std::string_view name = word_at(declaration, std::min(declaration.find("gl_", begin), declaration.size()));
	for (std::string_view part : asked_for)
		if (name.find(part) != name.npos)
			return {};
	return name;
}

class mentioned_limits : public glslang::TBuiltIns {
public:
	using glslang::TBuiltIns::initialize;

	void initialize(const TBuiltInResource &resources, int version, EProfile profile, const glslang::SpvVersion &spirv,
		EShLanguage stage) override
	{
		TBuiltIns::initialize(resources, version, profile, spirv, stage);
		if (current)
			commonBuiltins = mentioned(commonBuiltins);
	}

private:
	static glslang::TString mentioned(const glslang::TString &all)
	{
		const std::string_view text(all.data(), all.size());
		glslang_mentions here = *current;
		glslang::TString kept;

		for (declarations d(text);;) {
			std::string_view one = d.next();

			if (one.empty())
				break;
			if (limit_of(one).empty())
				here.read(one);
		}
		for (declarations d(text);;) {
			std::string_view one = d.next();
			std::string_view name = limit_of(one);

			if (one.empty())
				return kept;
			if (name.empty() || here.has(name))
				kept.append(one.data(), one.size());
		}
	}
};

static_assert(sizeof(mentioned_limits) == sizeof(glslang::TBuiltIns), "made where glslang has made room for its own");

} // namespace

glslang_mentions::glslang_mentions(const spvscope_job &job, std::string_view preamble)
{
	const auto text_of = [](const spvscope_file &file) {
		return std::string_view(reinterpret_cast<const char *>(file.data), file.size);
	};

	read(preamble);
	read(text_of(job.source));
	for (size_t i = 0; i < job.n_files; i++)
		read(text_of(job.files[i]));
}

void glslang_mentions::read(std::string_view text)
{
	everything = everything || puts_names_together(text);
	for (size_t at = text.find('_'); at != text.npos && !everything; at = text.find('_', at + 1)) {
		if (at < 2 || (at > 2 && is_word(text[at - 3])))
			continue;
		std::string_view prefix = text.substr(at - 2, 2);
		if (prefix == "gl" || prefix == "GL")
			names.insert(word_at(text, at - 2));
		everything = names.size() > max_names;
	}
}

glslang_mentions_scope::glslang_mentions_scope(const glslang_mentions &mentions)
{
	current = mentions.has_everything() ? nullptr : &mentions;
}

glslang_mentions_scope::~glslang_mentions_scope()
{
	current = nullptr;
}

#define PREAMBLE(prefix) \
	prefix##_ZN7glslang14TParseVersions11getPreambleERNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE
#define BUILT_INS(prefix) prefix##_ZN7glslang9TBuiltInsC1Ev

extern "C" {
void PREAMBLE(__real_)(glslang::TParseVersions *self, std::string &lines);
void PREAMBLE(__wrap_)(glslang::TParseVersions *self, std::string &lines);
void BUILT_INS(__wrap_)(void *room);

void PREAMBLE(__wrap_)(glslang::TParseVersions *self, std::string &lines)
{
	PREAMBLE(__real_)(self, lines);
	if (current)
		lines = only_mentioned_macros(lines);
}

void BUILT_INS(__wrap_)(void *room)
{
	new (room) mentioned_limits;
}
}
