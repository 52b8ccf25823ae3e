/* SPDX-License-Identifier: Apache-2.0 */
/* The C++ side of optimizer_shim.h. Runs in the worker, on the compiling thread. */
#include "codegen/spirv_tools/optimizer_shim.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <ostream>
#include <streambuf>
#include <string>
#include <vector>

#include <spirv-tools/optimizer.hpp>

// Up to 2023.1 at least, the library's pass manager frees a pass and then reads its name for the time report; a few
// passes keep the name inside themselves (scalar-replacement=100). The bytes are still there, since nothing allocates in
// between, and we use none of them; only the address sanitizer has to be told.
#ifdef __SANITIZE_ADDRESS__
extern "C" const char *__asan_default_suppressions(void);
extern "C" const char *__asan_default_suppressions(void)
{
	return "interceptor_via_fun:spvtools::utils::Timer::Report\n";
}
#endif

namespace {

// The time report is one heading before the first pass and then one line after each pass, written as the pass ends:
// what it says is of no use (hundredths of seconds), but when it says it is.
class PassClock : public std::streambuf {
public:
	PassClock(const optimizer_shim_options &o, const std::vector<std::string> &names) : o(o), names(names)
	{
	}

	// A failed pass leaves no line.
	void finish()
	{
		if (running)
			o.pass_end(o.ctx, idx);
		running = false;
	}

protected:
	int_type overflow(int_type c) override
	{
		if (traits_type::eq_int_type(c, traits_type::to_int_type('\n')))
			next_line();
		return traits_type::not_eof(c);
	}

	std::streamsize xsputn(const char *s, std::streamsize n) override
	{
		for (const char *p = s; (p = static_cast<const char *>(memchr(p, '\n', s + n - p))); p++)
			next_line();
		return n;
	}

private:
	void next_line()
	{
		if (running) {
			o.pass_end(o.ctx, idx);
			idx++;
		}
		running = idx < names.size();
		if (running)
			o.pass_begin(o.ctx, idx, names[idx].c_str());
	}

	const optimizer_shim_options &o;
	const std::vector<std::string> &names;
	size_t idx = 0;
	bool running = false;
};

class TextSink : public std::streambuf {
public:
	explicit TextSink(const optimizer_shim_options &o) : o(o)
	{
	}

protected:
	int_type overflow(int_type c) override
	{
		char byte = traits_type::to_char_type(c);

		if (!traits_type::eq_int_type(c, traits_type::eof()))
			o.text(o.ctx, &byte, 1);
		return traits_type::not_eof(c);
	}

	std::streamsize xsputn(const char *s, std::streamsize n) override
	{
		o.text(o.ctx, s, static_cast<size_t>(n));
		return n;
	}

private:
	const optimizer_shim_options &o;
};

bool add_passes(const optimizer_shim_options &o, spvtools::Optimizer &optimizer)
{
	if (o.legalize_hlsl)
		optimizer.RegisterLegalizationPasses();
	if (o.preset == SPVSCOPE_OPTIMIZE_SIZE)
		optimizer.RegisterSizePasses();
	if (o.preset == SPVSCOPE_OPTIMIZE_PERFORMANCE)
		optimizer.RegisterPerformancePasses();
	if (o.preset != SPVSCOPE_OPTIMIZE_PASSES)
		return true;
	for (size_t i = 0; i < o.n_passes; i++) {
		if (!optimizer.RegisterPassFromFlag(o.passes[i])) {
			o.bad_flag(o.ctx, o.passes[i]);
			return false;
		}
	}
	return true;
}

void set_consumer(const optimizer_shim_options &o, spvtools::Optimizer &optimizer)
{
	optimizer.SetMessageConsumer([&o](spv_message_level_t level, const char *, const spv_position_t &position,
					     const char *text) {
		if (level <= SPV_MSG_ERROR)
			o.message(o.ctx, SPVSCOPE_SEVERITY_ERROR, position.index, text);
		else if (level == SPV_MSG_WARNING)
			o.message(o.ctx, SPVSCOPE_SEVERITY_WARNING, position.index, text);
	});
}

bool run(const optimizer_shim_options &o, const spvtools::Optimizer &optimizer, std::vector<uint32_t> &out)
{
	spvtools::OptimizerOptions options;

	// Validation is a stage of its own, which the pipeline has run where the module comes from outside.
	options.set_run_validator(false);
	return optimizer.Run(o.words, o.n_words, &out, options);
}

} // namespace

int optimizer_shim_run(const struct optimizer_shim_options *o, uint32_t **ret_words, size_t *ret_n_words)
{
	spvtools::Optimizer optimizer(static_cast<spv_target_env>(o->target_env));
	std::vector<std::string> names;
	std::vector<const char *> pointers;
	std::vector<uint32_t> out;

	set_consumer(*o, optimizer);
	if (!add_passes(*o, optimizer))
		return 0;
	for (const char *name : optimizer.GetPassNames())
		names.emplace_back(name);
	for (const std::string &name : names)
		pointers.push_back(name.c_str());

	PassClock clock(*o, names);
	std::ostream report(&clock);
	if (o->plan(o->ctx, pointers.data(), pointers.size()))
		optimizer.SetTimeReport(&report);
	bool good = run(*o, optimizer, out);
	clock.finish();
	if (!good)
		return 0;
	size_t bytes = out.size() * sizeof(out[0]);
	uint32_t *copy = static_cast<uint32_t *>(malloc(bytes ? bytes : 1));
	if (!copy)
		throw std::bad_alloc();
	memcpy(copy, out.data(), bytes);
	*ret_words = copy;
	*ret_n_words = out.size();
	return 1;
}

int optimizer_shim_print(const struct optimizer_shim_options *o)
{
	spvtools::Optimizer optimizer(static_cast<spv_target_env>(o->target_env));
	std::vector<uint32_t> out;
	TextSink sink(*o);
	std::ostream stream(&sink);

	optimizer.SetMessageConsumer([](spv_message_level_t, const char *, const spv_position_t &, const char *) {});
	if (!add_passes(*o, optimizer))
		return 0;
	optimizer.SetPrintAll(&stream);
	return run(*o, optimizer, out) ? 1 : 0;
}
