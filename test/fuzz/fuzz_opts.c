/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_opts.c - any bytes as a command line
 *
 * The first byte says which of the CPUs 0..7 there are (none of them: 200 and 201), the rest are words, one a line.
 * Held against the contract of opts.h: refused means argv untouched, one line of text, nothing kept; taken means argv is a
 * permutation whose program part has kept its order, and every lcore has CPUs that exist.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proc/opts.h"

#define WORDS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}
#define MUST(c) must(c, #c)

static void check_refused(const struct sh_opts *o, int argc, char **argv, char **before, const char *err)
{
	MUST(memcmp(argv, before, (size_t)argc * sizeof(*argv)) == 0);
	MUST(o->vals == NULL);
	MUST(strlen(err) > 10 && strlen(err) < SH_OPTS_ERR);
	for (const char *p = err; *p != '\0'; p++)
		MUST((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static void check_argv(int ret, int argc, char **argv, char **before)
{
	bool used[WORDS] = {false};
	int last = -1;

	MUST(ret >= 0 && ret < argc);
	MUST(argv[ret] == before[0] && argv[0] == before[0]);
	for (int i = 0; i < argc; i++) {
		int at = 0;

		while (at < argc && argv[i] != before[at])
			at++;
		MUST(at < argc);
		if (i == ret)
			continue;
		MUST(!used[at]);
		used[at] = true;
		MUST(i < ret || at > last);
		last = i > ret ? at : -1;
	}
}

static void check_lcores(const struct sh_opts *o, const cpu_set_t *cpus)
{
	cpu_set_t both;

	MUST(o->main_lcore < SH_LCORES && o->lcore_on[o->main_lcore]);
	for (unsigned i = 0; i < SH_LCORES; i++) {
		if (!o->lcore_on[i])
			continue;
		MUST(CPU_COUNT(&o->lcore_cpus[i]) > 0);
		CPU_AND(&both, &o->lcore_cpus[i], cpus);
		MUST(CPU_EQUAL(&both, &o->lcore_cpus[i]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *argv[WORDS + 1] = {(char *)"prog"}, *before[WORDS + 1], err[SH_OPTS_ERR], *text;
	struct sh_opts o;
	cpu_set_t cpus;
	int argc = 1, r;

	if (size < 1)
		return 0;
	CPU_ZERO(&cpus);
	for (unsigned c = 0; c < 8; c++)
		if ((data[0] >> c & 1) != 0)
			CPU_SET(c, &cpus);
	if (data[0] == 0) {
		CPU_SET(200, &cpus);
		CPU_SET(201, &cpus);
	}
	text = malloc(size);
	if (text == NULL)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	for (char *p = text; p != NULL && argc < WORDS;) {
		char *end = strchr(p, '\n');

		if (end != NULL)
			*end++ = '\0';
		argv[argc++] = p;
		p = end;
	}
	memcpy(before, argv, sizeof(before));
	r = sh_opts_parse(&o, argc, argv, &cpus, err, sizeof(err));
	if (r < 0) {
		check_refused(&o, argc, argv, before, err);
	} else {
		check_argv(r, argc, argv, before);
		if (!o.want_help && !o.want_log_help)
			check_lcores(&o, &cpus);
		MUST(o.max_members >= 1 && o.max_members <= SH_MEMBERS && o.prefix[0] != '\0');
		sh_opts_free(&o);
	}
	free(text);
	return 0;
}
