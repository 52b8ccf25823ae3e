/* SPDX-License-Identifier: Apache-2.0 */
/* Types as JSON: words such as "vec3", arrays, images, members of blocks. Runs in the worker, on the compiling thread. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "codegen/spirv_cross/private.h"

/* A type may hold itself behind a pointer, and a few types that hold each other twice make millions of members. */
#define MAX_DEPTH   16u
#define MAX_MEMBERS 16384u

static const struct {
	const char *scalar, *prefix; /* of vectors and matrices */
} bases[] = {
	[SPVC_BASETYPE_UNKNOWN] = { "unknown", NULL },
	[SPVC_BASETYPE_VOID] = { "void", NULL },
	[SPVC_BASETYPE_BOOLEAN] = { "bool", "b" },
	[SPVC_BASETYPE_INT8] = { "int8_t", "i8" },
	[SPVC_BASETYPE_UINT8] = { "uint8_t", "u8" },
	[SPVC_BASETYPE_INT16] = { "int16_t", "i16" },
	[SPVC_BASETYPE_UINT16] = { "uint16_t", "u16" },
	[SPVC_BASETYPE_INT32] = { "int", "i" },
	[SPVC_BASETYPE_UINT32] = { "uint", "u" },
	[SPVC_BASETYPE_INT64] = { "int64_t", "i64" },
	[SPVC_BASETYPE_UINT64] = { "uint64_t", "u64" },
	[SPVC_BASETYPE_ATOMIC_COUNTER] = { "atomic_uint", NULL },
	[SPVC_BASETYPE_FP16] = { "float16_t", "f16" },
	[SPVC_BASETYPE_FP32] = { "float", "" },
	[SPVC_BASETYPE_FP64] = { "double", "d" },
	[SPVC_BASETYPE_STRUCT] = { "struct", NULL },
	[SPVC_BASETYPE_IMAGE] = { "image", NULL },
	[SPVC_BASETYPE_SAMPLED_IMAGE] = { "sampled_image", NULL },
	[SPVC_BASETYPE_SAMPLER] = { "sampler", NULL },
	[SPVC_BASETYPE_ACCELERATION_STRUCTURE] = { "acceleration_structure", NULL },
};

void cross_write_name(struct strbuf *out, const char *lead, const char *name)
{
	strbuf_puts(out, lead);
	if (name && name[0])
		strbuf_json_string(out, name, strlen(name));
	else
		strbuf_puts(out, "null");
}

static void write_word(spvc_type type, struct strbuf *out)
{
	unsigned base = spvc_type_get_basetype(type), size = spvc_type_get_vector_size(type);
	unsigned columns = spvc_type_get_columns(type);

	if (base >= ARRAY_SIZE(bases) || !bases[base].scalar)
		base = SPVC_BASETYPE_UNKNOWN;
	if (!bases[base].prefix || (size <= 1 && columns <= 1))
		strbuf_printf(out, "\"%s\"", bases[base].scalar);
	else if (columns <= 1)
		strbuf_printf(out, "\"%svec%u\"", bases[base].prefix, size);
	else if (columns == size)
		strbuf_printf(out, "\"%smat%u\"", bases[base].prefix, size);
	else
		strbuf_printf(out, "\"%smat%ux%u\"", bases[base].prefix, columns, size);
}

/* The outermost dimension first; the library has the innermost first. */
static void write_array(struct cross *c, spvc_type type, struct strbuf *out)
{
	unsigned n = spvc_type_get_num_array_dimensions(type);

	strbuf_puts(out, ", \"array\": [");
	for (unsigned i = n; i-- > 0;) {
		unsigned dimension = spvc_type_get_array_dimension(type, i);

		if (spvc_type_array_dimension_is_literal(type, i))
			strbuf_printf(out, "%u", dimension);
		else
			strbuf_printf(out, "{\"constant_id\": %u}",
				spvc_compiler_get_decoration(c->compiler, dimension, SpvDecorationSpecId));
		if (i)
			strbuf_puts(out, ", ");
	}
	strbuf_putc(out, ']');
}

void cross_write_type(struct cross *c, spvc_type type, struct strbuf *out)
{
	strbuf_puts(out, ", \"type\": ");
	write_word(type, out);
	write_array(c, type, out);
}

void cross_write_image(struct cross *c, spvc_type type, struct strbuf *out)
{
	static const char *const dimensions[] = {
		[SpvDim1D] = "1d", [SpvDim2D] = "2d", [SpvDim3D] = "3d", [SpvDimCube] = "cube", [SpvDimRect] = "rect",
		[SpvDimBuffer] = "buffer", [SpvDimSubpassData] = "subpass",
	};
	spvc_basetype base = spvc_type_get_basetype(type);
	unsigned dim;

	if (base != SPVC_BASETYPE_IMAGE && base != SPVC_BASETYPE_SAMPLED_IMAGE) {
		strbuf_puts(out, ", \"image\": null");
		return;
	}
	dim = spvc_type_get_image_dimension(type);
	strbuf_printf(out, ", \"image\": {\"dimension\": \"%s\", \"sampled_type\": ",
		dim < ARRAY_SIZE(dimensions) ? dimensions[dim] : "unknown");
	write_word(spvc_compiler_get_type_handle(c->compiler, spvc_type_get_image_sampled_type(type)), out);
	strbuf_printf(out, ", \"arrayed\": %s, \"multisampled\": %s, \"depth\": %s, \"storage\": %s}",
		spvc_type_get_image_arrayed(type) ? "true" : "false",
		spvc_type_get_image_multisampled(type) ? "true" : "false",
		spvc_type_get_image_is_depth(type) ? "true" : "false",
		spvc_type_get_image_is_storage(type) ? "true" : "false");
}

/* A number that the library gives only where the module decorates it so; asking where it does not is an error. */
static void write_decorated(struct strbuf *out, const char *key, bool is_there, unsigned value)
{
	if (is_there)
		strbuf_printf(out, ", \"%s\": %u", key, value);
	else
		strbuf_printf(out, ", \"%s\": null", key);
}

static void write_member(struct cross *c, spvc_type type, unsigned i, unsigned depth, struct strbuf *out)
{
	spvc_type_id id = spvc_type_get_base_type_id(type);
	spvc_type member = spvc_compiler_get_type_handle(c->compiler, spvc_type_get_member_type(type, i));
	bool has_offset = spvc_compiler_has_member_decoration(c->compiler, id, i, SpvDecorationOffset);
	bool has_stride = has_offset && spvc_type_get_num_array_dimensions(member) > 0;
	bool is_matrix = has_offset && spvc_type_get_columns(member) > 1;
	unsigned stride = 0, matrix_stride = 0;
	size_t size = 0;

	has_stride = has_stride &&
		spvc_compiler_type_struct_member_array_stride(c->compiler, type, i, &stride) == SPVC_SUCCESS;
	is_matrix = is_matrix &&
		spvc_compiler_type_struct_member_matrix_stride(c->compiler, type, i, &matrix_stride) == SPVC_SUCCESS;
	cross_write_name(out, "{\"name\": ", spvc_compiler_get_member_name(c->compiler, id, i));
	cross_write_type(c, member, out);
	write_decorated(out, "offset", has_offset,
		spvc_compiler_get_member_decoration(c->compiler, id, i, SpvDecorationOffset));
	if (has_offset &&
		spvc_compiler_get_declared_struct_member_size(c->compiler, type, i, &size) == SPVC_SUCCESS)
		strbuf_printf(out, ", \"size_bytes\": %zu", size);
	else
		strbuf_puts(out, ", \"size_bytes\": null");
	write_decorated(out, "array_stride", has_stride, stride);
	write_decorated(out, "matrix_stride", is_matrix, matrix_stride);
	if (is_matrix)
		strbuf_printf(out, ", \"row_major\": %s",
			spvc_compiler_has_member_decoration(c->compiler, id, i, SpvDecorationRowMajor) ? "true" : "false");
	if (spvc_type_get_basetype(member) == SPVC_BASETYPE_STRUCT)
		cross_write_struct(c, member, depth + 1, out);
	strbuf_putc(out, '}');
}

void cross_write_struct(struct cross *c, spvc_type type, unsigned depth, struct strbuf *out)
{
	unsigned n = spvc_type_get_num_member_types(type);

	cross_write_name(out, ", \"struct\": ", spvc_compiler_get_name(c->compiler, spvc_type_get_base_type_id(type)));
	strbuf_puts(out, ", \"members\": [");
	for (unsigned i = 0; i < n && depth < MAX_DEPTH && c->n_members < MAX_MEMBERS; i++) {
		c->n_members++;
		if (i)
			strbuf_puts(out, ", ");
		write_member(c, type, i, depth, out);
	}
	strbuf_putc(out, ']');
}
