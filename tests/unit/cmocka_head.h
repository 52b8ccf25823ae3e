/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka.h with the headers that it wants before it. */
#ifndef SPVSCOPE_TESTS_CMOCKA_HEAD_H
#define SPVSCOPE_TESTS_CMOCKA_HEAD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
