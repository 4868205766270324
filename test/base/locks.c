/* SPDX-License-Identifier: BSD-3-Clause */
/* locks.c - spinlocks and read-write locks: alone, again, and between threads */
#include <pthread.h>
#include <sched.h>

#include <rte_atomic.h>
#include <rte_rwlock.h>
#include <rte_spinlock.h>

#include "check.h"

#define THREADS 4
#define ROUNDS 20000

TEST(one_thread_sees_what_it_did)
{
	rte_spinlock_t s = RTE_SPINLOCK_INITIALIZER;
	rte_spinlock_recursive_t r = RTE_SPINLOCK_RECURSIVE_INITIALIZER;
	rte_rwlock_t w = RTE_RWLOCK_INITIALIZER;

	CHECK(rte_spinlock_trylock(&s) == 1 && rte_spinlock_trylock(&s) == 0 && rte_spinlock_is_locked(&s) == 1);
	rte_spinlock_unlock(&s);
	CHECK(rte_spinlock_is_locked(&s) == 0 && rte_tm_supported() == 0);
	rte_spinlock_lock_tm(&s);
	CHECK(rte_spinlock_trylock_tm(&s) == 0);
	rte_spinlock_unlock_tm(&s);
	rte_spinlock_init(&s);

	rte_spinlock_recursive_lock(&r);
	CHECK(rte_spinlock_recursive_trylock(&r) == 1 && rte_spinlock_recursive_trylock_tm(&r) == 1);
	rte_spinlock_recursive_lock_tm(&r);
	for (int i = 0; i < 3; i++)
		rte_spinlock_recursive_unlock(&r);
	CHECK(rte_spinlock_is_locked(&r.sl) == 1);
	rte_spinlock_recursive_unlock_tm(&r);
	CHECK(rte_spinlock_is_locked(&r.sl) == 0 && r.user == -1 && r.count == 0);
	rte_spinlock_recursive_init(&r);

	CHECK(rte_rwlock_read_trylock(&w) == 0 && rte_rwlock_read_trylock(&w) == 0);
	CHECK(rte_rwlock_write_trylock(&w) == -EBUSY && !rte_rwlock_write_is_locked(&w));
	rte_rwlock_read_unlock(&w);
	rte_rwlock_read_unlock_tm(&w);
	rte_rwlock_write_lock(&w);
	CHECK(rte_rwlock_write_is_locked(&w) && rte_rwlock_read_trylock(&w) == -EBUSY);
	CHECK_EQ(rte_rwlock_write_trylock(&w), -EBUSY);
	rte_rwlock_write_unlock(&w);
	rte_rwlock_write_lock_tm(&w);
	rte_rwlock_write_unlock_tm(&w);
	rte_rwlock_read_lock_tm(&w);
	rte_rwlock_read_lock(&w);
	CHECK_EQ(w.cnt, 2 * RTE_RWLOCK_READ);
	rte_rwlock_init(&w);
	CHECK_EQ(w.cnt, 0);
}

/* a: always twice b, seen by who has a lock */
static struct shared {
	rte_spinlock_t s;
	rte_spinlock_recursive_t r;
	rte_rwlock_t w;
	long a, b, c, d, e;
} sh;

static void *spins(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		rte_spinlock_lock(&sh.s);
		sh.c++;
		rte_spinlock_unlock(&sh.s);
		rte_spinlock_recursive_lock(&sh.r);
		rte_spinlock_recursive_lock(&sh.r);
		sh.d++;
		rte_spinlock_recursive_unlock(&sh.r);
		rte_spinlock_recursive_unlock(&sh.r);
	}
	return arg;
}

static void *writes_and_reads(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (i % 4 == 0) {
			rte_rwlock_write_lock(&sh.w);
			sh.a += 2;
			sh.b++;
			rte_rwlock_write_unlock(&sh.w);
		} else {
			rte_rwlock_read_lock(&sh.w);
			CHECK_EQ(sh.a, 2 * sh.b);
			rte_rwlock_read_unlock(&sh.w);
		}
	}
	return arg;
}

static void by_threads(void *(*fn)(void *))
{
	pthread_t t[THREADS];

	rte_spinlock_recursive_init(&sh.r);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, fn, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(t[i], NULL), 0);
}

#if defined(RTE_ARCH_64)
struct pair {
	rte_int128_t v;
	unsigned lost;
};

/* both halves count up together */
static void *counts_pairs(void *arg)
{
	struct pair *p = arg;

	for (unsigned i = 0; i < 20000; i++) {
		rte_int128_t was = {.val = {0, 1}}, next;

		do {
			next.val[0] = was.val[0] + 1;
			next.val[1] = was.val[1] + 2;
		} while (!rte_atomic128_cmp_exchange(&p->v, &was, &next, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
	}
	return NULL;
}

TEST(sixteen_bytes_change_at_once)
{
	struct pair p = {.v = {.val = {0, 1}}};
	rte_int128_t exp = {.val = {7, 7}}, src = {.val = {8, 9}};
	pthread_t t[2];

	CHECK_EQ(sizeof(rte_int128_t), 16);
	CHECK_EQ(rte_atomic128_cmp_exchange(&p.v, &exp, &src, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED), 0);
	CHECK(exp.val[0] == 0 && exp.val[1] == 1 && p.v.val[0] == 0 && p.v.val[1] == 1);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, counts_pairs, &p), 0);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(pthread_join(t[i], NULL), 0);
	CHECK_EQ(p.v.val[0], 40000);
	CHECK_EQ(p.v.val[1], 80001);
#if defined(RTE_ARCH_X86)
	CHECK_STR(MPLOCKED, "lock ; ");
#endif
}
#endif

TEST(spinlocks_keep_threads_apart)
{
	by_threads(spins);
	CHECK_EQ(sh.c, THREADS * ROUNDS);
	CHECK_EQ(sh.d, THREADS * ROUNDS);
}

TEST(readers_see_no_half_of_a_write)
{
	by_threads(writes_and_reads);
	CHECK_EQ(sh.b, THREADS * ROUNDS / 4);
	CHECK_EQ(sh.w.cnt, 0);
}

/* it would never get in among readers that overlap all the time */
static void *one_write(void *arg)
{
	rte_rwlock_write_lock(&sh.w);
	__atomic_store_n(&sh.e, 1, __ATOMIC_SEQ_CST);
	rte_rwlock_write_unlock(&sh.w);
	return arg;
}

TEST(a_writer_that_waits_keeps_new_readers_out)
{
	pthread_t t;

	rte_rwlock_read_lock(&sh.w);
	CHECK_EQ(pthread_create(&t, NULL, one_write, NULL), 0);
	while ((__atomic_load_n(&sh.w.cnt, __ATOMIC_RELAXED) & RTE_RWLOCK_WAIT) == 0)
		sched_yield();
	CHECK_EQ(rte_rwlock_read_trylock(&sh.w), -EBUSY);
	CHECK_EQ(__atomic_load_n(&sh.e, __ATOMIC_SEQ_CST), 0);
	rte_rwlock_read_unlock(&sh.w);
	CHECK_EQ(pthread_join(t, NULL), 0);
	CHECK_EQ(sh.e, 1);
}
