/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file rte_rwlock.h - many readers or one writer, waited for by spinning
 *
 * A writer that waits keeps new readers out, so it is not starved; a reader must not take the lock twice, for a writer may wait in
 * between. What rte_spinlock.h says of threads, order and deaths holds here.
 */
#ifndef RTE_RWLOCK_H
#define RTE_RWLOCK_H

#include <errno.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_pause.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RTE_RWLOCK_WAIT 0x1  /**< a writer waits */
#define RTE_RWLOCK_WRITE 0x2 /**< a writer has it */
#define RTE_RWLOCK_MASK (RTE_RWLOCK_WAIT | RTE_RWLOCK_WRITE)
#define RTE_RWLOCK_READ 0x4 /**< each reader */

typedef struct {
	int32_t cnt;
} rte_rwlock_t;

#define RTE_RWLOCK_INITIALIZER                                                                                         \
	{                                                                                                              \
		0                                                                                                      \
	}

static inline void rte_rwlock_init(rte_rwlock_t *rwl)
{
	__atomic_store_n(&rwl->cnt, 0, __ATOMIC_RELAXED);
}

/** 0: taken; -EBUSY: a writer has it or waits. */
static inline int rte_rwlock_read_trylock(rte_rwlock_t *rwl)
{
	int32_t x = __atomic_load_n(&rwl->cnt, __ATOMIC_RELAXED);

	while ((x & RTE_RWLOCK_MASK) == 0)
		if (__atomic_compare_exchange_n(&rwl->cnt, &x, x + RTE_RWLOCK_READ, 1, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return 0;
	return -EBUSY;
}

static inline void rte_rwlock_read_lock(rte_rwlock_t *rwl)
{
	while (rte_rwlock_read_trylock(rwl) != 0)
		while ((__atomic_load_n(&rwl->cnt, __ATOMIC_RELAXED) & RTE_RWLOCK_MASK) != 0)
			rte_pause();
}

static inline void rte_rwlock_read_unlock(rte_rwlock_t *rwl)
{
	(void)__atomic_fetch_sub(&rwl->cnt, RTE_RWLOCK_READ, __ATOMIC_RELEASE);
}

/** 0: taken; -EBUSY: somebody has it. Takes the turn of a writer that waits, which goes on waiting. */
static inline int rte_rwlock_write_trylock(rte_rwlock_t *rwl)
{
	int32_t x = __atomic_load_n(&rwl->cnt, __ATOMIC_RELAXED);

	while (x < RTE_RWLOCK_WRITE)
		if (__atomic_compare_exchange_n(&rwl->cnt, &x, RTE_RWLOCK_WRITE, 1, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return 0;
	return -EBUSY;
}

static inline void rte_rwlock_write_lock(rte_rwlock_t *rwl)
{
	int32_t x;

	while (rte_rwlock_write_trylock(rwl) != 0) {
		while ((x = __atomic_load_n(&rwl->cnt, __ATOMIC_RELAXED)) > RTE_RWLOCK_WAIT) {
			if ((x & RTE_RWLOCK_WAIT) == 0) /* not said yet, or taken away by another writer */
				(void)__atomic_fetch_or(&rwl->cnt, RTE_RWLOCK_WAIT, __ATOMIC_RELAXED);
			rte_pause();
		}
	}
}

static inline void rte_rwlock_write_unlock(rte_rwlock_t *rwl)
{
	(void)__atomic_fetch_sub(&rwl->cnt, RTE_RWLOCK_WRITE, __ATOMIC_RELEASE);
}

/** As it is at this moment. */
static inline int rte_rwlock_write_is_locked(rte_rwlock_t *rwl)
{
	return (__atomic_load_n(&rwl->cnt, __ATOMIC_RELAXED) & RTE_RWLOCK_WRITE) != 0;
}

/* ---- by transactional memory where there is some: nowhere here, these are the plain locks ---- */

static inline void rte_rwlock_read_lock_tm(rte_rwlock_t *rwl)
{
	rte_rwlock_read_lock(rwl);
}
static inline void rte_rwlock_read_unlock_tm(rte_rwlock_t *rwl)
{
	rte_rwlock_read_unlock(rwl);
}
static inline void rte_rwlock_write_lock_tm(rte_rwlock_t *rwl)
{
	rte_rwlock_write_lock(rwl);
}
static inline void rte_rwlock_write_unlock_tm(rte_rwlock_t *rwl)
{
	rte_rwlock_write_unlock(rwl);
}

#ifdef __cplusplus
}
#endif

#endif
