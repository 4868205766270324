/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_thread.h - threads and their CPUs, thin over POSIX threads
 *
 * Functions return 0 or a positive error number of <errno.h> unless they say otherwise. Any thread may call them. A thread
 * that they start inherits the caller's signal mask; it is no lcore until it calls rte_thread_register().
 */
#ifndef RTE_THREAD_H
#define RTE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_compat.h>
#include <rte_os.h>

#ifdef __cplusplus
extern "C" {
#endif

/* bytes of a thread's name with its NUL */
#define RTE_THREAD_NAME_SIZE 16

typedef struct {
	uintptr_t opaque_id;
} rte_thread_t;

typedef uint32_t (*rte_thread_func)(void *arg);

enum rte_thread_priority {
	RTE_THREAD_PRIORITY_NORMAL = 0,		   /* SCHED_OTHER */
	RTE_THREAD_PRIORITY_REALTIME_CRITICAL = 1, /* SCHED_RR */
};

typedef struct {
	enum rte_thread_priority priority;
#ifdef RTE_HAS_CPUSET
	rte_cpuset_t cpuset; /* empty: where the creator runs */
#else
	unsigned long cpuset[1024 / (8 * sizeof(unsigned long))]; /* the same bits, without a name for them */
#endif
} rte_thread_attr_t;

typedef struct eal_tls_key *rte_thread_key;

/**
 * Start a thread. attr NULL: normal priority, CPUs as the creator.
 *
 * Returns: 0, with *thread_id set before func runs; EAGAIN no thread to be had; EINVAL no such CPUs; ENOTSUP a priority
 *          that may not be set at the start (give RTE_THREAD_PRIORITY_NORMAL, then rte_thread_set_priority()).
 */
int rte_thread_create(rte_thread_t *thread_id, const rte_thread_attr_t *thread_attr, rte_thread_func thread_func,
		      void *arg);
/** Start a thread with a name, which stays off the CPUs of the lcores as long as the process may use others. */
int rte_thread_create_control(rte_thread_t *thread_id, const char *name, rte_thread_func thread_func, void *arg);
/** Wait for its end; its result goes to *value_ptr unless that is NULL. Blocks without limit. */
int rte_thread_join(rte_thread_t thread_id, uint32_t *value_ptr);
/** Nobody will wait for it. */
int rte_thread_detach(rte_thread_t thread_id);
rte_thread_t rte_thread_self(void);
/** Nonzero when both are the same thread. */
int rte_thread_equal(rte_thread_t t1, rte_thread_t t2);
/** Name a thread; the name is cut to 15 bytes. Failure is logged at level debug. */
void rte_thread_set_name(rte_thread_t thread_id, const char *name);

/** Normal priority, no CPUs. EINVAL for NULL, here and below. */
int rte_thread_attr_init(rte_thread_attr_t *attr);
/** EINVAL unless the priority is RTE_THREAD_PRIORITY_NORMAL. */
int rte_thread_attr_set_priority(rte_thread_attr_t *thread_attr, enum rte_thread_priority priority);
#ifdef RTE_HAS_CPUSET
int rte_thread_attr_set_affinity(rte_thread_attr_t *thread_attr, rte_cpuset_t *cpuset);
int rte_thread_attr_get_affinity(rte_thread_attr_t *thread_attr, rte_cpuset_t *cpuset);

/** The CPUs of any thread of this process. ESRCH, EINVAL. */
int rte_thread_set_affinity_by_id(rte_thread_t thread_id, const rte_cpuset_t *cpuset);
int rte_thread_get_affinity_by_id(rte_thread_t thread_id, rte_cpuset_t *cpuset);
/**
 * The CPUs of the calling thread. If it is a lcore, rte_lcore_cpuset() and rte_socket_id() follow.
 *
 * Returns: 0; -1 (with errno EINVAL) when the process may use none of them.
 */
int rte_thread_set_affinity(rte_cpuset_t *cpusetp);
void rte_thread_get_affinity(rte_cpuset_t *cpusetp);
#endif

/** Needs the right to do so (CAP_SYS_NICE or RLIMIT_RTPRIO) for REALTIME_CRITICAL: else EPERM. ENOTSUP: unknown value. */
int rte_thread_get_priority(rte_thread_t thread_id, enum rte_thread_priority *priority);
int rte_thread_set_priority(rte_thread_t thread_id, enum rte_thread_priority priority);

/**
 * A pointer that each thread has its own value of; destructor(value) runs when a thread ends and its value is not NULL.
 *
 * Returns: 0; -1 with rte_errno ENOMEM, EINVAL (a NULL key) or ENOEXEC (no more keys). The value is NULL when never set.
 */
int rte_thread_key_create(rte_thread_key *key, void (*destructor)(void *));
int rte_thread_key_delete(rte_thread_key key);
int rte_thread_value_set(rte_thread_key key, const void *value);
void *rte_thread_value_get(rte_thread_key key);

#ifdef __cplusplus
}
#endif

#endif
