/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * opts_value.c - one reader for each kind of value
 *
 * A reader checks its value to the last byte and writes the field of struct sh_opts, if there is one. Values that no room
 * uses yet are checked all the same: a typing error is told today, not when the room lands.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#include "proc/opts_int.h"

#define PATTERN_MAX 64 /* characters of a log type's pattern, with the NUL */
#define UNUSED __attribute__((unused))

bool sh_opt_number(const char *v, int base, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;

	if (base != 10 && v[0] == '0' && (v[1] == 'x' || v[1] == 'X')) {
		base = 16;
		v += 2;
	} else if (base == 0) {
		base = 10;
	}
	if (*v == '\0')
		return false;
	for (; *v != '\0'; v++) {
		unsigned digit;

		if (*v >= '0' && *v <= '9')
			digit = (unsigned)(*v - '0');
		else if (base == 16 && isxdigit((unsigned char)*v))
			digit = (unsigned)(tolower((unsigned char)*v) - 'a') + 10;
		else
			return false;
		if (n > (max - digit) / (unsigned)base)
			return false;
		n = n * (unsigned)base + digit;
	}
	*ret = n;
	return true;
}

/* a number of bytes with an optional K, M, G or T */
static bool size_of(const char *v, uint64_t *ret)
{
	static const char unit[] = "KMGT";
	size_t n = strlen(v);
	char digits[24];
	const char *u;
	unsigned shift = 0;

	if (n == 0 || n >= sizeof(digits))
		return false;
	memcpy(digits, v, n + 1);
	u = strchr(unit, toupper((unsigned char)v[n - 1]));
	if (u != NULL) {
		digits[n - 1] = '\0';
		shift = 10 * (unsigned)(u - unit + 1);
	}
	if (!sh_opt_number(digits, 10, UINT64_MAX >> shift, ret))
		return false;
	*ret <<= shift;
	return true;
}

/* a word of a list: its index, or -1 */
static int word_of(const char *v, const char *const *words)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(v, words[i]) == 0)
			return i;
	return -1;
}

int sh_take_flag(struct sh_scan *s, const struct sh_opt_def *d, const char *v UNUSED)
{
	struct sh_opts *o = s->o;

	switch (d->id) {
	case SH_OPT_CREATE_UIO:
		o->create_uio = true;
		break;
	case SH_OPT_HELP:
		o->want_help = true;
		break;
	case SH_OPT_IN_MEMORY:
		o->in_memory = true;
		break;
	case SH_OPT_NO_HUGE:
		o->no_huge = true;
		o->huge = SH_HUGE_NEVER;
		break;
	case SH_OPT_NO_PCI:
		o->no_pci = true;
		break;
	case SH_OPT_NO_SHCONF:
		o->no_shconf = true;
		break;
	case SH_OPT_NO_TELEMETRY:
		o->no_telemetry = true;
		break;
	case SH_OPT_TRACK_POOLS:
		o->track_pools = true;
		break;
	case SH_OPT_VERSION:
		o->want_version = true;
		break;
	default: /* no effect, or looked up in seen[] */
		break;
	}
	return 0;
}

int sh_take_text(struct sh_scan *s, const struct sh_opt_def *d, const char *v)
{
	return *v != '\0' ? 0 : sh_opt_bad(s, "the value is empty; give %s", d->value);
}

int sh_take_later(struct sh_scan *s, const struct sh_opt_def *d, const char *v)
{
	return v == NULL || *v != '\0' ? 0 : sh_opt_bad(s, "the value is empty; give %s", d->value);
}

int sh_take_uid(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	struct sh_opts *o = s->o;
	uint64_t n;

	if (!sh_opt_number(v, 10, (uid_t)-2, &n))
		return sh_opt_bad(s, "'%.80s' is no user id; give a number as 'id -u' prints it", v);
	for (unsigned i = 0; i < o->n_allow_uid; i++)
		if (o->allow_uid[i] == (uid_t)n)
			return 0;
	if (o->n_allow_uid == sizeof(o->allow_uid) / sizeof(o->allow_uid[0]))
		return sh_opt_bad(s, "more than %u users; run the members under fewer", o->n_allow_uid);
	o->allow_uid[o->n_allow_uid++] = (uid_t)n;
	return 0;
}

int sh_take_base(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	const uint64_t round = 16u << 20;
	uint64_t n;

	if (!sh_opt_number(v, 16, UINT64_MAX, &n))
		return sh_opt_bad(s, "'%.80s' is no address; give hexadecimal digits such as 0x%llx", v,
				  (unsigned long long)SH_BASE_ADDR);
	if (n >= 1ull << 47)
		return sh_opt_bad(s, "0x%llx is above what a program may map; give an address below 0x800000000000",
				  (unsigned long long)n);
	s->o->base_virtaddr = (n + round - 1) / round * round;
	return 0;
}

int sh_take_prefix(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	size_t n = strlen(v);

	if (n == 0)
		return sh_opt_bad(s, "the value is empty; give a name such as 'rte'");
	if (n > SH_PREFIX_MAX)
		return sh_opt_bad(s, "the name has %zu characters, more than %d; give a shorter one", n, SH_PREFIX_MAX);
	if (strpbrk(v, "%/") != NULL || strcmp(v, ".") == 0 || strcmp(v, "..") == 0)
		return sh_opt_bad(s,
				  "'%.80s' cannot name a directory: it must not contain '%%' or '/' nor be '.' or "
				  "'..'; give another name",
				  v);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)v[i] < 0x20 || v[i] == 0x7f)
			return sh_opt_bad(s,
					  "the name has a control character (0x%02x) at place %zu; give another name",
					  (unsigned char)v[i], i + 1);
	memcpy(s->o->prefix, v, n + 1);
	return 0;
}

int sh_take_simd(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	uint64_t n;

	if (!sh_opt_number(v, 0, 32768, &n) || (n != 0 && (n < 64 || (n & (n - 1)) != 0)))
		return sh_opt_bad(s, "'%.80s' is no register width; give 0 (no cap) or a power of two from 64 to 32768",
				  v);
	return 0;
}

int sh_take_unlink(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	static const char *const words[] = {"existing", "always", "never", NULL};

	if (v != NULL && word_of(v, words) < 0)
		return sh_opt_bad(s, "'%.80s' is none of existing, always, never; give one of them or none", v);
	return 0;
}

int sh_take_stack(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	uint64_t n;

	if (v != NULL && (!sh_opt_number(v, 10, 1u << 22, &n) || n == 0))
		return sh_opt_bad(s, "'%.80s' is no stack size; give KiB from 1 to %u", v, 1u << 22);
	return 0;
}

int sh_take_iova(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	if (strcmp(v, "pa") == 0)
		return sh_opt_bad(s, "physical addresses are not available: no device here needs them; use va or leave "
				     "the option out");
	return strcmp(v, "va") == 0 ? 0 : sh_opt_bad(s, "'%.80s' is no mode; give va", v);
}

int sh_take_timeout(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	uint64_t n;

	if (!sh_opt_number(v, 10, 86400000, &n) || n == 0)
		return sh_opt_bad(s, "'%.80s' is no time; give milliseconds from 1 to 86400000, such as 10000", v);
	s->o->join_timeout_ms = (unsigned)n;
	return 0;
}

int sh_take_color(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	static const char *const words[] = {"auto", "always", "never", NULL};

	if (v != NULL && word_of(v, words) < 0)
		return sh_opt_bad(s, "'%.80s' is none of auto, always, never; give one of them or none", v);
	return 0;
}

int sh_take_time(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	static const char *const words[] = {"notime", "reltime", "delta", "ctime", "iso", NULL};

	if (v != NULL && word_of(v, words) < 0)
		return sh_opt_bad(s, "'%.80s' is none of notime, reltime, delta, ctime, iso; give one of them or none",
				  v);
	return 0;
}

/* a level's name may be shortened as long as it is unique, as it always could */
static bool is_level(const char *v)
{
	static const char *const names[] = {"emergency", "alert",  "critical", "error",
					    "warning",	 "notice", "info",     "debug"};
	unsigned hits = 0;

	for (unsigned i = 0; i < 8 && *v != '\0'; i++)
		hits += strncasecmp(names[i], v, strlen(v)) == 0;
	return hits == 1 || (v[0] >= '1' && v[0] <= '8' && v[1] == '\0');
}

int sh_take_level(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	const char *cut = strrchr(v, ',');

	if (strcmp(v, "help") == 0) {
		s->o->want_log_help = true;
		return 0;
	}
	if (cut == NULL)
		cut = strrchr(v, ':');
	if (cut == v || (cut != NULL && cut - v >= PATTERN_MAX) || !is_level(cut != NULL ? cut + 1 : v))
		return sh_opt_bad(s,
				  "'%.80s' is malformed; give a level (emergency, alert, critical, error, warning, "
				  "notice, info, debug or 1 to 8), or pattern:level, or regex,level; "
				  "--log-level=help lists the types",
				  v);
	return 0;
}

int sh_take_members(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	uint64_t n;

	if (!sh_opt_number(v, 10, SH_MEMBERS, &n) || n == 0)
		return sh_opt_bad(s, "'%.80s' is no number of members; give 1 to %d", v, SH_MEMBERS);
	s->o->max_members = (unsigned)n;
	return 0;
}

int sh_take_ops(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	if (*v == '\0' || strlen(v) > 31)
		return sh_opt_bad(s, "'%.80s' cannot name pool operations; give 1 to 31 characters", v);
	return 0;
}

int sh_take_memsync(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	if (strcmp(v, "auto") != 0 && strcmp(v, "always") != 0)
		return sh_opt_bad(s, "'%.80s' is not known; give auto or always", v);
	s->o->mem_sync_always = v[1] == 'l';
	return 0;
}

int sh_take_memmax(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	uint64_t n;

	if (!size_of(v, &n) || n == 0)
		return sh_opt_bad(s, "'%.80s' is no size; give bytes, or a number with K, M, G or T, such as 512M", v);
	s->o->memory_max = n;
	return 0;
}

int sh_take_decay(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	uint64_t n;

	if (strcmp(v, "never") == 0) {
		s->o->mem_decay = 0;
		return 0;
	}
	if (!sh_opt_number(v, 10, 86400000, &n))
		return sh_opt_bad(s, "'%.80s' is no time; give milliseconds, 0 for at once, or never", v);
	s->o->mem_decay = n + 1;
	return 0;
}

int sh_take_huge(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	static const char *const way[] = {"auto", "only", "never"};

	for (unsigned i = 0; i < 3; i++)
		if (strcmp(v, way[i]) == 0) {
			s->o->huge = (enum sh_huge_opt)i;
			return 0;
		}
	return sh_opt_bad(s, "'%.80s' is none of auto, only, never", v);
}

int sh_take_m(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	uint64_t n;

	if (!sh_opt_number(v, 10, 1u << 30, &n) || n == 0)
		return sh_opt_bad(s, "'%.80s' is no size; give a number of MiB without unit, such as 64", v);
	s->o->mem_mb = (unsigned)n;
	return 0;
}

int sh_take_n(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	uint64_t n;

	if (!sh_opt_number(v, 10, UINT32_MAX, &n) || n == 0)
		return sh_opt_bad(s, "'%.80s' is no number of memory channels; give 1 or more, or leave the option out",
				  v);
	s->o->mem_channels = (unsigned)n;
	return 0;
}

int sh_take_r(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	uint64_t n;

	if (!sh_opt_number(v, 10, 16, &n) || n == 0)
		return sh_opt_bad(s, "'%.80s' is no number of memory ranks; give 1 to 16, or leave the option out", v);
	s->o->mem_ranks = (unsigned)n;
	return 0;
}

/* there is one node, 0 */
static void node_says(struct sh_opts *o, enum sh_opt id, unsigned node, unsigned mb)
{
	if (id == SH_OPT_NUMA_MEM && node == 0)
		o->mem_mb = mb;
	else if (id == SH_OPT_NUMA_MEM)
		o->numa_other |= mb != 0;
	else if (node == 0)
		o->numa_limit_mb = mb;
}

int sh_take_numa(struct sh_scan *s, const struct sh_opt_def *d, const char *v)
{
	const char *p = v;
	unsigned nodes = 0;

	for (;;) {
		size_t n = strspn(p, "0123456789");

		if (n > 9 || (n == 0 && *p != ',') || (p[n] != ',' && p[n] != '\0') ||
		    (p[n] == ',' && p[n + 1] == '\0'))
			return sh_opt_bad(
				s, "'%.80s' is malformed; give MiB for each node with commas, such as 1024,512", v);
		node_says(s->o, d->id, nodes, (unsigned)strtoul(p, NULL, 10));
		if (++nodes > 32)
			return sh_opt_bad(s, "more than 32 nodes; give a value for each node of this machine only");
		if (p[n] == '\0')
			return 0;
		p += n + 1;
	}
}

int sh_take_pagesz(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	const char *colon = strchr(v, ':');
	char page[24];
	uint64_t size, limit;

	if (colon == NULL || (size_t)(colon - v) >= sizeof(page))
		return sh_opt_bad(s, "'%.80s' is malformed; give page size and limit, such as 2M:64M", v);
	memcpy(page, v, (size_t)(colon - v));
	page[colon - v] = '\0';
	if (!size_of(page, &size) || !size_of(colon + 1, &limit))
		return sh_opt_bad(s, "'%.80s' is malformed; give page size and limit, such as 2M:64M", v);
	if (size == 0 || (size & (size - 1)) != 0 || limit % size != 0)
		return sh_opt_bad(s,
				  "'%.80s': the page size must be a power of two and the limit a multiple of it; "
				  "give for example 2M:64M",
				  v);
	return 0;
}

int sh_take_role(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	if (strcasecmp(v, "primary") == 0)
		s->o->role = SH_ROLE_PRIMARY;
	else if (strcasecmp(v, "secondary") == 0)
		s->o->role = SH_ROLE_SECONDARY;
	else if (strcasecmp(v, "auto") == 0)
		s->o->role = SH_ROLE_AUTO;
	else
		return sh_opt_bad(s, "'%.80s' is no type; give primary, secondary or auto", v);
	return 0;
}

bool sh_syslog_facility(const char *name, int *ret)
{
	static const struct {
		const char *name;
		int value;
	} list[] = {{"auth", LOG_AUTH},	    {"authpriv", LOG_AUTHPRIV}, {"cron", LOG_CRON},	{"daemon", LOG_DAEMON},
		    {"ftp", LOG_FTP},	    {"kern", LOG_KERN},		{"lpr", LOG_LPR},	{"mail", LOG_MAIL},
		    {"news", LOG_NEWS},	    {"syslog", LOG_SYSLOG},	{"user", LOG_USER},	{"uucp", LOG_UUCP},
		    {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1},	{"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3},
		    {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5},	{"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7}};

	for (unsigned i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		if (strcmp(list[i].name, name) == 0) {
			*ret = list[i].value;
			return true;
		}
	}
	return false;
}

int sh_take_syslog(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	int facility = LOG_DAEMON;

	if (v != NULL && !sh_syslog_facility(v, &facility))
		return sh_opt_bad(
			s,
			"'%.80s' is no facility; give auth, authpriv, cron, daemon, ftp, kern, lpr, mail, news, "
			"syslog, user, uucp or local0 to local7",
			v);
	s->o->want_syslog = true;
	s->o->syslog_facility = facility;
	return 0;
}

int sh_take_bufsz(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	size_t n = strlen(v);
	char digits[24];
	uint64_t x;

	if (n > 1 && n < sizeof(digits) && toupper((unsigned char)v[n - 1]) == 'B') {
		memcpy(digits, v, n - 1);
		digits[n - 1] = '\0';
		v = digits;
	}
	if (!size_of(v, &x) || x == 0)
		return sh_opt_bad(s, "'%.80s' is no size; give bytes, or a number with B, K or M, such as 64K", v);
	return 0;
}

int sh_take_tmode(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	static const char *const words[] = {"overwrite", "discard", NULL};

	/* shortened to its first letters as it always could */
	for (int i = 0; words[i] != NULL && *v != '\0'; i++)
		if (strncmp(words[i], v, strlen(v)) == 0)
			return 0;
	return sh_opt_bad(s, "'%.80s' is no mode; give overwrite or discard", v);
}

int sh_take_intr(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	static const char *const words[] = {"legacy", "msi", "msix", NULL};
	int i = word_of(v, words);

	if (i < 0)
		return sh_opt_bad(s, "'%.80s' is no interrupt mode; give legacy, msi or msix", v);
	s->o->vfio_intr = (enum sh_vfio_intr)(SH_VFIO_LEGACY + i);
	return 0;
}

int sh_take_token(struct sh_scan *s, const struct sh_opt_def *d UNUSED, const char *v)
{
	unsigned nibble = 0;

	for (unsigned i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		unsigned c = (unsigned char)v[i];

		if (c == '\0' || (dash ? c != '-' : !isxdigit((int)c)))
			goto bad;
		if (dash)
			continue;
		c = c <= '9' ? c - '0' : (unsigned)tolower((int)c) - 'a' + 10;
		s->o->vfio_token[nibble / 2] = (unsigned char)(s->o->vfio_token[nibble / 2] << 4 | c);
		nibble++;
	}
	if (v[36] == '\0')
		return 0;
bad:
	return sh_opt_bad(s, "'%.80s' is no UUID; give 8-4-4-4-12 hexadecimal digits", v);
}
