/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_lcore.h - the process' numbered threads
 *
 * A lcore is a number below RTE_MAX_LCORE with a thread: the one that called rte_eal_init() is the main lcore, the workers
 * are started by it and bound to their CPUs, and any other thread may take a free number with rte_thread_register(). The
 * numbers belong to the process: two members of a group may well use the same.
 *
 * Any thread may call any of these. Unless a contract says more they never block, and answer as if no lcore was enabled
 * before rte_eal_init(); after rte_eal_cleanup() what was stays readable.
 */
#ifndef RTE_LCORE_H
#define RTE_LCORE_H

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

#include <rte_config.h>
#include <rte_compat.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_per_lcore.h>
#include <rte_thread.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "no lcore": what rte_lcore_id() says in a thread without a number */
#define LCORE_ID_ANY UINT32_MAX

RTE_DECLARE_PER_LCORE(unsigned int, _lcore_id);

enum rte_lcore_role_t {
	ROLE_RTE,     /* enabled: the main lcore or a worker */
	ROLE_OFF,     /* nobody */
	ROLE_SERVICE, /* never here: service cores are not offered */
	ROLE_NON_EAL, /* a thread that registered itself */
};

/** The calling thread's number, or LCORE_ID_ANY. */
static inline unsigned int rte_lcore_id(void)
{
	return RTE_PER_LCORE(_lcore_id);
}

/** ROLE_OFF for a number that is not below RTE_MAX_LCORE. */
enum rte_lcore_role_t rte_eal_lcore_role(unsigned int lcore_id);
/** Nonzero when it has this role; -EINVAL for a number that is not below RTE_MAX_LCORE. */
int rte_lcore_has_role(unsigned int lcore_id, enum rte_lcore_role_t role);
/** 1: role ROLE_RTE. */
int rte_lcore_is_enabled(unsigned int lcore_id);
unsigned int rte_get_main_lcore(void);
/** Lcores enabled or registered. */
unsigned int rte_lcore_count(void);
/** The place of a lcore among the enabled ones, from 0; of the caller for -1. -1 when it has none. */
int rte_lcore_index(int lcore_id);

/** The NUMA node of the caller's CPUs: (unsigned int)SOCKET_ID_ANY, -1, when they are on several, or it is no lcore. */
unsigned int rte_socket_id(void);
/** NUMA nodes that have a CPU, and their ids by place. -1 with rte_errno EINVAL for a place that is not there. */
unsigned int rte_socket_count(void);
int rte_socket_id_by_idx(unsigned int idx);
/** The node of a lcore; 0 for one that is off, (unsigned int)-1 as above. */
unsigned int rte_lcore_to_socket_id(unsigned int lcore_id);
/** The core (as the kernel numbers them in its socket) of a lcore's first CPU; of the caller for -1; -1 if there is none. */
int rte_lcore_to_cpu_id(int lcore_id);
#ifdef RTE_HAS_CPUSET
/** The CPUs of a lcore; none for a number that is off or not below RTE_MAX_LCORE. */
rte_cpuset_t rte_lcore_cpuset(unsigned int lcore_id);
#endif

/**
 * The next enabled lcore after i; with i -1 the first. skip_main: not the main lcore. wrap: after the last comes the first.
 *
 * Returns: RTE_MAX_LCORE when there is no further one (never with wrap, as long as one is enabled).
 */
unsigned int rte_get_next_lcore(unsigned int i, int skip_main, int wrap);

/* for each enabled lcore; for each but the main one. i: an unsigned int lvalue, RTE_MAX_LCORE after the loop. */
#define RTE_LCORE_FOREACH(i)                                                                                           \
	for ((i) = rte_get_next_lcore((unsigned int)-1, 0, 0); (i) < RTE_MAX_LCORE; (i) = rte_get_next_lcore(i, 0, 0))
#define RTE_LCORE_FOREACH_WORKER(i)                                                                                    \
	for ((i) = rte_get_next_lcore((unsigned int)-1, 1, 0); (i) < RTE_MAX_LCORE; (i) = rte_get_next_lcore(i, 1, 0))

typedef int (*rte_lcore_init_cb)(unsigned int lcore_id, void *arg);
typedef void (*rte_lcore_uninit_cb)(unsigned int lcore_id, void *arg);

/**
 * Be told of every lcore there is, at once, and of every thread that registers (init) or unregisters (uninit) later.
 *
 * init may refuse with a value other than 0: at once, and uninit takes back those already told; later, and the thread does
 * not become a lcore. Either may be NULL. Callbacks run in the caller's thread, one at a time; they must not call
 * functions of this group (register, unregister, iterate).
 *
 * Blocks:   while another such call runs.
 * Returns:  a handle; NULL when init refused, or with rte_errno ENOMEM or EINVAL (name NULL).
 */
void *rte_lcore_callback_register(const char *name, rte_lcore_init_cb init, rte_lcore_uninit_cb uninit, void *arg);
/** No more of that; uninit is called for every lcore there is. NULL: nothing. */
void rte_lcore_callback_unregister(void *handle);

typedef int (*rte_lcore_iterate_cb)(unsigned int lcore_id, void *arg);
/** Call cb for every lcore, enabled or registered, until it returns other than 0. Returns its last value. */
int rte_lcore_iterate(rte_lcore_iterate_cb cb, void *arg);

/* how busy a lcore says it is; cycles of any clock that does not stop */
struct rte_lcore_usage {
	uint64_t total_cycles;
	uint64_t busy_cycles;
};
/* fill in *usage and return 0, or return a negative value when nothing is known of that lcore */
typedef int (*rte_lcore_usage_cb)(unsigned int lcore_id, struct rte_lcore_usage *usage);
/** How rte_lcore_dump() learns how busy each lcore is. NULL: not at all. */
void rte_lcore_register_usage_cb(rte_lcore_usage_cb cb);

/** Print number, node, role, CPUs and use of every lcore. */
void rte_lcore_dump(FILE *f);

/**
 * Give the calling thread, which is no lcore, the lowest free number; it keeps its CPUs. Other members of the group do not
 * mind: it works with any number of processes.
 *
 * Blocks:   while a call of the callback group runs.
 * Returns:  0, also when it has a number already; -1 with rte_errno EINVAL (before init), EPERM (in a child of fork()) or
 *           ENOMEM (no number is free, or a callback refused).
 */
int rte_thread_register(void);
/** Give the number back. Nothing happens in a thread that has not registered. To be called before the thread ends. */
void rte_thread_unregister(void);

/** Name a thread; cut to 15 bytes. Returns 0 or -errno (-ESRCH: no such thread). */
int rte_thread_setname(pthread_t id, const char *name);
/** Its name, which takes up to 16 bytes. Returns 0 or -errno (-ERANGE: len is below 16). */
int rte_thread_getname(pthread_t id, char *name, size_t len);

/**
 * Start a thread with a name, which stays off the CPUs of the lcores as long as the process may use others.
 *
 * Returns:  0, with *thread set; -EAGAIN, -EINVAL or -ENOMEM.
 */
int rte_ctrl_thread_create(pthread_t *thread, const char *name, const pthread_attr_t *attr,
			   void *(*start_routine)(void *), void *arg);

#ifdef __cplusplus
}
#endif

#endif
