/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * member_role.h - the role "m": a member of a group that does what the test tells it, in shoal's calls as well as DPDK's
 *
 *   m_up(TYPE, extra EAL option or NULL)    starts one and waits until it is in the group
 *   it hears                          does and says
 *     reg NAME HOW                    rte_mp_action_register: none echo fail hold block unreg ask answer who; "ok" or "err ERRNO"
 *     sreg NAME HOW                   shoal_action_register: none echo fail hold keep
 *     unreg NAME, drain NAME MS       "ok" or "err ERRNO"; wunreg NAME: "unregistered NAME"
 *     send NAME LEN [NFDS]            rte_mp_sendmsg
 *     req NAME LEN MS [NFDS]          rte_mp_request_sync: "ret R ERRNO SENT RECEIVED MSGS[good|bad|null] NFDS"
 *     areq NAME LEN MS                rte_mp_request_async; the callback says "cb SENT RECEIVED null|msgs"
 *     ssend TO NAME LEN MS [NFDS]     shoal_send: "ssend R ERRNO OUTCOME,..."
 *     sreq TO NAME LEN MS [NFDS]      shoal_request: "sreq R ERRNO N ANSWERED OUTCOME/LEN/good,..."
 *     sareq TO NAME LEN MS            shoal_request_async: "ok HANDLE"; the callback says "scb N ANSWERED OUTCOME,..."
 *     cancel HANDLE                   "ok" or "err ERRNO"
 *     t COMMAND ...                   the same in a thread of its own
 *     reply LEN [NFDS], sreply LEN    answers the oldest request that is held, from a thread of its own
 *     go                              lets the oldest action that blocks return
 *     count ID                        "count SENT RECEIVED MALFORMED UNKNOWN LATE STALE REFUSED FULL"
 *     fds, cleanup, again TYPE, exit, nofile N (RLIMIT_NOFILE), disable ("true"/"false"), primary ("primary ID")
 *   TO is P, S, O (SHOAL_TO_*) or ids with commas; MS -1 is NULL
 *   actions say "got NAME LEN NFDS good|bad clean|dirty"; dirty: bytes of param behind its length are not zero
 */
#ifndef SH_TEST_MEMBER_ROLE_H
#define SH_TEST_MEMBER_ROLE_H

#include <stdint.h>

#include "check.h"

struct t_proc *m_up(const char *type, const char *opt);
/* its id, as it said when it came up; call right after m_up() */
uint64_t m_id(struct t_proc *p);
/* say, expect a line that starts with want, return it */
const char *m_do(struct t_proc *p, const char *want, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* the same, and the line must be exactly want */
#define M_IS(p, want, ...) CHECK_STR(m_do(p, "", __VA_ARGS__), want)
/* the text of an error: "ret -1 110 ..." */
const char *m_fmt(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* for roles of their own: rte_eal_init as argv[1], says "up ID"; false when it failed */
bool m_init(const char *type, const char *opt);

#endif
