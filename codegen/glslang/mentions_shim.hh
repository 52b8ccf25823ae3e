/* SPDX-License-Identifier: Apache-2.0 */
/* What the texts of a compile mention of the names that glslang declares for each shader anew. C++, for the shims. */
#ifndef SPVSCOPE_GLSLANG_MENTIONS_SHIM_HH
#define SPVSCOPE_GLSLANG_MENTIONS_SHIM_HH

#include <string_view>
#include <unordered_set>

#include "spvscope/codegen.h"

/* The names in gl_ and GL_ that texts mention. The texts must outlive it. */
class glslang_mentions {
public:
	glslang_mentions(const spvscope_job &job, std::string_view preamble);

	bool has(std::string_view name) const
	{
		return everything || names.count(name);
	}
	bool has_everything() const
	{
		return everything;
	}
	void read(std::string_view text);

private:
	std::unordered_set<std::string_view> names;
	bool everything = false; // names may be put together, so that any may be meant
};

/* While one lives, glslang on this thread declares only those of its macros and limits that are mentioned. One at a time. */
class glslang_mentions_scope {
public:
	explicit glslang_mentions_scope(const glslang_mentions &mentions);
	~glslang_mentions_scope();
	glslang_mentions_scope(const glslang_mentions_scope &) = delete;
	glslang_mentions_scope &operator=(const glslang_mentions_scope &) = delete;
};

#endif
