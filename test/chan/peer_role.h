/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer_role.h - the role "peer": a process of a group that does what the test tells it, line by line
 *
 *   t_spawn("peer", "primary"|"secondary"|"auto", extra EAL options..., NULL) says "up SLOT" or "failed ERRNO"
 *   hears                        does and says
 *     reg NAME echo|none|fail|slow|big|hold|fds|nested   registers an action; "ok" or "err ERRNO"
 *     unreg NAME                 "ok"
 *     send NAME TEXT [FDFILE]    rte_mp_sendmsg; "ok" or "err ERRNO"
 *     burst NAME N               N sends of a 256 byte numbered message; "ok N" or "err ERRNO I"
 *     req NAME TEXT MS           rte_mp_request_sync; "ret R ERRNO SENT RECEIVED first-text"
 *     areq NAME TEXT MS          async; the callback says "cb SENT RECEIVED first-text"; "ok" or "err ERRNO"
 *     reply                      answers the oldest request that "hold" kept; "ok" or "err ERRNO"
 *     fds                        "fds N": open fds of the process
 *     cleanup                    rte_eal_cleanup; "ok"
 *     exit                       _exit without cleanup
 *   actions say "got NAME LEN NFDS text"
 */
#ifndef SH_TEST_PEER_ROLE_H
#define SH_TEST_PEER_ROLE_H

#include "check.h"

/* start and wait for "up" */
struct t_proc *peer_up(const char *role);
struct t_proc *peer_up_opt(const char *role, const char *opt);
/* say cmd, expect an answer that starts with want; returns it */
const char *peer_do(struct t_proc *p, const char *want, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
