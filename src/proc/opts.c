/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * opts.c - walk argv
 *
 * Accepted is the union of two grammars. getopt_long's: words that are no options may stand anywhere before "--" and end up
 * after the options, long names may be shortened as long as they stay unique, flags without value may be grouped (-vh),
 * "-l0", "-l 0", "--lcores 0", "--lcores=0". And the newer one's: "-l=0" and more long names. An abbreviation is looked for
 * among the older names first, so that no name added later makes an old command line ambiguous.
 *
 * Invariants   argv is written only when everything was right, by one permutation at the end; the strings never.
 *              An option given again with the value it has changes nothing; with another value it is an error, unless it is
 *              a list. Every path out with an error has freed all copies.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proc/opts_int.h"

int sh_opt_bad(struct sh_scan *s, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	if (s->errcap == 0)
		return -EINVAL;
	n = (size_t)snprintf(s->err, s->errcap, "option %s: ", s->shown);
	if (n < s->errcap) {
		va_start(ap, fmt);
		vsnprintf(s->err + n, s->errcap - n, fmt, ap);
		va_end(ap);
	}
	/* one line, whatever bytes the command line had */
	for (char *p = s->err; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return -EINVAL;
}

static void show(struct sh_scan *s, const struct sh_opt_def *d, char letter, const char *name)
{
	if (letter != 0)
		snprintf(s->shown, sizeof(s->shown), "-%c", letter);
	else
		snprintf(s->shown, sizeof(s->shown), "--%.28s", name);
	if (d != NULL && s->o->seen[d->id] == 0)
		memcpy(s->spelled[d->id], s->shown, sizeof(s->shown));
}

static const struct sh_opt_def *by_letter(char c)
{
	for (unsigned i = 0; i < sh_opt_defs_n; i++)
		if (sh_opt_defs[i].letter == c)
			return &sh_opt_defs[i];
	return NULL;
}

/*
 * The option whose name starts with the n bytes at s. pass 0: the whole name; 1: names of 22.11; 2: all names.
 * *other: another option that fits as well, or NULL; with *full they are two names for the message.
 */
static const struct sh_opt_def *match(const char *s, size_t n, int pass, const char **full, const char **other)
{
	const struct sh_opt_def *hit = NULL;

	*other = NULL;
	for (unsigned i = 0; i < sh_opt_defs_n; i++) {
		const struct sh_opt_def *d = &sh_opt_defs[i];

		for (unsigned k = 0; k < 2; k++) {
			const char *name = d->name[k];

			if (name == NULL || strncmp(name, s, n) != 0 || (pass == 0 && name[n] != '\0'))
				continue;
			if (pass == 1 && (d->flags & (k == 0 ? SH_OPTF_22L : SH_OPTF_22A)) == 0)
				continue;
			if (hit != NULL && hit != d) {
				*other = name;
				return hit;
			}
			if (hit == NULL)
				*full = name;
			hit = d;
		}
	}
	return hit;
}

/* NULL: the error line is written */
static const struct sh_opt_def *by_name(struct sh_scan *s, const char *word, size_t n, const char **full)
{
	const struct sh_opt_def *d = NULL;
	const char *other = NULL;

	for (int pass = 0; pass < 3 && d == NULL && n > 0; pass++)
		d = match(word, n, pass, full, &other);
	if (d != NULL && other == NULL)
		return d;
	snprintf(s->shown, sizeof(s->shown), "--%.*s", n > 28 ? 28 : (int)n, word);
	if (d != NULL)
		sh_opt_bad(s, "ambiguous, it may mean --%s or --%s; write the name in full", *full, other);
	else
		sh_opt_bad(s, "unknown; -h lists the options, those of the program itself come after \"--\"");
	return NULL;
}

static const struct sh_opt_val *find_value(const struct sh_opts *o, enum sh_opt id, unsigned nth)
{
	for (const struct sh_opt_val *v = o->vals; v != NULL; v = v->next)
		if (v->id == id && nth-- == 0)
			return v;
	return NULL;
}

const char *sh_opts_value(const struct sh_opts *o, enum sh_opt id, unsigned nth)
{
	const struct sh_opt_val *v = find_value(o, id, nth);

	return v != NULL && v->has ? v->text : NULL;
}

static int keep(struct sh_opts *o, enum sh_opt id, const char *v)
{
	size_t n = v != NULL ? strlen(v) : 0;
	struct sh_opt_val *x = malloc(sizeof(*x) + n + 1), **end = &o->vals;

	if (x == NULL)
		return -ENOMEM;
	x->next = NULL;
	x->id = id;
	x->has = v != NULL;
	memcpy(x->text, n != 0 ? v : "", n);
	x->text[n] = '\0';
	while (*end != NULL)
		end = &(*end)->next;
	*end = x;
	return 0;
}

/* one option with its value; v NULL: none given */
static int take(struct sh_scan *s, const struct sh_opt_def *d, const char *v)
{
	struct sh_opts *o = s->o;
	const struct sh_opt_val *old = find_value(o, d->id, 0);
	int r;

	if (old != NULL && (d->flags & SH_OPTF_LIST) == 0) {
		if (old->has == (v != NULL) && (v == NULL || strcmp(old->text, v) == 0))
			return 0;
		return sh_opt_bad(s, "given twice, with '%.80s' and '%.80s'; keep one of them",
				  old->has ? old->text : "no value", v != NULL ? v : "no value");
	}
	r = d->take(s, d, v);
	if (r == 0)
		r = keep(o, d->id, v);
	if (r == 0)
		o->seen[d->id]++;
	return r;
}

/* an optional value may stand in the next word only where 22.11 required one: --syslog FACILITY */
static bool takes_next(const struct sh_opt_def *d, const char *next)
{
	int facility;

	return d->id == SH_OPT_SYSLOG && next != NULL && sh_syslog_facility(next, &facility);
}

/* argv[i] starts with "--". Returns how many words were used, or -errno. */
static int long_option(struct sh_scan *s, char **argv, int argc, int i)
{
	const char *word = argv[i] + 2, *full = "";
	const char *eq = strchr(word, '='), *v = eq != NULL ? eq + 1 : NULL;
	size_t n = eq != NULL ? (size_t)(eq - word) : strlen(word);
	const char *next = i + 1 < argc ? argv[i + 1] : NULL;
	const struct sh_opt_def *d;
	int used = 1, r;

	d = by_name(s, word, n, &full);
	if (d == NULL)
		return -EINVAL;
	show(s, d, 0, full);
	if (d->arg == SH_ARG_NONE && v != NULL)
		return sh_opt_bad(s, "takes no value, but has '%.80s'; leave out the '='", v);
	if (v == NULL && (d->arg == SH_ARG_REQ || takes_next(d, next))) {
		if (next == NULL)
			return sh_opt_bad(s, "needs a value: --%s=%s", full, d->value);
		v = next;
		used = 2;
	}
	r = take(s, d, v);
	return r < 0 ? r : used;
}

/* argv[i] is "-x...": one option with its value, or several flags. Returns how many words were used, or -errno. */
static int short_options(struct sh_scan *s, char **argv, int argc, int i)
{
	for (const char *p = argv[i] + 1; *p != '\0'; p++) {
		const struct sh_opt_def *d = by_letter(*p);
		const char *v = NULL;
		int used = 1, r;

		show(s, d, *p, NULL);
		if (d == NULL)
			return sh_opt_bad(s, "unknown; -h lists the options, those of the program itself come "
					     "after \"--\"");
		if (d->arg != SH_ARG_NONE && p[1] != '\0')
			v = p[1] == '=' ? p + 2 : p + 1;
		else if (d->arg == SH_ARG_NONE && p[1] == '=')
			return sh_opt_bad(s, "takes no value, but has '%.80s'; leave out the '='", p + 2);
		if (d->arg == SH_ARG_REQ && v == NULL) {
			if (i + 1 >= argc)
				return sh_opt_bad(s, "needs a value: -%c %s", d->letter, d->value);
			v = argv[i + 1];
			used = 2;
		}
		r = take(s, d, v);
		if (r < 0)
			return r;
		if (v != NULL || s->o->want_help || s->o->want_log_help)
			return used;
	}
	return 1;
}

static int conflicts(struct sh_scan *s)
{
	const struct sh_opts *o = s->o;

	for (unsigned i = 0; i < sh_opt_pairs_n; i++) {
		const struct sh_opt_pair *p = &sh_opt_pairs[i];

		if (o->seen[p->a] == 0 || o->seen[p->b] == 0)
			continue;
		memcpy(s->shown, s->spelled[p->a], sizeof(s->shown));
		return sh_opt_bad(s, "cannot be used together with %s: %s; leave one of them out", s->spelled[p->b],
				  p->why);
	}
	if (o->role == SH_ROLE_SECONDARY && (o->no_shconf || o->in_memory)) {
		memcpy(s->shown, s->spelled[SH_OPT_PROC_TYPE], sizeof(s->shown));
		return sh_opt_bad(s,
				  "a secondary cannot be used together with %s: such a process is alone; leave one of "
				  "them out",
				  s->spelled[o->no_shconf ? SH_OPT_NO_SHCONF : SH_OPT_IN_MEMORY]);
	}
	return 0;
}

/* words of argv in their final order; kind[i]: 1 belongs to the options, 0 to the program. Returns the number of 1s. */
static int permute(int argc, char **argv, const unsigned char *kind, char **tmp)
{
	int n = 0, rest;

	for (int i = 0; i < argc; i++)
		n += kind[i];
	rest = n;
	for (int i = 0, at = 0; i < argc; i++)
		tmp[kind[i] ? at++ : rest++] = argv[i];
	memcpy(argv, tmp, (size_t)argc * sizeof(*argv));
	return n;
}

static int walk(struct sh_scan *s, int argc, char **argv, unsigned char *kind)
{
	kind[0] = 1; /* the program's name */
	for (int i = 1; i < argc;) {
		int r;

		if (strcmp(argv[i], "--") == 0) {
			kind[i] = 1;
			break;
		}
		if (argv[i][0] != '-' || argv[i][1] == '\0') {
			i++;
			continue;
		}
		r = argv[i][1] == '-' ? long_option(s, argv, argc, i) : short_options(s, argv, argc, i);
		if (r < 0)
			return r;
		for (; r > 0; r--)
			kind[i++] = 1;
		if (s->o->want_help || s->o->want_log_help)
			return 0;
	}
	return conflicts(s) < 0 ? -EINVAL : sh_opt_lcores(s);
}

static void defaults(struct sh_opts *o)
{
	memset(o, 0, sizeof(*o));
	o->role = SH_ROLE_PRIMARY;
	memcpy(o->prefix, "rte", 4);
	o->max_members = SH_MEMBERS;
	o->join_timeout_ms = 10000;
	o->mem_decay = 1000 + 1;
}

int sh_opts_parse(struct sh_opts *o, int argc, char **argv, const cpu_set_t *cpus, char *err, size_t errcap)
{
	struct sh_scan *s = calloc(1, sizeof(*s));
	unsigned char *kind = calloc((size_t)(argc > 0 ? argc : 1), 1);
	char **tmp = calloc((size_t)(argc > 0 ? argc : 1), sizeof(*tmp));
	int r;

	defaults(o);
	if (errcap > 0)
		err[0] = '\0';
	if (s == NULL || kind == NULL || tmp == NULL) {
		snprintf(err, errcap, "no memory to read the options");
		r = -ENOMEM;
		goto out;
	}
	s->o = o;
	s->cpus = cpus;
	s->err = err;
	s->errcap = errcap;
	r = -EINVAL;
	if (argc < 1 || argv == NULL || argv[0] == NULL) {
		snprintf(err, errcap, "argc and argv: the program's name is missing; pass those of main()");
		goto out;
	}
	for (int i = 0; i < argc; i++) {
		if (argv[i] == NULL) {
			snprintf(err, errcap, "argv[%d] of %d is NULL; pass argc and argv of main()", i, argc);
			goto out;
		}
	}
	r = walk(s, argc, argv, kind);
	if (r == -ENOMEM)
		snprintf(err, errcap, "no memory to read the options");
	if (r < 0)
		goto out;
	r = permute(argc, argv, kind, tmp) - 1;
	argv[r] = argv[0];
out:
	if (r < 0)
		sh_opts_free(o);
	free(tmp);
	free(kind);
	free(s);
	return r;
}

void sh_opts_free(struct sh_opts *o)
{
	struct sh_opt_val *v, *next;

	for (v = o->vals; v != NULL; v = next) {
		next = v->next;
		free(v);
	}
	o->vals = NULL;
}
