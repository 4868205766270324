/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_launch.h - run a function on another lcore, wait for it, take its result
 *
 * A worker lcore WAITs (it sleeps and costs nothing) until it is given a function, RUNs it, and WAITs again with the
 * result. What the caller wrote before the launch the function sees; what the function wrote its waiter sees.
 *
 * Any thread may launch and wait. In a child of fork() there are no workers: see the return values.
 */
#ifndef RTE_LAUNCH_H
#define RTE_LAUNCH_H

#ifdef __cplusplus
extern "C" {
#endif

enum rte_lcore_state_t {
	WAIT,	 /* has nothing to do */
	RUNNING, /* is in a function */
};

typedef int(lcore_function_t)(void *);

enum rte_rmt_call_main_t {
	SKIP_MAIN = 0, /* on the workers only */
	CALL_MAIN,     /* on the caller as well */
};

/**
 * Run f(arg) on a worker.
 *
 * Blocks:   no.
 * Returns:  0: it is running.
 *           -EBUSY it runs a function already.
 *           -EPIPE no thread waits there: the main lcore, one that is not enabled, before init, after cleanup, or in a child
 *           of fork().
 *           -EINVAL f is NULL, or worker_id is not below RTE_MAX_LCORE.
 */
int rte_eal_remote_launch(lcore_function_t *f, void *arg, unsigned int worker_id);

/**
 * Run f(arg) on all workers and, with CALL_MAIN, after that in the caller, whose result becomes that of the main lcore.
 *
 * Blocks:   with CALL_MAIN as long as f does; else no.
 * Returns:  0; -EBUSY when a worker runs a function already, and then f was started nowhere; -EINVAL f is NULL. -EPIPE
 *           in a child of fork().
 */
int rte_eal_mp_remote_launch(lcore_function_t *f, void *arg, enum rte_rmt_call_main_t call_main);

/** What a lcore does at the moment. One that is the main lcore, not enabled or does not exist WAITs. */
enum rte_lcore_state_t rte_eal_get_lcore_state(unsigned int worker_id);

/**
 * Wait until a lcore has no function.
 *
 * Blocks:   until then, without limit. A worker that waits for itself would never return: -EDEADLK.
 * Returns:  the last function's result, any number of times; 0 when it never had one, -EINVAL for an id that is not below
 *           RTE_MAX_LCORE, -EPIPE in a child of fork() for a worker that was running.
 */
int rte_eal_wait_lcore(unsigned int worker_id);

/** Wait until no worker has a function. Blocks without limit. */
void rte_eal_mp_wait_lcore(void);

#ifdef __cplusplus
}
#endif

#endif
