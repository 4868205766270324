/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file rte_spinlock.h - locks that are waited for by spinning
 *
 * They may lie in memory that several processes share. A process that dies with one in its hands leaves it taken: nobody knows
 * that it is its. For what must outlive a death use the library's own objects (memzones, rings, pools), which are mended.
 * All functions may be called from any thread; lock functions spin, without asking the kernel. The lock orders what is
 * done under it: taking acquires, leaving releases.
 */
#ifndef RTE_SPINLOCK_H
#define RTE_SPINLOCK_H

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_eal.h>
#include <rte_pause.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
	volatile int locked; /**< 0 free, 1 taken */
} rte_spinlock_t;

#define RTE_SPINLOCK_INITIALIZER                                                                                       \
	{                                                                                                              \
		0                                                                                                      \
	}

static inline void rte_spinlock_init(rte_spinlock_t *sl)
{
	__atomic_store_n(&sl->locked, 0, __ATOMIC_RELAXED);
}

/** 1: taken; 0: somebody has it. */
static inline int rte_spinlock_trylock(rte_spinlock_t *sl)
{
	int expected = 0;

	return __atomic_compare_exchange_n(&sl->locked, &expected, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void rte_spinlock_lock(rte_spinlock_t *sl)
{
	while (!rte_spinlock_trylock(sl))
		while (__atomic_load_n(&sl->locked, __ATOMIC_RELAXED) != 0)
			rte_pause();
}

static inline void rte_spinlock_unlock(rte_spinlock_t *sl)
{
	__atomic_store_n(&sl->locked, 0, __ATOMIC_RELEASE);
}

/** As it is at this moment. */
static inline int rte_spinlock_is_locked(rte_spinlock_t *sl)
{
	return __atomic_load_n(&sl->locked, __ATOMIC_ACQUIRE);
}

/* ---- a lock that its owner may take again ---- */

typedef struct {
	rte_spinlock_t sl;
	volatile int user;  /**< thread id of the owner, -1: nobody */
	volatile int count; /**< how often it has it */
} rte_spinlock_recursive_t;

#define RTE_SPINLOCK_RECURSIVE_INITIALIZER                                                                             \
	{                                                                                                              \
		RTE_SPINLOCK_INITIALIZER, -1, 0                                                                        \
	}

static inline void rte_spinlock_recursive_init(rte_spinlock_recursive_t *slr)
{
	rte_spinlock_init(&slr->sl);
	slr->user = -1;
	slr->count = 0;
}

/** 1: taken, perhaps again; 0: another thread has it. */
static inline int rte_spinlock_recursive_trylock(rte_spinlock_recursive_t *slr)
{
	int me = rte_gettid();

	if (__atomic_load_n(&slr->user, __ATOMIC_RELAXED) != me) {
		if (!rte_spinlock_trylock(&slr->sl))
			return 0;
		__atomic_store_n(&slr->user, me, __ATOMIC_RELAXED);
	}
	slr->count = slr->count + 1;
	return 1;
}

static inline void rte_spinlock_recursive_lock(rte_spinlock_recursive_t *slr)
{
	while (!rte_spinlock_recursive_trylock(slr))
		while (rte_spinlock_is_locked(&slr->sl))
			rte_pause();
}

/** By the owner, as often as it took it. */
static inline void rte_spinlock_recursive_unlock(rte_spinlock_recursive_t *slr)
{
	slr->count = slr->count - 1;
	if (slr->count == 0) {
		__atomic_store_n(&slr->user, -1, __ATOMIC_RELAXED);
		rte_spinlock_unlock(&slr->sl);
	}
}

/* ---- by transactional memory where there is some: nowhere here, these are the plain locks ---- */

static inline int rte_tm_supported(void)
{
	return 0;
}
static inline void rte_spinlock_lock_tm(rte_spinlock_t *sl)
{
	rte_spinlock_lock(sl);
}
static inline int rte_spinlock_trylock_tm(rte_spinlock_t *sl)
{
	return rte_spinlock_trylock(sl);
}
static inline void rte_spinlock_unlock_tm(rte_spinlock_t *sl)
{
	rte_spinlock_unlock(sl);
}
static inline void rte_spinlock_recursive_lock_tm(rte_spinlock_recursive_t *slr)
{
	rte_spinlock_recursive_lock(slr);
}
static inline int rte_spinlock_recursive_trylock_tm(rte_spinlock_recursive_t *slr)
{
	return rte_spinlock_recursive_trylock(slr);
}
static inline void rte_spinlock_recursive_unlock_tm(rte_spinlock_recursive_t *slr)
{
	rte_spinlock_recursive_unlock(slr);
}

#ifdef __cplusplus
}
#endif

#endif
