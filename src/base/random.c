/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * random.c - a generator for each thread: xoshiro256++ (Blackman and Vigna), seeded through splitmix64
 *
 *   field   written by             read by       ordering
 *   seed    rte_srand()            every thread  R:SEED on turn <-> A:SEED: who sees the turn sees the seed
 *   turn    rte_srand()            every thread  0: the kernel seeds. A thread that finds a new turn seeds itself anew.
 */
#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_lcore.h>
#include <rte_random.h>

#include <sys/random.h>

#include "base/atom.h"
#include "base/clock.h"
#include "base/export.h"

static struct {
	_Atomic uint64_t seed;
	_Atomic uint32_t turn;
} src;

static __thread struct {
	uint64_t s[4];
	uint32_t turn;
	bool seeded;
} me;

static uint64_t splitmix(uint64_t *x)
{
	uint64_t z = (*x += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void seed_me(uint32_t turn)
{
	uint64_t x = sh_load_rlx(&src.seed);

	if (turn != 0)
		x += (uint64_t)rte_lcore_id() << 32;
	else if (getrandom(&x, sizeof(x), GRND_NONBLOCK) != (ssize_t)sizeof(x))
		x = sh_now_ns() ^ (uintptr_t)&me; /* early boot, or refused: still different in every thread */
	for (int i = 0; i < 4; i++)
		me.s[i] = splitmix(&x);
	me.turn = turn;
	me.seeded = true;
}

static uint64_t rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

SH_EXPORT uint64_t rte_rand(void)
{
	uint32_t turn = sh_load_acq(&src.turn); /* A:SEED */
	uint64_t r, t;

	if (unlikely(!me.seeded || me.turn != turn))
		seed_me(turn);
	r = rotl(me.s[0] + me.s[3], 23) + me.s[0];
	t = me.s[1] << 17;
	me.s[2] ^= me.s[0];
	me.s[3] ^= me.s[1];
	me.s[1] ^= me.s[2];
	me.s[0] ^= me.s[3];
	me.s[2] ^= t;
	me.s[3] = rotl(me.s[3], 45);
	return r;
}

SH_EXPORT void rte_srand(uint64_t seedval)
{
	sh_store_rlx(&src.seed, seedval);
	sh_add(&src.turn, 1); /* R:SEED */
}

SH_EXPORT uint64_t rte_rand_max(uint64_t upper_bound)
{
	uint64_t mask, v;

	if (upper_bound < 2)
		return 0;
	mask = rte_combine64ms1b(upper_bound - 1);
	do {
		v = rte_rand() & mask; /* fits at least every other time */
	} while (v >= upper_bound);
	return v;
}

SH_EXPORT double rte_drand(void)
{
	return (double)(rte_rand() >> 11) * 0x1.0p-53;
}
