/* SPDX-License-Identifier: Apache-2.0 */
/* openapi.yaml as the JSON that is served at /openapi.json; made by yaml_to_json.py. */
#ifndef SPVSCOPE_OPENAPI_JSON_H
#define SPVSCOPE_OPENAPI_JSON_H

#include <stddef.h>

extern const unsigned char openapi_json[];
extern const size_t openapi_json_size;

#endif
