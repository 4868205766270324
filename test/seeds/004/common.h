/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * common.h - the listing of seed 004 (its 4.2); what had to change is marked "fix:"
 */
#ifndef SEED_004_COMMON_H
#define SEED_004_COMMON_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memzone.h>
#include <rte_string_fns.h>

/* IPC消息名称定义 */
#define MSG_HELLO_REQUEST       "hello_request"
#define MSG_HELLO_ASYNC_REQUEST "hello_async_req"

/* fix: named by the listing, not defined in it */
#define MZ_SHARED_INFO "shared_info"
#define MAX_MSG_LEN    256

/* 共享信息结构 */
struct shared_info {
    volatile uint32_t force_quit;
    uint64_t request_count;
    uint64_t async_request_count;
} __rte_cache_aligned;

/* fix: named by the listing, not defined in it */
static volatile sig_atomic_t force_quit;

static inline void on_signal(int sig)
{
    (void)sig;
    force_quit = 1;
}

#endif
