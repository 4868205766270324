/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * opts_lcore.c - which lcores there are and on which CPUs each may run
 *
 *   map   = item {"," item}
 *   item  = set ["@" set]       without "@": a plain "2-4" puts each lcore on the CPU of its number, a group "(2-4)" lets
 *                               all of them run on all of those CPUs
 *   set   = range | "(" range {"," range} ")"
 *   range = number ["-" number]
 *
 * While reading, ids may be as large as CPU numbers (1023): -R renumbers them afterwards. Nothing is written to struct
 * sh_opts before every id and CPU has been checked.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proc/opts_int.h"

#define IDS 1024 /* CPU_SETSIZE */
_Static_assert(IDS == CPU_SETSIZE, "an id may be any CPU number while reading");

struct map {
	struct sh_scan *s;
	const char *text; /* the whole value, for messages */
	const char *p;
	cpu_set_t on; /* lcore ids */
	cpu_set_t cpus[IDS];
};

char *sh_cpus_text(const cpu_set_t *set, char *buf, size_t cap)
{
	size_t n = 0;

	if (cap == 0)
		return buf;
	buf[0] = '\0';
	for (int i = 0; i < CPU_SETSIZE; i++) {
		char item[24];
		int j = i, k;

		if (!CPU_ISSET(i, set))
			continue;
		while (j + 1 < CPU_SETSIZE && CPU_ISSET(j + 1, set))
			j++;
		k = j > i ? snprintf(item, sizeof(item), "%s%d-%d", n != 0 ? "," : "", i, j)
			  : snprintf(item, sizeof(item), "%s%d", n != 0 ? "," : "", i);
		if (n + (size_t)k + 5 > cap) {
			if (n + 5 <= cap)
				memcpy(buf + n, ",...", 5);
			return buf;
		}
		memcpy(buf + n, item, (size_t)k + 1);
		n += (size_t)k;
		i = j;
	}
	return buf;
}

static void use(struct sh_scan *s, enum sh_opt id)
{
	memcpy(s->shown, s->spelled[id], sizeof(s->shown));
}

static void blanks(struct map *m)
{
	while (*m->p == ' ' || *m->p == '\t')
		m->p++;
}

static int malformed(struct map *m)
{
	return sh_opt_bad(m->s,
			  "'%.80s' is malformed at '%.20s'; give numbers and ranges such as 0-2,4 or lcores@cpus such "
			  "as (0-3)@(0,1)",
			  m->text, *m->p != '\0' ? m->p : "its end");
}

static int number(struct map *m, unsigned *ret)
{
	unsigned n = 0;

	blanks(m);
	if (!isdigit((unsigned char)*m->p))
		return malformed(m);
	for (; isdigit((unsigned char)*m->p); m->p++) {
		n = n * 10 + (unsigned)(*m->p - '0');
		if (n >= IDS)
			return sh_opt_bad(m->s, "'%.80s' has a number above %d; CPU numbers end there", m->text,
					  IDS - 1);
	}
	blanks(m);
	*ret = n;
	return 0;
}

static int range(struct map *m, cpu_set_t *set)
{
	unsigned from, to;
	int r = number(m, &from);

	if (r < 0)
		return r;
	to = from;
	if (*m->p == '-') {
		m->p++;
		r = number(m, &to);
		if (r < 0)
			return r;
	}
	if (to < from)
		return sh_opt_bad(m->s, "'%.80s' has a range that runs backwards; write %u-%u", m->text, to, from);
	for (; from <= to; from++)
		CPU_SET(from, set);
	return 0;
}

static int set_of(struct map *m, cpu_set_t *set, bool *group)
{
	int r;

	CPU_ZERO(set);
	blanks(m);
	*group = *m->p == '(';
	if (!*group)
		return range(m, set);
	do {
		m->p++;
		r = range(m, set);
		if (r < 0)
			return r;
	} while (*m->p == ',');
	if (*m->p != ')')
		return malformed(m);
	m->p++;
	blanks(m);
	return 0;
}

static int item(struct map *m)
{
	cpu_set_t ids, cpus, one;
	bool group, group2, own = false;
	int r = set_of(m, &ids, &group);

	if (r < 0)
		return r;
	if (*m->p == '@') {
		m->p++;
		r = set_of(m, &cpus, &group2);
		if (r < 0)
			return r;
	} else {
		cpus = ids;
		own = !group;
	}
	for (unsigned i = 0; i < IDS; i++) {
		if (!CPU_ISSET(i, &ids))
			continue;
		CPU_ZERO(&one);
		CPU_SET(i, &one);
		if (CPU_ISSET(i, &m->on) && !CPU_EQUAL(&m->cpus[i], own ? &one : &cpus))
			return sh_opt_bad(m->s, "'%.80s' puts lcore %u in two places; name it once", m->text, i);
		CPU_SET(i, &m->on);
		m->cpus[i] = own ? one : cpus;
	}
	return 0;
}

static int read_map(struct map *m, const char *text)
{
	m->text = m->p = text;
	for (;;) {
		int r = item(m);

		if (r < 0)
			return r;
		if (*m->p == '\0')
			return 0;
		if (*m->p != ',')
			return malformed(m);
		m->p++;
	}
}

/* bit i of the mask: lcore i on CPU i */
static int read_mask(struct map *m, const char *text)
{
	const char *p = text;
	size_t n;

	m->text = text;
	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		p += 2;
	n = strlen(p);
	if (n == 0 || strspn(p, "0123456789abcdefABCDEF") != n)
		return sh_opt_bad(m->s, "'%.80s' is no mask; give hexadecimal digits, such as 0x3 for lcores 0 and 1",
				  text);
	for (size_t k = 0; k < n; k++) {
		char c = p[n - 1 - k];
		unsigned bits = isdigit((unsigned char)c) ? (unsigned)(c - '0') : (unsigned)((c | 32) - 'a') + 10;

		for (unsigned b = 0; b < 4; b++) {
			if ((bits >> b & 1) == 0)
				continue;
			if (k * 4 + b >= IDS)
				return sh_opt_bad(m->s, "'%.80s' has a bit above %d; CPU numbers end there", text,
						  IDS - 1);
			CPU_SET(k * 4 + b, &m->on);
			CPU_ZERO(&m->cpus[k * 4 + b]);
			CPU_SET(k * 4 + b, &m->cpus[k * 4 + b]);
		}
	}
	if (CPU_COUNT(&m->on) == 0)
		return sh_opt_bad(m->s, "'%.80s' names no lcore; set at least one bit, such as 0x1", text);
	return 0;
}

/* an --lcores value that has as many lcores as were asked for and works on the CPUs there are */
static void suggest(const struct map *m, char *buf, size_t cap)
{
	const cpu_set_t *have = m->s->cpus;
	int count = CPU_COUNT(&m->on);
	bool renumber = false;
	unsigned cpu = 0, k = 0;
	char a[100];
	size_t n = 0;

	for (unsigned i = SH_LCORES; i < IDS; i++)
		renumber = renumber || CPU_ISSET(i, &m->on);
	if (count > 8) {
		char ids[100];

		if (renumber)
			snprintf(ids, sizeof(ids), "0-%d", (count < SH_LCORES ? count : SH_LCORES) - 1);
		else
			sh_cpus_text(&m->on, ids, sizeof(ids));
		snprintf(buf, cap, "(%s)@(%s)", ids, sh_cpus_text(have, a, sizeof(a)));
		return;
	}
	for (unsigned i = 0; i < IDS && n < cap; i++) {
		if (!CPU_ISSET(i, &m->on))
			continue;
		for (unsigned tries = 0; !CPU_ISSET(cpu, have) && tries < IDS; tries++)
			cpu = (cpu + 1) % IDS;
		n += (size_t)snprintf(buf + n, cap - n, "%s%u@%u", k != 0 ? "," : "", renumber ? k : i, cpu);
		cpu = (cpu + 1) % IDS;
		k++;
	}
}

/* every CPU exists, every id fits; renumbered when asked; into struct sh_opts */
static int settle(struct map *m, bool remap, unsigned base)
{
	struct sh_opts *o = m->s->o;
	char have[100], hint[280];
	unsigned k = base;

	for (unsigned i = 0; i < IDS; i++) {
		if (!CPU_ISSET(i, &m->on))
			continue;
		for (unsigned c = 0; c < IDS; c++) {
			if (!CPU_ISSET(c, &m->cpus[i]) || CPU_ISSET(c, m->s->cpus))
				continue;
			suggest(m, hint, sizeof(hint));
			return sh_opt_bad(
				m->s, "'%.40s' needs CPU %u, but this process may use CPUs %s only; use --lcores '%s'",
				m->text, c, sh_cpus_text(m->s->cpus, have, sizeof(have)), hint);
		}
		if ((remap ? k : i) >= SH_LCORES) {
			suggest(m, hint, sizeof(hint));
			return sh_opt_bad(m->s, "lcore %u: ids go from 0 to %d; use --lcores '%s'", remap ? k : i,
					  SH_LCORES - 1, hint);
		}
		k++;
	}
	k = base;
	for (unsigned i = 0; i < IDS; i++) {
		if (!CPU_ISSET(i, &m->on))
			continue;
		o->lcore_on[remap ? k : i] = true;
		o->lcore_cpus[remap ? k : i] = m->cpus[i];
		k++;
	}
	return 0;
}

/* no option: one lcore for each CPU of this process, its id is the CPU's number */
static int default_map(struct map *m, bool remap, unsigned base)
{
	unsigned got = 0, limit = remap ? SH_LCORES - base : SH_LCORES;
	char have[100];

	for (unsigned c = 0; c < IDS; c++) {
		if (!CPU_ISSET(c, m->s->cpus))
			continue;
		if (remap ? got >= limit : c >= SH_LCORES) {
			m->s->o->cpus_left_out++;
			continue;
		}
		CPU_SET(c, &m->on);
		CPU_ZERO(&m->cpus[c]);
		CPU_SET(c, &m->cpus[c]);
		got++;
	}
	if (got != 0)
		return settle(m, remap, base);
	snprintf(m->s->shown, sizeof(m->s->shown), "-l");
	return sh_opt_bad(m->s,
			  "not given, and no CPU of this process (%s) has a number below %d to serve as lcore id; "
			  "give -R to number them from 0",
			  sh_cpus_text(m->s->cpus, have, sizeof(have)), SH_LCORES);
}

static int service(struct map *m, struct sh_scan *s)
{
	struct sh_opts *o = s->o;
	enum sh_opt id = o->seen[SH_OPT_SERVICE_LIST] != 0 ? SH_OPT_SERVICE_LIST : SH_OPT_SERVICE_MASK;
	const char *v = sh_opts_value(o, id, 0);
	unsigned left = 0;
	int r;

	if (v == NULL)
		return 0;
	use(s, id);
	CPU_ZERO(&m->on);
	r = id == SH_OPT_SERVICE_LIST ? read_map(m, v) : read_mask(m, v);
	for (unsigned i = SH_LCORES; r == 0 && i < IDS; i++)
		if (CPU_ISSET(i, &m->on))
			return sh_opt_bad(s, "lcore %u: ids go from 0 to %d; give smaller ones", i, SH_LCORES - 1);
	for (unsigned i = 0; r == 0 && i < SH_LCORES; i++)
		left += o->lcore_on[i] && !CPU_ISSET(i, &m->on);
	if (r == 0 && left == 0)
		return sh_opt_bad(s, "'%.80s' leaves no lcore for the program; leave one out or add one to --lcores",
				  v);
	for (unsigned i = 0; r == 0 && i < SH_LCORES; i++)
		if (CPU_ISSET(i, &m->on))
			o->lcore_on[i] = false;
	return r;
}

static int main_lcore(struct sh_scan *s)
{
	struct sh_opts *o = s->o;
	const char *v = sh_opts_value(o, SH_OPT_MAIN_LCORE, 0);
	cpu_set_t ids;
	char text[100];
	uint64_t n;

	CPU_ZERO(&ids);
	for (unsigned i = SH_LCORES; i-- > 0;) {
		if (!o->lcore_on[i])
			continue;
		o->main_lcore = i;
		CPU_SET(i, &ids);
	}
	if (v == NULL)
		return 0;
	use(s, SH_OPT_MAIN_LCORE);
	sh_cpus_text(&ids, text, sizeof(text));
	if (!sh_opt_number(v, 10, UINT32_MAX, &n))
		return sh_opt_bad(s, "'%.80s' is no lcore id; give one of %s", v, text);
	if (n >= SH_LCORES || !o->lcore_on[n])
		return sh_opt_bad(s, "lcore %llu is not enabled; give one of %s or add it with --lcores",
				  (unsigned long long)n, text);
	o->main_lcore = (unsigned)n;
	return 0;
}

int sh_opt_lcores(struct sh_scan *s)
{
	struct sh_opts *o = s->o;
	const char *base_text = sh_opts_value(o, SH_OPT_REMAP, 0);
	bool remap = o->seen[SH_OPT_REMAP] != 0;
	uint64_t base = 0;
	struct map *m;
	int r;

	if (base_text != NULL && !sh_opt_number(base_text, 10, SH_LCORES - 1, &base)) {
		use(s, SH_OPT_REMAP);
		return sh_opt_bad(s, "'%.80s' is no lcore id; give the first id, 0 to %d", base_text, SH_LCORES - 1);
	}
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return -ENOMEM;
	m->s = s;
	if (o->seen[SH_OPT_LCORES] != 0) {
		use(s, SH_OPT_LCORES);
		r = read_map(m, sh_opts_value(o, SH_OPT_LCORES, 0));
		if (r == 0)
			r = settle(m, remap, (unsigned)base);
	} else if (o->seen[SH_OPT_COREMASK] != 0) {
		use(s, SH_OPT_COREMASK);
		r = read_mask(m, sh_opts_value(o, SH_OPT_COREMASK, 0));
		if (r == 0)
			r = settle(m, remap, (unsigned)base);
	} else {
		r = default_map(m, remap, (unsigned)base);
	}
	if (r == 0)
		r = service(m, s);
	if (r == 0)
		r = main_lcore(s);
	free(m);
	return r;
}
