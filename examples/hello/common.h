/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * common.h - what mp_server and mp_client agree on: names of messages, their payloads, the shared counters
 */
#ifndef HELLO_COMMON_H
#define HELLO_COMMON_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memzone.h>

#if defined(__has_include)
#if __has_include(<shoal_member.h>)
#include "../common/who.h"
#define HAVE_MEMBERS 1 /* with DPDK itself nobody is told who joins, leaves or dies */
#endif
#endif

#define MSG_HELLO "hello_request"	   /* sync request, text */
#define MSG_HELLO_ASYNC "hello_async_req"  /* asynchronous request, text */
#define MSG_PING "ping_request"		   /* extension 1: struct ping, comes back as it is */
#define MSG_CALC "calc_request"		   /* extension 2: struct calc -> struct calc_result */
#define MSG_NOTIFY "hello_notify"	   /* extension 4: one-way, client -> server, text */
#define MSG_NEWS "hello_news"		   /* extension 4: one-way, server -> all clients, text */
#define MSG_SLOW "slow_request"		   /* extension 5: struct slow, is answered late */
#define MSG_MUTE "mute_request"		   /* extension 5: is never answered */
#define MZ_SHARED_INFO "hello_shared_info" /* the memzone with struct shared_info */

/*
 *   field                 written by              read by
 *   force_quit            the server, at its end  everybody, in the main loop
 *   request_count         the server's actions    everybody
 *   async_request_count   the server's actions    everybody
 */
struct shared_info {
	_Atomic uint32_t force_quit;
	_Atomic uint64_t request_count;
	_Atomic uint64_t async_request_count;
};

struct ping {
	uint64_t sent_ns;
	uint32_t seq;
};

struct calc {
	char op; /* '+', '-' or '*' */
	int32_t a, b;
};

struct calc_result {
	int64_t value;
	uint32_t known_op; /* 0: the server does not know this op, value means nothing */
};

struct slow {
	uint32_t seq;
	uint32_t delay_ms;
};

/* an empty message of this name */
static inline void msg_init(struct rte_mp_msg *m, const char *name)
{
	memset(m, 0, sizeof(*m));
	snprintf(m->name, sizeof(m->name), "%s", name);
}

/* put a text with its NUL into a message */
__attribute__((format(printf, 2, 3))) static inline void msg_text(struct rte_mp_msg *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf((char *)m->param, sizeof(m->param), fmt, ap);
	va_end(ap);
	m->len_param = (int)strlen((char *)m->param) + 1;
}

/* put a struct into a message */
static inline void msg_struct(struct rte_mp_msg *m, const void *data, size_t len)
{
	memcpy(m->param, data, len);
	m->len_param = (int)len;
}

/* take a text out of a message: it may have come without its NUL */
static inline const char *text_of(const struct rte_mp_msg *m, char buf[RTE_MP_MAX_PARAM_LEN + 1])
{
	memcpy(buf, m->param, (size_t)m->len_param);
	buf[m->len_param] = '\0';
	return buf;
}

#ifdef HAVE_MEMBERS
static inline void say_member(enum shoal_member_event event, const struct shoal_member_info *m)
{
	static const char *const word[] = {"joined", "left", "died", "hung up", "is the primary"};

	printf("[MEMBERS] pid %d %s\n", m->pid, word[event]);
}
#endif

/* from now on print who joins, leaves and dies */
static inline void watch_members(void)
{
#ifdef HAVE_MEMBERS
	if (who_start(say_member) < 0)
		printf("[MEMBERS] cannot watch: %s\n", rte_strerror(rte_errno));
#endif
}

#endif
