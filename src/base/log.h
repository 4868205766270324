/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log.h - the library's own log lines
 *
 * One line says what was wrong and what to do; it goes through rte_log() with type EAL ("EAL: ..."). errno is kept.
 * sh_log_rate() lets one line a second through per place and says how many it swallowed: for what a peer can provoke.
 */
#ifndef SH_BASE_LOG_H
#define SH_BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* levels as in rte_log.h */
enum sh_level { SH_CRIT = 3, SH_ERR = 4, SH_WARN = 5, SH_NOTICE = 6, SH_INFO = 7, SH_DEBUG = 8 };

void sh_log_line(enum sh_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * What the command line said. The level option ("debug", "8", "<glob>:<level>", "<regex>,<level>") holds for types there
 * are and for those registered later. NULL for the others: the option without a value. 0 or -EINVAL, and nothing changed.
 */
int sh_log_opt_level(const char *arg);
int sh_log_opt_color(const char *when);	   /* auto, always (NULL), never */
int sh_log_opt_timestamp(const char *how); /* notime, time (NULL), delta, reltime, ctime, iso */
/* messages go to syslog as well, under this facility (LOG_*); -1: no longer */
void sh_log_syslog(int facility);

struct sh_rate {
	_Atomic uint64_t last_ns;
	_Atomic uint32_t swallowed;
};
/* lines of level SH_ERR or worse by this thread so far, printed or not: did a call that failed say why? */
unsigned sh_log_errors(void);
/* what this thread would say from here on is counted, and not printed: tries of what has been said to fail. Returns how it was */
bool sh_log_hush(bool on);

/* true: print now; *swallowed = lines not printed since the last one */
bool sh_rate_ok(struct sh_rate *r, uint32_t *swallowed);

#define sh_err(...) sh_log_line(SH_ERR, __VA_ARGS__)
#define sh_warn(...) sh_log_line(SH_WARN, __VA_ARGS__)
#define sh_info(...) sh_log_line(SH_INFO, __VA_ARGS__)
#define sh_dbg(...) sh_log_line(SH_DEBUG, __VA_ARGS__)

#define sh_log_rate(level, fmt, ...)                                                                                   \
	do {                                                                                                           \
		static struct sh_rate rate_;                                                                           \
		uint32_t more_;                                                                                        \
		if (!sh_rate_ok(&rate_, &more_))                                                                       \
			break;                                                                                         \
		if (more_ > 0)                                                                                         \
			sh_log_line((level), fmt " (%u more like this in between)", __VA_ARGS__, more_);               \
		else                                                                                                   \
			sh_log_line((level), fmt, __VA_ARGS__);                                                        \
	} while (0)

#endif
