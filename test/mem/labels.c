/* SPDX-License-Identifier: BSD-3-Clause */
/* labels.c - see labels.h */
#include "labels.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool begins(const char *name, const char *const *prefixes)
{
	for (; *prefixes != NULL; prefixes++)
		if (strncmp(name, *prefixes, strlen(*prefixes)) == 0)
			return true;
	return false;
}

static void of_file(const char *path, struct labels *l, const char *const *prefixes)
{
	FILE *f = fopen(path, "re");
	char line[512];

	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL) {
		const char *at = strstr(line, "SH_STEP(\"");

		if (at == NULL)
			continue;
		CHECK(l->n < LABELS_MAX);
		CHECK_EQ(sscanf(at, "SH_STEP(\"%47[a-z_]\")", l->name[l->n]), 1);
		l->n += begins(l->name[l->n], prefixes);
	}
	fclose(f);
}

void labels_of(struct labels *l, const char *const *prefixes)
{
	char path[1024];
	struct dirent *e;
	DIR *d = opendir(MEM_SOURCE);

	l->n = 0;
	CHECK(d != NULL);
	while ((e = readdir(d)) != NULL) {
		if (strstr(e->d_name, ".c") == NULL)
			continue;
		snprintf(path, sizeof(path), "%s/%s", MEM_SOURCE, e->d_name);
		of_file(path, l, prefixes);
	}
	closedir(d);
	CHECK(l->n > 25);
}

int run_killed(int (*fn)(void *), void *arg, const char *label, unsigned nth, sh_id_t *id)
{
	char at[80];
	int r;

	snprintf(at, sizeof(at), "%s:%u", label, nth);
	setenv("SHOAL_DIE_AT", at, 1);
	r = f_wait(f_member(fn, arg, id));
	unsetenv("SHOAL_DIE_AT");
	return r;
}
