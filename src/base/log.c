/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log.c - levels, types, and how a message gets to its stream
 *
 * Printing takes no lock of ours: levels are single words, a type is published by its number after its name, and a message
 * is put together in a buffer of the caller's and written in one piece. The lock is for those who register types and set
 * levels by name.
 *
 *   field                written by                            read by     ordering
 *   type[i].name         who registers, under lock, once        all         R:LOGTYPE <-> A:LOGTYPE on n_types
 *   type[i].level        anybody                               all         relaxed: a level carries nothing with it
 *   n_types              who registers, under lock              all         R:LOGTYPE: the names below it are there
 *   stream, look, ...    anybody                               all         relaxed: a word each
 *   rules                init (options), under lock             registrants under lock
 *
 * All is initialised by the linker: programs register types before main().
 */
#include <rte_errno.h>
#include <rte_log.h>

#include <errno.h>
#include <fnmatch.h>
#include <pthread.h>
#include <regex.h>
#include <signal.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/atom.h"
#include "base/clock.h"
#include "base/export.h"
#include "base/futex.h"
#include "base/log.h"

#define TYPES 4096
#define RULES 64 /* of --log-level */

struct type {
	const char *name;
	_Atomic uint32_t level;
};

struct rule {
	bool regex;
	uint32_t level;
	regex_t re;
	char glob[128];
};

static struct {
	_Atomic uint32_t lock;	/* pid of the process that holds it, 0: free */
	_Atomic(FILE *) stream; /* NULL: stderr */
	_Atomic uint32_t global;
	_Atomic uint32_t n_types;
	_Atomic int color;    /* enum sh_log_color */
	_Atomic int stamp;    /* enum sh_log_stamp */
	_Atomic int facility; /* of syslog; -1 none */
	_Atomic uint64_t start_ns, last_ns;
	unsigned n_rules;
	struct rule rules[RULES];
	struct type type[TYPES];
} lg = {
	.global = RTE_LOG_DEBUG,
	.n_types = RTE_LOGTYPE_FIRST_EXT_ID,
	.facility = -1,
	.type =
		{
			{"lib.eal", RTE_LOG_INFO},	{"lib.malloc", RTE_LOG_INFO},	{"lib.ring", RTE_LOG_INFO},
			{"lib.mempool", RTE_LOG_INFO},	{"lib.timer", RTE_LOG_INFO},	{"pmd", RTE_LOG_INFO},
			{"lib.hash", RTE_LOG_INFO},	{"lib.lpm", RTE_LOG_INFO},	{"lib.kni", RTE_LOG_INFO},
			{"lib.acl", RTE_LOG_INFO},	{"lib.power", RTE_LOG_INFO},	{"lib.meter", RTE_LOG_INFO},
			{"lib.sched", RTE_LOG_INFO},	{"lib.port", RTE_LOG_INFO},	{"lib.table", RTE_LOG_INFO},
			{"lib.pipeline", RTE_LOG_INFO}, {"lib.mbuf", RTE_LOG_INFO},	{"lib.cryptodev", RTE_LOG_INFO},
			{"lib.efd", RTE_LOG_INFO},	{"lib.eventdev", RTE_LOG_INFO}, {"lib.gso", RTE_LOG_INFO},
			{NULL, RTE_LOG_INFO},		{NULL, RTE_LOG_INFO},		{NULL, RTE_LOG_INFO},
			{"user1", RTE_LOG_INFO},	{"user2", RTE_LOG_INFO},	{"user3", RTE_LOG_INFO},
			{"user4", RTE_LOG_INFO},	{"user5", RTE_LOG_INFO},	{"user6", RTE_LOG_INFO},
			{"user7", RTE_LOG_INFO},	{"user8", RTE_LOG_INFO},
		},
};

static __thread struct {
	int level, type;
} last; /* the message this thread logged last */

static __thread unsigned errors; /* see sh_log_errors() */
static __thread bool hushed;	 /* see sh_log_hush() */

static const char *const level_name[] = {"disabled", "emergency", "alert", "critical", "error",
					 "warning",  "notice",	  "info",  "debug"};

/*
 * A child of fork() may inherit the lock from a thread that it does not have: a pid that is not its own says so, and it
 * takes the lock over. What that thread was at is not published yet and is done anew.
 */
static void lock(void)
{
	uint32_t pid = (uint32_t)getpid(), seen = 0;

	while (!sh_cas(&lg.lock, &seen, pid)) { /* A:LOGLOCK */
		if (seen == pid) {
			(void)sh_futex_wait(&lg.lock, pid, sh_deadline(SH_NS_PER_S), SH_FUTEX_ANY, false);
			seen = 0;
		}
	}
}

static void unlock(void)
{
	sh_store_rel(&lg.lock, 0); /* R:LOGLOCK */
	(void)sh_futex_wake(&lg.lock, 1, SH_FUTEX_ANY, false);
}

/* ---- types and levels ---- */

static uint32_t n_types(void)
{
	return sh_load_acq(&lg.n_types); /* A:LOGTYPE */
}

SH_EXPORT void rte_log_set_global_level(uint32_t level)
{
	sh_store_rlx(&lg.global, level);
}
SH_EXPORT uint32_t rte_log_get_global_level(void)
{
	return sh_load_rlx(&lg.global);
}

SH_EXPORT int rte_log_get_level(uint32_t logtype)
{
	return logtype < n_types() ? (int)sh_load_rlx(&lg.type[logtype].level) : -1;
}

SH_EXPORT bool rte_log_can_log(uint32_t logtype, uint32_t loglevel)
{
	int level = rte_log_get_level(logtype);

	return level >= 0 && loglevel <= sh_load_rlx(&lg.global) && loglevel <= (uint32_t)level;
}

SH_EXPORT int rte_log_set_level(uint32_t logtype, uint32_t level)
{
	if (logtype >= n_types() || level > RTE_LOG_MAX)
		return -1;
	sh_store_rlx(&lg.type[logtype].level, level);
	return 0;
}

static bool rule_fits(const struct rule *r, const char *name)
{
	return r->regex ? regexec(&r->re, name, 0, NULL, 0) == 0 : fnmatch(r->glob, name, 0) == 0;
}

static void rule_apply(const struct rule *r)
{
	for (uint32_t i = 0; i < n_types(); i++)
		if (lg.type[i].name != NULL && rule_fits(r, lg.type[i].name))
			sh_store_rlx(&lg.type[i].level, r->level);
}

SH_EXPORT int rte_log_set_level_regexp(const char *regex, uint32_t level)
{
	struct rule r = {.regex = true, .level = level};

	if (level > RTE_LOG_MAX || regcomp(&r.re, regex, 0) != 0)
		return -1;
	rule_apply(&r);
	regfree(&r.re);
	return 0;
}

SH_EXPORT int rte_log_set_level_pattern(const char *pattern, uint32_t level)
{
	if (level > RTE_LOG_MAX)
		return -1;
	for (uint32_t i = 0; i < n_types(); i++)
		if (lg.type[i].name != NULL && fnmatch(pattern, lg.type[i].name, 0) == 0)
			sh_store_rlx(&lg.type[i].level, level);
	return 0;
}

static int register_locked(const char *name, uint32_t level)
{
	uint32_t n = n_types();
	char *own;

	for (uint32_t i = 0; i < n; i++)
		if (lg.type[i].name != NULL && strcmp(lg.type[i].name, name) == 0)
			return (int)i;
	own = n < TYPES ? strdup(name) : NULL;
	if (own == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < lg.n_rules; i++)
		if (rule_fits(&lg.rules[i], own))
			level = lg.rules[i].level;
	lg.type[n].name = own;
	sh_store_rlx(&lg.type[n].level, level);
	sh_store_rel(&lg.n_types, n + 1); /* R:LOGTYPE */
	return (int)n;
}

SH_EXPORT int rte_log_register_type_and_pick_level(const char *name, uint32_t level_def)
{
	int id;

	lock();
	id = register_locked(name, level_def <= RTE_LOG_MAX ? level_def : RTE_LOG_INFO);
	unlock();
	return id;
}

SH_EXPORT int rte_log_register(const char *name)
{
	return rte_log_register_type_and_pick_level(name, RTE_LOG_INFO);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

SH_EXPORT void rte_log_list_types(FILE *out, const char *prefix)
{
	uint32_t n = n_types(), have = 0;
	const char **names = calloc(n, sizeof(*names));

	if (names == NULL)
		return;
	for (uint32_t i = 0; i < n; i++)
		if (lg.type[i].name != NULL)
			names[have++] = lg.type[i].name;
	qsort(names, have, sizeof(*names), by_name);
	for (uint32_t i = 0; i < have; i++)
		fprintf(out, "%s%s\n", prefix, names[i]);
	free(names);
}

static const char *level_text(uint32_t level)
{
	return level <= RTE_LOG_MAX ? level_name[level] : "all";
}

SH_EXPORT void rte_log_dump(FILE *f)
{
	fprintf(f, "global log level is %s\n", level_text(rte_log_get_global_level()));
	for (uint32_t i = 0; i < n_types(); i++)
		if (lg.type[i].name != NULL)
			fprintf(f, "id %u: %s, level is %s\n", i, lg.type[i].name,
				level_text(sh_load_rlx(&lg.type[i].level)));
}

/* ---- options ---- */

/* "debug", an unambiguous beginning of it, or "8": the level; -EINVAL otherwise */
static int level_parse(const char *s)
{
	size_t len = strlen(s);
	int hit = -EINVAL;

	if (s[0] >= '1' && s[0] <= '8' && s[1] == '\0')
		return s[0] - '0';
	for (int i = 1; len > 0 && i <= (int)RTE_LOG_MAX; i++)
		if (strncasecmp(level_name[i], s, len) == 0) {
			if (hit > 0)
				return -EINVAL;
			hit = i;
		}
	return hit;
}

int sh_log_opt_level(const char *arg)
{
	const char *cut = strrchr(arg, ',');
	struct rule r = {.regex = cut != NULL};
	int level;

	if (cut == NULL)
		cut = strrchr(arg, ':');
	level = level_parse(cut != NULL ? cut + 1 : arg);
	if (level < 0)
		return level;
	if (cut == NULL) {
		rte_log_set_global_level((uint32_t)level);
		return 0;
	}
	if ((size_t)(cut - arg) >= sizeof(r.glob) || cut == arg)
		return -EINVAL;
	memcpy(r.glob, arg, (size_t)(cut - arg));
	r.level = (uint32_t)level;
	if (r.regex && regcomp(&r.re, r.glob, 0) != 0)
		return -EINVAL;
	lock();
	rule_apply(&r);
	if (lg.n_rules < RULES)
		lg.rules[lg.n_rules++] = r;
	else if (r.regex)
		regfree(&r.re);
	unlock();
	return 0;
}

/* place of a word in a list that ends with NULL, or -EINVAL */
static int word(const char *s, const char *const *list)
{
	for (int i = 0; list[i] != NULL; i++)
		if (strcmp(s, list[i]) == 0)
			return i;
	return -EINVAL;
}

enum sh_log_color { COLOR_NEVER, COLOR_AUTO, COLOR_ALWAYS };

int sh_log_opt_color(const char *when)
{
	static const char *const words[] = {"never", "auto", "always", NULL};
	int c = when == NULL ? COLOR_ALWAYS : word(when, words);

	if (c < 0)
		return c;
	sh_store_rlx(&lg.color, c);
	return 0;
}

enum sh_log_stamp { STAMP_NONE, STAMP_TIME, STAMP_DELTA, STAMP_RELTIME, STAMP_CTIME, STAMP_ISO };

int sh_log_opt_timestamp(const char *how)
{
	static const char *const words[] = {"notime", "time", "delta", "reltime", "ctime", "iso", NULL};
	int s = how == NULL ? STAMP_TIME : word(how, words);
	uint64_t zero = 0;

	if (s < 0)
		return s;
	(void)sh_cas(&lg.start_ns, &zero, sh_now_ns());
	sh_store_rlx(&lg.stamp, s);
	return 0;
}

void sh_log_syslog(int facility)
{
	sh_store_rlx(&lg.facility, facility);
}

/* ---- a message ---- */

#define STAMP_ROOM 96

/* what goes in front: seconds since the start, since the last message, or the time of day */
static size_t stamp_put(char *to)
{
	int how = sh_load_rlx(&lg.stamp);
	uint64_t now, since, delta;
	struct timespec day;
	struct tm tm;
	size_t n = 0;

	if (how == STAMP_NONE)
		return 0;
	now = sh_now_ns();
	since = now - sh_load_rlx(&lg.start_ns);
	delta = now - sh_xchg(&lg.last_ns, now);
	if (delta > since)
		delta = 0; /* the first message */
	clock_gettime(CLOCK_REALTIME, &day);
	localtime_r(&day.tv_sec, &tm);
#define SEC(ns) (unsigned long)((ns) / SH_NS_PER_S), (unsigned long)((ns) % SH_NS_PER_S / SH_NS_PER_US)
	switch (how) {
	case STAMP_TIME:
		return (size_t)snprintf(to, STAMP_ROOM, "[%5lu.%06lu] ", SEC(since));
	case STAMP_DELTA:
		return (size_t)snprintf(to, STAMP_ROOM, "[%5lu.%06lu <%3lu.%06lu>] ", SEC(since), SEC(delta));
	case STAMP_RELTIME:
		n = strftime(to, STAMP_ROOM, "[%b%d %H:%M:%S", &tm);
		return n + (size_t)snprintf(to + n, STAMP_ROOM - n, " +%lu.%06lu] ", SEC(delta));
	case STAMP_CTIME:
		return strftime(to, STAMP_ROOM, "[%a %b %e %H:%M:%S %Y] ", &tm);
	default:
		n = strftime(to, STAMP_ROOM, "[%Y-%m-%dT%H:%M:%S", &tm);
		n += (size_t)snprintf(to + n, STAMP_ROOM - n, ",%06ld", day.tv_nsec / 1000);
		return n + strftime(to + n, STAMP_ROOM - n, "%z] ", &tm);
	}
#undef SEC
}

/* the terminal's sequence for a level, "" for plain */
static const char *paint(uint32_t level, FILE *f)
{
	int c = sh_load_rlx(&lg.color);

	if (c == COLOR_NEVER || (c == COLOR_AUTO && !isatty(fileno(f))))
		return "";
	switch (level) {
	case RTE_LOG_EMERG:
	case RTE_LOG_ALERT:
	case RTE_LOG_CRIT:
		return "\033[1;31m";
	case RTE_LOG_ERR:
		return "\033[31m";
	case RTE_LOG_WARNING:
		return "\033[33m";
	case RTE_LOG_NOTICE:
		return "\033[1m";
	case RTE_LOG_DEBUG:
		return "\033[2m";
	default:
		return "";
	}
}

/* Write all at once and flush; a reader that has gone away, or a limit on file size, raises no signal in this program. */
static void put(FILE *f, const char *text, size_t len)
{
	sigset_t ours, old, pending;

	sigemptyset(&ours);
	sigaddset(&ours, SIGPIPE);
	sigaddset(&ours, SIGXFSZ);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &ours, &old);
	flockfile(f);
	errno = 0;
	if ((fwrite_unlocked(text, 1, len, f) != len || fflush_unlocked(f) != 0) &&
	    (errno == EPIPE || errno == EFBIG)) {
		static const struct timespec now;

		/* one that was pending before is the program's */
		if (sigismember(&pending, SIGPIPE) == 1)
			sigdelset(&ours, SIGPIPE);
		if (sigismember(&pending, SIGXFSZ) == 1)
			sigdelset(&ours, SIGXFSZ);
		while (sigtimedwait(&ours, NULL, &now) < 0 && errno == EINTR)
			continue;
		__fpurge(f); /* else the program's fclose() would try again, and get the signal */
	}
	funlockfile(f);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* room: the message starts at STAMP_ROOM and is len long; there are 16 bytes of room behind it */
static void emit(uint32_t level, FILE *f, char *room, size_t len)
{
	char stamp[STAMP_ROOM];
	size_t front = stamp_put(stamp);
	const char *on = paint(level, f);
	char *start = room + STAMP_ROOM, *end = start + len;

	if (*on != '\0') {
		bool newline = len > 0 && end[-1] == '\n';

		end -= newline;
		memcpy(end, "\033[0m\n", newline ? 5 : 4);
		end += newline ? 5 : 4;
		start -= strlen(on);
		memcpy(start, on, strlen(on));
	}
	front = front < (size_t)(start - room) ? front : (size_t)(start - room);
	start -= front;
	memcpy(start, stamp, front);
	put(f, start, (size_t)(end - start));
}

/* NULL when f is the default's stand-in */
static FILE *stream(void)
{
	FILE *f = sh_load_rlx(&lg.stream);

	return f != NULL ? f : stderr;
}

SH_EXPORT int rte_vlog(uint32_t level, uint32_t logtype, const char *format, va_list ap)
{
	char small[STAMP_ROOM + 1024], *room = small;
	size_t cap = sizeof(small) - STAMP_ROOM - 16;
	int kept = errno, kept_rte = rte_errno, len, facility;
	va_list again;

	if (logtype >= n_types())
		return -1;
	if (!rte_log_can_log(logtype, level))
		return 0;
	last.level = (int)level;
	last.type = (int)logtype;
	va_copy(again, ap);
	len = vsnprintf(small + STAMP_ROOM, cap, format, ap);
	if (len >= 0 && (size_t)len >= cap) {
		room = malloc(STAMP_ROOM + (size_t)len + 17);
		if (room != NULL)
			(void)vsnprintf(room + STAMP_ROOM, (size_t)len + 1, format, again);
		else
			room = small; /* what there is of it */
	}
	va_end(again);
	if (len > 0) {
		size_t have = room == small && (size_t)len >= cap ? cap - 1 : (size_t)len;

		facility = sh_load_rlx(&lg.facility);
		if (facility >= 0)
			syslog(facility | (level > 0 ? (int)level - 1 : 0), "%.*s", (int)have, room + STAMP_ROOM);
		emit(level, stream(), room, have);
	}
	if (room != small)
		free(room);
	errno = kept;
	rte_errno = kept_rte;
	return len;
}

SH_EXPORT int rte_log(uint32_t level, uint32_t logtype, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = rte_vlog(level, logtype, format, ap);
	va_end(ap);
	return n;
}

SH_EXPORT int rte_openlog_stream(FILE *f)
{
	sh_store_rlx(&lg.stream, f);
	return 0;
}

SH_EXPORT FILE *rte_log_get_stream(void)
{
	return stream();
}
SH_EXPORT int rte_log_cur_msg_loglevel(void)
{
	return last.level;
}
SH_EXPORT int rte_log_cur_msg_logtype(void)
{
	return last.type;
}

/* ---- the library's own lines ---- */

void sh_log_line(enum sh_level level, const char *fmt, ...)
{
	char text[1024];
	int kept = errno, n;
	va_list ap;

	if (level <= SH_ERR)
		errors++;
	if (hushed || !rte_log_can_log(RTE_LOGTYPE_EAL, (uint32_t)level))
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	errno = kept;
	/* names that others chose are in it: one line stays one line, and no terminal obeys it */
	for (char *p = text; n >= 0 && *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	if (n >= 0)
		rte_log((uint32_t)level, RTE_LOGTYPE_EAL, "EAL: %s\n", text);
}

unsigned sh_log_errors(void)
{
	return errors;
}

bool sh_log_hush(bool on)
{
	bool was = hushed;

	hushed = on;
	return was;
}

bool sh_rate_ok(struct sh_rate *r, uint32_t *swallowed)
{
	uint64_t now = sh_now_ns(), seen = sh_load_rlx(&r->last_ns);

	/* one thread wins the second: A:RATE, R:RATE order nothing but this word */
	if ((seen != 0 && now - seen < SH_NS_PER_S) || !sh_cas(&r->last_ns, &seen, now)) {
		sh_add_rlx(&r->swallowed, 1);
		return false;
	}
	*swallowed = sh_xchg(&r->swallowed, 0);
	return true;
}
