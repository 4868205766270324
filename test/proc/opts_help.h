/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * opts_help.h - the option parser under test, for one test file
 *
 * The parser is pure, so no process is needed: a case gives the words, separated by blanks, and the CPUs of the machine.
 */
#ifndef SH_TEST_OPTS_HELP_H
#define SH_TEST_OPTS_HELP_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "proc/opts.h"

static struct sh_opts o;
static char err[SH_OPTS_ERR];
static char words[1024], *av[64];
static int ac;

/* cpus: ranges, such as "0-1,4-4" */
static inline int parse_on(const char *cpus, const char *line)
{
	cpu_set_t set;
	int from, to, n;

	CPU_ZERO(&set);
	for (const char *p = cpus; sscanf(p, "%d-%d%n", &from, &to, &n) == 2; p += n + (p[n] == ','))
		for (; from <= to; from++)
			CPU_SET(from, &set);
	snprintf(words, sizeof(words), "prog %s", line);
	ac = 0;
	for (char *save, *w = strtok_r(words, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		av[ac++] = w;
	av[ac] = NULL;
	sh_opts_free(&o); /* of the line before */
	return sh_opts_parse(&o, ac, av, &set, err, sizeof(err));
}

static inline int parse(const char *line)
{
	return parse_on("0-1", line);
}

static inline void good(const char *line)
{
	int r = parse(line);

	if (r < 0)
		t_fail(__FILE__, __LINE__, "'%s' was refused: %s", line, err);
}

static inline void refused_on(const char *cpus, const char *line, const char *text)
{
	int r = parse_on(cpus, line);

	if (r != -EINVAL)
		t_fail(__FILE__, __LINE__, "'%s' gave %d instead of -EINVAL", line, r);
	if (strcmp(err, text) != 0)
		t_fail(__FILE__, __LINE__, "'%s' says\n  %s\ninstead of\n  %s", line, err, text);
	CHECK(o.vals == NULL);
}

static inline void refused(const char *line, const char *text)
{
	refused_on("0-1", line, text);
}

#endif
