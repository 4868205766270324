/* SPDX-License-Identifier: BSD-3-Clause */
/* help_must.h - what a fuzzer says when a promise is broken; the engine keeps the input */
#ifndef SH_TEST_FUZZ_MUST_H
#define SH_TEST_FUZZ_MUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}
#define MUST(c) must(c, #c)

#endif
