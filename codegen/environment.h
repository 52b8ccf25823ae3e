/* SPDX-License-Identifier: Apache-2.0 */
/* What a target environment and a SPIR-V version mean together. Private to codegen; pure. */
#ifndef SPVSCOPE_CODEGEN_ENVIRONMENT_H
#define SPVSCOPE_CODEGEN_ENVIRONMENT_H

#include "codegen/run.h"

struct environment {
	bool opengl, universal, opencl;
	uint32_t vulkan_version; /* as Vulkan packs it: 1.1 is 1 << 22 | 1 << 12; 0 without Vulkan */
	uint32_t spirv_version;  /* as the header of a module packs it: 1.3 is 0x10300 */
};

/* Of the run's job. CODEGEN_GOOD, or CODEGEN_WRONG with a diagnostic when the environment does not take that version. */
int environment_of(struct codegen_run *run, struct environment *ret);

#endif
