/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_log.h - messages with a level and a type
 *
 * A message is printed when its level is at most the global level and at most the level of its type. Types are numbers with
 * names; those below RTE_LOGTYPE_FIRST_EXT_ID are fixed, others are registered. It goes to one stream, stderr unless the
 * program says otherwise, in one piece: lines of several threads never mix. Level and type survive rte_eal_cleanup().
 *
 * No function here needs rte_eal_init(); all may be called from any thread, none changes errno or rte_errno unless its
 * contract says so.
 */
#ifndef RTE_LOG_H
#define RTE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <rte_common.h>
#include <rte_config.h>

#ifdef __cplusplus
extern "C" {
#endif

/* fixed types: of libraries */
#define RTE_LOGTYPE_EAL 0
#define RTE_LOGTYPE_MALLOC 1
#define RTE_LOGTYPE_RING 2
#define RTE_LOGTYPE_MEMPOOL 3
#define RTE_LOGTYPE_TIMER 4
#define RTE_LOGTYPE_PMD 5
#define RTE_LOGTYPE_HASH 6
#define RTE_LOGTYPE_LPM 7
#define RTE_LOGTYPE_KNI 8
#define RTE_LOGTYPE_ACL 9
#define RTE_LOGTYPE_POWER 10
#define RTE_LOGTYPE_METER 11
#define RTE_LOGTYPE_SCHED 12
#define RTE_LOGTYPE_PORT 13
#define RTE_LOGTYPE_TABLE 14
#define RTE_LOGTYPE_PIPELINE 15
#define RTE_LOGTYPE_MBUF 16
#define RTE_LOGTYPE_CRYPTODEV 17
#define RTE_LOGTYPE_EFD 18
#define RTE_LOGTYPE_EVENTDEV 19
#define RTE_LOGTYPE_GSO 20
/* and for programs */
#define RTE_LOGTYPE_USER1 24
#define RTE_LOGTYPE_USER2 25
#define RTE_LOGTYPE_USER3 26
#define RTE_LOGTYPE_USER4 27
#define RTE_LOGTYPE_USER5 28
#define RTE_LOGTYPE_USER6 29
#define RTE_LOGTYPE_USER7 30
#define RTE_LOGTYPE_USER8 31
/* the first one that rte_log_register() gives */
#define RTE_LOGTYPE_FIRST_EXT_ID 32

/* levels; a larger one matters less */
#define RTE_LOG_EMERG 1U
#define RTE_LOG_ALERT 2U
#define RTE_LOG_CRIT 3U
#define RTE_LOG_ERR 4U
#define RTE_LOG_WARNING 5U
#define RTE_LOG_NOTICE 6U
#define RTE_LOG_INFO 7U
#define RTE_LOG_DEBUG 8U
#define RTE_LOG_MAX RTE_LOG_DEBUG

/**
 * Where messages go from now on. The stream stays the caller's: before closing it, set another. NULL: stderr.
 *
 * Returns: 0.
 */
int rte_openlog_stream(FILE *f);

/** The stream in use; never NULL. */
FILE *rte_log_get_stream(void);

/** No message above this level is printed, whatever its type. 8 (all) at the start. */
void rte_log_set_global_level(uint32_t level);
uint32_t rte_log_get_global_level(void);

/** The level of a type: 0 to 8; -1 when there is no such type. 7 at the start. */
int rte_log_get_level(uint32_t logtype);

/** Would a message of this type and level be printed? false for an unknown type. */
bool rte_log_can_log(uint32_t logtype, uint32_t loglevel);

/**
 * Set the level of all types registered now whose name matches: a shell pattern, or a basic regular expression that fits
 * anywhere in the name. (--log-level on the command line also holds for types registered later.)
 *
 * Returns: 0, also when nothing matched; -1 when the level is above 8 or the expression is malformed.
 */
int rte_log_set_level_pattern(const char *pattern, uint32_t level);
int rte_log_set_level_regexp(const char *regex, uint32_t level);

/** Set the level of one type. Returns 0; -1 when there is no such type or the level is above 8. */
int rte_log_set_level(uint32_t logtype, uint32_t level);

/** Level and type of the message that this thread logged last, for streams made with fopencookie(); 0 before the first. */
int rte_log_cur_msg_loglevel(void);
int rte_log_cur_msg_logtype(void);

/**
 * The number of the type with this name: a new one, or the one it has had. The name is copied.
 *
 * Its level is 7, or what --log-level said. The second form takes the level for a new type, which --log-level overrides.
 *
 * Returns: the number; -ENOMEM when there are 4096 types, or no memory.
 */
int rte_log_register(const char *name);
int rte_log_register_type_and_pick_level(const char *name, uint32_t level_def);

/** Print the names of all types, sorted, each on a line behind prefix. */
void rte_log_list_types(FILE *out, const char *prefix);

/** Print the global level, and number, name and level of each type. */
void rte_log_dump(FILE *f);

/**
 * Print a message, if its level and type permit. It is printed as it is: the newline is the caller's.
 *
 * Blocks:   as writing to the stream does; the stream is flushed.
 * Returns:  bytes of the message; 0 when it is not to be printed; -1 when there is no such type. A stream that cannot be
 *           written to costs the message, never a signal.
 */
int rte_log(uint32_t level, uint32_t logtype, const char *format, ...) __rte_cold __rte_format_printf(3, 4);
int rte_vlog(uint32_t level, uint32_t logtype, const char *format, va_list ap) __rte_format_printf(3, 0);

/* RTE_LOG(ERR, USER1, "no port %u\n", port): level and type without their prefixes; the type's name heads the message */
#define RTE_LOG(l, t, ...) rte_log(RTE_LOG_##l, RTE_LOGTYPE_##t, #t ": " __VA_ARGS__)

/* the same for hot paths: levels above RTE_LOG_DP_LEVEL compile to nothing */
#define RTE_LOG_DP(l, t, ...)                                                                                          \
	((void)((RTE_LOG_##l <= RTE_LOG_DP_LEVEL) ? rte_log(RTE_LOG_##l, RTE_LOGTYPE_##t, #t ": " __VA_ARGS__) : 0))

/* the same with the newline added; and with a prefix of its own, whose arguments come first: RTE_LOG_LINE_PREFIX(ERR, \
 * USER1, "%s(): ", __func__ RTE_LOG_COMMA, "no port %u", port) */
#define RTE_LOG_COMMA ,
#define RTE_LOG_LINE(l, t, ...) RTE_LOG(l, t, RTE_FMT(RTE_FMT_HEAD(__VA_ARGS__, ) "\n", RTE_FMT_TAIL(__VA_ARGS__, )))
#define RTE_LOG_DP_LINE(l, t, ...)                                                                                     \
	RTE_LOG_DP(l, t, RTE_FMT(RTE_FMT_HEAD(__VA_ARGS__, ) "\n", RTE_FMT_TAIL(__VA_ARGS__, )))
#define RTE_LOG_LINE_PREFIX(l, t, prefix, args, ...)                                                                   \
	RTE_LOG(l, t, RTE_FMT(prefix RTE_FMT_HEAD(__VA_ARGS__, ) "\n", args RTE_FMT_TAIL(__VA_ARGS__, )))
#define RTE_LOG_DP_LINE_PREFIX(l, t, prefix, args, ...)                                                                \
	RTE_LOG_DP(l, t, RTE_FMT(prefix RTE_FMT_HEAD(__VA_ARGS__, ) "\n", args RTE_FMT_TAIL(__VA_ARGS__, )))

/*
 * At file level: define "int type" and register a log type for it before main(). DEFAULT names it by the macro
 * RTE_LOG_DEFAULT_LOGTYPE (define it before), SUFFIX by that, a dot and the suffix. When it fails, type is that of EAL.
 */
#define RTE_LOG_REGISTER_IMPL(type, name, level)                                                                       \
	int type;                                                                                                      \
	RTE_INIT(__##type)                                                                                             \
	{                                                                                                              \
		type = rte_log_register_type_and_pick_level(name, RTE_LOG_##level);                                    \
		if (type < 0)                                                                                          \
			type = RTE_LOGTYPE_EAL;                                                                        \
	}
#define RTE_LOG_REGISTER(type, name, level) RTE_LOG_REGISTER_IMPL(type, RTE_STR(name), level)
#define RTE_LOG_REGISTER_DEFAULT(type, level) RTE_LOG_REGISTER_IMPL(type, RTE_STR(RTE_LOG_DEFAULT_LOGTYPE), level)
#define RTE_LOG_REGISTER_SUFFIX(type, suffix, level)                                                                   \
	RTE_LOG_REGISTER_IMPL(type, RTE_STR(RTE_LOG_DEFAULT_LOGTYPE) "." RTE_STR(suffix), level)

#ifdef __cplusplus
}
#endif

#endif
