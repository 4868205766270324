/* SPDX-License-Identifier: BSD-3-Clause */
/* labels.h - the labelled steps of one file of the room (base/fault.h), read from its source so that none can be forgotten */
#ifndef SH_TEST_OBJ_LABELS_H
#define SH_TEST_OBJ_LABELS_H

#include <stdio.h>
#include <string.h>

#include "check.h"

#define LABELS_MAX 96

struct labels {
	char name[LABELS_MAX][48];
	unsigned n;
};

static inline void labels_of(const char *file, struct labels *l)
{
	char path[1024], line[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", OBJ_SOURCE, file);
	f = fopen(path, "re");
	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL) {
		const char *at = strstr(line, "SH_STEP(\"");

		if (at == NULL)
			continue;
		CHECK(l->n < LABELS_MAX);
		CHECK_EQ(sscanf(at, "SH_STEP(\"%47[a-z_]\")", l->name[l->n]), 1);
		l->n++;
	}
	fclose(f);
}

#endif
