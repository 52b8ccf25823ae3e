/* SPDX-License-Identifier: Apache-2.0 */
/* In the place of this folder's other files where the program was built without SPIRV-Cross. */
#include <stddef.h>

#include "codegen/spirv_cross/spirv_cross.h"

int spirv_cross_products(struct codegen_run *run)
{
	for (unsigned p = 0; p < SPVSCOPE_N_PRODUCTS; p++)
		if (p != SPVSCOPE_PRODUCT_LINE_MAP && p != SPVSCOPE_PRODUCT_WGSL &&
		    run->job->emit & spvscope_product_bit((enum spvscope_product)p))
			return run_refuse(run, "spvscope", "spirv-cross",
				"\"%s\" needs SPIRV-Cross, which this program was built without (libspirv-cross-c-shared-dev)",
				spvscope_product_name((enum spvscope_product)p));
	return CODEGEN_GOOD;
}

const char *spirv_cross_version(void)
{
	return NULL;
}
