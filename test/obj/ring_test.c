/* SPDX-License-Identifier: BSD-3-Clause */
/* ring_test.c - what each call of rte_ring.h and rte_ring_elem.h returns, in every mode and width; many threads; processes */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ring_elem.h>

#include "check.h"
#include "ring_all.h"

static void init_as(const char *type)
{
	char prog[] = "ring", p[64], lcores[] = "--lcores=0@0", level[] = "--log-level=info";
	char *argv[] = {prog, p, lcores, level, NULL};

	snprintf(p, sizeof(p), "--proc-type=%s", type);
	CHECK(rte_eal_init(4, argv) >= 0);
}

static struct rte_ring *make(const struct way *w, unsigned esize, unsigned count)
{
	struct rte_ring *r = rte_ring_create_elem("ring", esize, count, SOCKET_ID_ANY, w->flags);

	CHECK(r != NULL);
	return r;
}

/* element i of a stream: every byte tells */
static void fill(unsigned char *to, unsigned esize, unsigned from, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < esize; k += 4) {
			uint32_t v = (from + i) * 2654435761u + k;

			memcpy(to + (size_t)i * esize + k, &v, 4);
		}
}

static void check_stream(const unsigned char *got, unsigned esize, unsigned from, unsigned n)
{
	unsigned char *want = calloc(n, esize);

	fill(want, esize, from, n);
	CHECK(memcmp(got, want, (size_t)n * esize) == 0);
	free(want);
}

/* bulk and burst on a ring of 16 that holds 15, around the end of it many times */
static void one_way(const struct way *w, unsigned esize)
{
	struct rte_ring *r = make(w, esize, 16);
	unsigned char *buf = calloc(32, esize);
	unsigned in = 0, out = 0, left, n;

	for (unsigned round = 0; round < 60; round++) {
		unsigned k = 1 + round % 15;

		fill(buf, esize, in, k);
		left = 77;
		n = w->enq_bulk(r, buf, esize, k, round % 2 ? &left : NULL);
		CHECK_EQ(n, k);
		CHECK(round % 2 == 0 || left == 15 - k);
		in += n;
		CHECK_EQ(rte_ring_count(r), k);
		fill(buf, esize, in, 20);
		CHECK_EQ(w->enq_bulk(r, buf, esize, 16 - k, &left), 0);
		CHECK_EQ(left, 15 - k);
		n = w->enq_burst(r, buf, esize, 20, &left);
		CHECK_EQ(n, 15 - k);
		CHECK_EQ(left, 0);
		in += n;
		CHECK(rte_ring_full(r) && !rte_ring_empty(r) && rte_ring_free_count(r) == 0);
		CHECK_EQ(w->enq_burst(r, buf, esize, 1, NULL), 0);
		CHECK_EQ(w->deq_bulk(r, buf, esize, 16, &left), 0);
		CHECK_EQ(left, 15);
		CHECK_EQ(w->deq_bulk(r, buf, esize, k, &left), k);
		CHECK_EQ(left, 15 - k);
		check_stream(buf, esize, out, k);
		out += k;
		n = w->deq_burst(r, buf, esize, 32, NULL);
		CHECK_EQ(n, 15 - k);
		check_stream(buf, esize, out, n);
		out += n;
		CHECK(rte_ring_empty(r) && !rte_ring_full(r) && rte_ring_count(r) == 0);
		CHECK_EQ(w->deq_burst(r, buf, esize, 1, &left), 0);
		CHECK_EQ(w->deq_bulk(r, buf, esize, 1, NULL), 0);
	}
	CHECK_EQ(w->enq_bulk(r, buf, esize, 0, NULL), 0);
	free(buf);
	rte_ring_free(r);
}

TEST(each_mode_and_width_moves_what_it_was_given)
{
	init_as("primary");
	for (unsigned i = 0; i < WAYS; i++)
		for (unsigned k = 0; k < 6; k++)
			one_way(&ways[i], (unsigned[]){4, 8, 12, 16, 48, 100}[k]);
}

TEST(positions_wrap_at_32_bits)
{
	struct rte_ring *r;
	uint64_t v[8];

	init_as("primary");
	r = make(&ways[1], 8, 8);
	r->prod.tail = r->cons.tail = r->prod_side.seen = r->cons_side.seen = UINT32_MAX - 3;
	for (uint64_t i = 0; i < 20; i += 5) {
		for (unsigned k = 0; k < 5; k++)
			v[k] = i + k;
		CHECK_EQ(rte_ring_enqueue_bulk_elem(r, v, 8, 5, NULL), 5);
		CHECK_EQ(rte_ring_enqueue_bulk_elem(r, v, 8, 3, NULL), 0);
		CHECK_EQ(rte_ring_count(r), 5);
		CHECK_EQ(rte_ring_dequeue_bulk_elem(r, v, 8, 5, NULL), 5);
		for (unsigned k = 0; k < 5; k++)
			CHECK_EQ(v[k], i + k);
	}
}

TEST(pointers_one_by_one)
{
	struct rte_ring *r;
	int a, b;
	void *p[4] = {&a, &b, &a, &b};

	init_as("primary");
	r = rte_ring_create("ptr", 4, SOCKET_ID_ANY, 0);
	rte_errno = 0;
	CHECK_EQ(rte_ring_enqueue(r, &a), 0);
	CHECK_EQ(rte_ring_mp_enqueue(r, NULL), 0);
	CHECK_EQ(rte_ring_sp_enqueue(r, &b), 0);
	CHECK_EQ(rte_ring_enqueue(r, &a), -ENOBUFS);
	CHECK_EQ(rte_ring_mp_enqueue_elem(r, &p[0], sizeof(void *)), -ENOBUFS);
	CHECK_EQ(rte_ring_dequeue(r, p), 0);
	CHECK(p[0] == &a);
	CHECK_EQ(rte_ring_mc_dequeue(r, p), 0);
	CHECK(p[0] == NULL);
	CHECK_EQ(rte_ring_sc_dequeue(r, p), 0);
	CHECK(p[0] == &b);
	CHECK_EQ(rte_ring_dequeue(r, p), -ENOENT);
	CHECK_EQ(rte_ring_sc_dequeue_elem(r, p, sizeof(void *)), -ENOENT);
	CHECK_EQ(rte_errno, 0);
	CHECK_EQ(rte_ring_sp_enqueue_bulk(r, p, 2, NULL) + rte_ring_mp_enqueue_burst(r, p, 2, NULL), 3);
	CHECK_EQ(rte_ring_mc_dequeue_bulk(r, p, 2, NULL) + rte_ring_sc_dequeue_burst(r, p, 2, NULL), 3);
	CHECK_EQ(rte_ring_enqueue_bulk(r, p, 4, NULL), 0);
	CHECK_EQ(rte_ring_enqueue_burst(r, p, 4, NULL), 3);
	CHECK_EQ(rte_ring_dequeue_bulk(r, p, 4, NULL), 0);
	CHECK_EQ(rte_ring_dequeue_burst(r, p, 4, NULL), 3);
	CHECK_EQ(rte_ring_mp_hts_enqueue_bulk(r, p, 2, NULL), 2);
	CHECK_EQ(rte_ring_mc_rts_dequeue_burst(r, p, 3, NULL), 2);
}

TEST(sizes_and_questions)
{
	struct rte_ring *r, *x;

	init_as("primary");
	r = rte_ring_create("of 4", 4, SOCKET_ID_ANY, RING_F_SP_ENQ);
	CHECK_EQ(rte_ring_get_size(r), 4);
	CHECK_EQ(rte_ring_get_capacity(r), 3);
	CHECK_EQ(rte_ring_free_count(r), 3);
	CHECK(rte_ring_is_prod_single(r) && !rte_ring_is_cons_single(r));
	CHECK(r->prod.single && !r->cons.single && r->size == 4 && r->mask == 3 && r->flags == RING_F_SP_ENQ);
	CHECK_STR(r->memzone->name, "RG_of 4");
	x = rte_ring_create("exactly 3", 3, SOCKET_ID_ANY, RING_F_EXACT_SZ | RING_F_MC_RTS_DEQ | RING_F_MP_HTS_ENQ);
	CHECK_EQ(rte_ring_get_size(x), 4);
	CHECK_EQ(rte_ring_get_capacity(x), 3);
	CHECK_EQ(rte_ring_get_prod_sync_type(x), RTE_RING_SYNC_MT_HTS);
	CHECK_EQ(rte_ring_get_cons_sync_type(x), RTE_RING_SYNC_MT_RTS);
	CHECK_EQ(rte_ring_get_prod_htd_max(x), UINT32_MAX);
	CHECK_EQ(rte_ring_set_prod_htd_max(x, 2), -ENOTSUP);
	CHECK_EQ(rte_ring_set_cons_htd_max(x, 2), 0);
	CHECK_EQ(rte_ring_get_cons_htd_max(x), 2);
	CHECK_EQ(rte_ring_get_memsize(3), -EINVAL);
	CHECK_EQ(rte_ring_get_memsize(0), rte_ring_get_memsize(1));
	CHECK_EQ(rte_ring_get_memsize_elem(6, 4), -EINVAL);
	CHECK_EQ(rte_ring_get_memsize(8), rte_ring_get_memsize_elem(4, 16));
	CHECK(rte_ring_get_memsize(1024) >= 8192 && rte_ring_get_memsize(1024) % 64 == 0);
	CHECK_EQ(rte_ring_enqueue(r, r), 0);
	rte_ring_reset(r);
	CHECK(rte_ring_empty(r) && rte_ring_free_count(r) == 3);
}

#define REFUSED(call, err)                                                                                             \
	do {                                                                                                           \
		rte_errno = 0;                                                                                         \
		CHECK((call) == NULL);                                                                                 \
		CHECK_EQ(rte_errno, err);                                                                              \
	} while (0)

TEST(bad_input_is_refused)
{
	struct rte_ring *r;
	char mem[sizeof(struct rte_ring) + 256] __attribute__((aligned(128)));

	REFUSED(rte_ring_create("early", 4, SOCKET_ID_ANY, 0), E_RTE_NO_CONFIG);
	REFUSED(rte_ring_lookup("early"), E_RTE_NO_CONFIG);
	init_as("primary");
	REFUSED(rte_ring_create("x", 3, SOCKET_ID_ANY, 0), EINVAL);
	REFUSED(rte_ring_create("x", 1u << 31, SOCKET_ID_ANY, 0), EINVAL);
	REFUSED(rte_ring_create("x", 1u << 30, SOCKET_ID_ANY, RING_F_EXACT_SZ), EINVAL);
	REFUSED(rte_ring_create_elem("x", 1u << 20, 1u << 30, SOCKET_ID_ANY, 0), ENOMEM);
	REFUSED(rte_ring_create("x", 4, 5, 0), ENOMEM);
	REFUSED(rte_ring_create(NULL, 4, SOCKET_ID_ANY, 0), EINVAL);
	REFUSED(rte_ring_create("a name of exactly 29 letters..", 4, SOCKET_ID_ANY, 0), ENAMETOOLONG);
	REFUSED(rte_ring_create("x", 4, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_MP_HTS_ENQ), EINVAL);
	REFUSED(rte_ring_create_elem("x", 6, 4, SOCKET_ID_ANY, 0), EINVAL);
	REFUSED(rte_ring_create_elem("x", 0, 4, SOCKET_ID_ANY, 0), EINVAL);
	REFUSED(rte_ring_lookup("x"), ENOENT);
	REFUSED(rte_ring_lookup(NULL), EINVAL);
	REFUSED(rte_ring_lookup("a name that is much too long for any ring"), ENOENT);
	r = rte_ring_create("a name of just 28 characters", 4, SOCKET_ID_ANY, 0x4000);
	CHECK(r != NULL && rte_ring_lookup("a name of just 28 characters") == r);
	REFUSED(rte_ring_create("a name of just 28 characters", 4, SOCKET_ID_ANY, 0), EEXIST);
	CHECK_EQ(rte_ring_init(NULL, "x", 4, 0), -EINVAL);
	CHECK_EQ(rte_ring_init((void *)mem, "x", 5, 0), -EINVAL);
	CHECK_EQ(rte_ring_init((void *)mem, NULL, 4, 0), -EINVAL);
	CHECK_EQ(rte_ring_init((void *)mem, "x", 8, 0x80), -EINVAL);
	CHECK_EQ(rte_ring_init((void *)mem, "a name of exactly 29 letters..", 4, 0), -ENAMETOOLONG);
	CHECK_EQ(rte_ring_init((void *)mem, "mine", 4, 0), 0);
	rte_ring_free((void *)mem);
	rte_ring_free(NULL);
	rte_ring_free(r);
	REFUSED(rte_ring_lookup("a name of just 28 characters"), ENOENT);
}

static void nothing_fits(struct rte_ring *r)
{
	void *v[2] = {r, r};
	unsigned left = 7;

	CHECK(r != NULL && rte_ring_get_capacity(r) == 0 && rte_ring_free_count(r) == 0 && rte_ring_count(r) == 0);
	CHECK(rte_ring_full(r) && rte_ring_empty(r));
	CHECK_EQ(rte_ring_enqueue(r, r), -ENOBUFS);
	CHECK_EQ(rte_ring_enqueue_bulk(r, v, 2, &left), 0);
	CHECK_EQ(left, 0);
	CHECK_EQ(rte_ring_enqueue_burst(r, v, 2, NULL), 0);
	CHECK_EQ(rte_ring_dequeue(r, v), -ENOENT);
	CHECK_EQ(rte_ring_dequeue_burst(r, v, 2, &left), 0);
	CHECK_EQ(left, 0);
}

/* DPDK, too, takes 0 for a size */
TEST(in_a_ring_of_size_0_nothing_fits)
{
	static const unsigned modes[] = {0, RING_F_SP_ENQ | RING_F_SC_DEQ, RING_F_MP_HTS_ENQ | RING_F_MC_HTS_DEQ,
					 RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ};
	size_t bytes = (size_t)rte_ring_get_memsize(0);
	unsigned char *mem = aligned_alloc(128, 4096);
	struct rte_ring *r;

	CHECK(mem != NULL && bytes + 128 <= 4096);
	init_as("primary");
	for (unsigned i = 0; i < 8; i++) {
		unsigned flags = modes[i / 2] | (i % 2 != 0 ? RING_F_EXACT_SZ : 0);

		memset(mem, 0xa5, bytes + 128);
		CHECK_EQ(rte_ring_init((void *)mem, "mine", 0, flags), 0);
		nothing_fits((void *)mem);
		for (unsigned k = 0; k < 128; k++)
			CHECK_EQ(mem[bytes + k], 0xa5);
		r = rte_ring_create("x", 0, SOCKET_ID_ANY, flags);
		nothing_fits(r);
		rte_ring_free(r);
	}
	free(mem);
}

static void own_in_child(void *r)
{
	void *p;

	CHECK_EQ(rte_ring_enqueue(r, r), 0);
	CHECK_EQ(rte_ring_dequeue(r, &p), 0);
	CHECK_EQ(rte_ring_sc_dequeue(r, &p), 0);
	CHECK_EQ(rte_ring_dequeue(r, &p), -ENOENT);
}

TEST(a_ring_in_own_memory_needs_no_group)
{
	struct rte_ring *r = aligned_alloc(128, 4096);
	void *p = NULL;

	CHECK(rte_ring_get_memsize(8) < 4096);
	CHECK_EQ(rte_ring_init(r, "own", 8, 0), 0);
	CHECK_EQ(rte_ring_enqueue(r, r), 0);
	CHECK_EQ(rte_ring_dequeue(r, &p), 0);
	CHECK(p == r && r->memzone == NULL);
	CHECK_EQ(rte_ring_sp_enqueue(r, r), 0);
	CHECK_EQ(rte_ring_sc_dequeue(r, &p), 0);
	CHECK(rte_ring_empty(r));
	init_as("primary");
	CHECK_EQ(rte_ring_enqueue(r, r), 0);
	CHECK_EQ(t_fork(own_in_child, r, NULL, 0), 0);
	CHECK_EQ(rte_ring_dequeue(r, &p), 0);
	free(r);
}

/* ---- peek and zero copy ---- */

static void peek(const struct way *w)
{
	struct rte_ring *r = make(w, 8, 8);
	struct rte_ring_zc_data z;
	uint64_t v[8] = {10, 11, 12, 13, 14, 15, 16, 17};
	unsigned left;

	CHECK_EQ(rte_ring_enqueue_bulk_start(r, 8, &left), 0);
	CHECK_EQ(left, 7);
	CHECK_EQ(rte_ring_enqueue_burst_start(r, 9, &left), 7);
	CHECK_EQ(left, 0);
	rte_ring_enqueue_elem_finish(r, v, 8, 5);
	CHECK_EQ(rte_ring_count(r), 5);
	CHECK_EQ(rte_ring_enqueue_bulk_elem_start(r, 2, NULL), 2);
	rte_ring_enqueue_finish(r, NULL, 0);
	CHECK_EQ(rte_ring_count(r), 5);
	CHECK_EQ(rte_ring_dequeue_bulk_elem_start(r, v, 8, 6, &left), 0);
	CHECK_EQ(left, 5);
	CHECK_EQ(rte_ring_dequeue_burst_elem_start(r, v, 8, 6, &left), 5);
	CHECK(v[0] == 10 && v[4] == 14);
	rte_ring_dequeue_elem_finish(r, 0);
	CHECK_EQ(rte_ring_count(r), 5);
	CHECK_EQ(rte_ring_dequeue_bulk_start(r, (void **)v, 4, &left), 4);
	CHECK_EQ(left, 1);
	CHECK_EQ(v[3], 13);
	rte_ring_dequeue_finish(r, 3);
	CHECK_EQ(rte_ring_count(r), 2);
	/* five slots are free, three of them at the end */
	CHECK_EQ(rte_ring_enqueue_zc_bulk_start(r, 5, &z, &left), 5);
	CHECK(left == 0 && z.n1 == 3 && z.ptr1 == (char *)&r[1] + 40 && z.ptr2 == &r[1]);
	memcpy(z.ptr1, (uint64_t[]){20, 21, 22}, 24);
	memcpy(z.ptr2, (uint64_t[]){23, 24}, 16);
	rte_ring_enqueue_zc_finish(r, 5);
	CHECK_EQ(rte_ring_dequeue_zc_burst_elem_start(r, 8, 100, &z, &left), 7);
	CHECK(left == 0 && z.n1 == 5 && ((uint64_t *)z.ptr1)[1] == 14 && ((uint64_t *)z.ptr2)[1] == 24);
	rte_ring_dequeue_zc_elem_finish(r, 6);
	CHECK_EQ(rte_ring_dequeue_zc_bulk_start(r, 1, &z, NULL), 1);
	CHECK(z.ptr2 == NULL && *(uint64_t *)z.ptr1 == 24);
	rte_ring_dequeue_zc_finish(r, 1);
	CHECK(rte_ring_empty(r));
	CHECK_EQ(rte_ring_enqueue_zc_burst_elem_start(r, 8, 1, &z, NULL), 1);
	rte_ring_enqueue_zc_elem_finish(r, 0);
	CHECK_EQ(rte_ring_enqueue_bulk_elem(r, v, 8, 7, NULL), 7);
	rte_ring_free(r);
}

TEST(start_and_finish)
{
	struct rte_ring *r;
	unsigned left = 5;

	init_as("primary");
	for (unsigned i = 0; i < WAYS; i++)
		if (ways[i].peek)
			peek(&ways[i]);
	r = make(&ways[1], 8, 8);
	CHECK_EQ(rte_ring_enqueue_burst_start(r, 2, &left), 0);
	CHECK_EQ(left, 0);
	rte_ring_enqueue_finish(r, NULL, 0);
	CHECK_EQ(rte_ring_enqueue(r, r), 0);
}

/* ---- many threads ---- */

#define PER_THREAD 20000

struct stress {
	const struct way *w;
	struct rte_ring *r;
	unsigned chunk, id, producers, _;
	_Atomic unsigned *taken;
	unsigned got;
	bool ok;
};

static void *produce(void *arg)
{
	struct stress *s = arg;
	uint64_t v[16];

	for (unsigned i = 0; i < PER_THREAD;) {
		unsigned n = s->chunk < PER_THREAD - i ? s->chunk : PER_THREAD - i, done;

		for (unsigned k = 0; k < n; k++)
			v[k] = (uint64_t)s->id << 32 | (i + k);
		done = i % 3 == 0 ? s->w->enq_bulk(s->r, v, 8, n, NULL) : s->w->enq_burst(s->r, v, 8, n, NULL);
		if (done == 0)
			sched_yield();
		i += done;
	}
	return NULL;
}

/* what one producer put in comes in its order; nothing twice; sums say whether all came */
static void *consume(void *arg)
{
	struct stress *s = arg;
	uint64_t v[16];
	unsigned last[4] = {0}, all = s->producers * PER_THREAD;

	s->ok = true;
	while (*s->taken < all) {
		unsigned n = s->w->deq_burst(s->r, v, 8, s->chunk, NULL);

		for (unsigned k = 0; k < n; k++) {
			unsigned p = (unsigned)(v[k] >> 32), i = (uint32_t)v[k] + 1;

			if (p > 3 || i <= last[p])
				s->ok = false;
			else
				last[p] = i;
		}
		s->got += n;
		*s->taken += n;
		if (n == 0)
			sched_yield();
	}
	return NULL;
}

static void stress(const struct way *w, unsigned chunk)
{
	unsigned np = w->many ? 2 : 1, sum = 0;
	_Atomic unsigned taken = 0;
	struct rte_ring *r = make(w, 8, 64);
	struct stress s[4];
	pthread_t t[4];

	for (unsigned i = 0; i < 2 * np; i++) {
		s[i] = (struct stress){.w = w, .r = r, .chunk = chunk, .id = i, .producers = np, .taken = &taken};
		CHECK_EQ(pthread_create(&t[i], NULL, i < np ? produce : consume, &s[i]), 0);
	}
	for (unsigned i = 0; i < 2 * np; i++) {
		pthread_join(t[i], NULL);
		CHECK(i < np || s[i].ok);
		sum += s[i].got;
	}
	CHECK_EQ(sum, np * PER_THREAD);
	CHECK(rte_ring_empty(r));
	rte_ring_free(r);
}

TEST_T(threads_lose_and_double_nothing_and_keep_order, 60)
{
	init_as("primary");
	for (unsigned i = 0; i < WAYS; i++) {
		stress(&ways[i], 1);
		stress(&ways[i], 7);
	}
}

/* ---- processes ---- */

ROLE(second)
{
	struct rte_ring *there, *back;
	void *p = NULL;
	char line[64];

	init_as("secondary");
	there = rte_ring_lookup("there");
	back = rte_ring_create("back", 16, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	CHECK(there != NULL && back != NULL);
	t_tell("ready");
	while (t_hear(line, sizeof(line))) {
		while (rte_ring_dequeue(there, &p) == 0)
			CHECK_EQ(rte_ring_enqueue(back, p), 0);
		t_tell("moved");
	}
	return rte_eal_cleanup();
}

TEST(processes_share_rings_by_name)
{
	struct rte_ring *there, *back;
	struct t_proc *p;
	void *v;

	init_as("primary");
	there = rte_ring_create("there", 16, SOCKET_ID_ANY, 0);
	p = t_spawn("second", NULL);
	(void)t_expect(p, "ready");
	back = rte_ring_lookup("back");
	CHECK(back != NULL && rte_ring_is_cons_single(back));
	for (uintptr_t round = 0; round < 50; round++) {
		for (uintptr_t i = 0; i < 10; i++)
			CHECK_EQ(rte_ring_enqueue(there, (void *)(round * 100 + i)), 0);
		t_say(p, "move");
		(void)t_expect(p, "moved");
		for (uintptr_t i = 0; i < 10; i++) {
			CHECK_EQ(rte_ring_dequeue(back, &v), 0);
			CHECK_EQ((uintptr_t)v, round * 100 + i);
		}
	}
	t_kill(p, 9);
	(void)t_wait(p);
	CHECK_EQ(rte_ring_enqueue(back, back), 0);
}

static void as_child(void *r)
{
	void *p;

	CHECK_EQ(rte_ring_count(r), 1);
	CHECK(rte_ring_lookup("shared") == r);
	CHECK_EQ(rte_ring_enqueue(r, r), -ENOBUFS);
	CHECK_EQ(rte_errno, EPERM);
	CHECK_EQ(rte_ring_sc_dequeue(r, &p), -ENOENT);
	CHECK_EQ(rte_ring_dequeue_bulk_start(r, &p, 1, NULL), 0);
	CHECK(rte_ring_create("of a child", 8, SOCKET_ID_ANY, 0) == NULL && rte_errno == EPERM);
	rte_ring_free(r);
	CHECK(rte_ring_lookup("shared") == r);
}

TEST(a_forked_child_changes_nothing)
{
	struct rte_ring *r;
	char err[4096];
	void *p;

	init_as("primary");
	r = rte_ring_create("shared", 8, SOCKET_ID_ANY, 0);
	CHECK_EQ(rte_ring_enqueue(r, r), 0);
	CHECK_EQ(t_fork(as_child, r, err, sizeof(err)), 0);
	CHECK_HAS(err, "ring \"shared\": this process is no member of the group");
	CHECK_EQ(rte_ring_count(r), 1);
	CHECK_EQ(rte_ring_dequeue(r, &p), 0);
}

TEST(a_dump_says_how_full_it_is)
{
	char text[4096] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");
	struct rte_ring *r;

	init_as("primary");
	r = rte_ring_create("shown", 16, SOCKET_ID_ANY, RING_F_SC_DEQ);
	CHECK_EQ(rte_ring_enqueue(r, r), 0);
	rte_ring_dump(f, r);
	fflush(f);
	CHECK_HAS(text, "ring <shown>@");
	CHECK_HAS(text, "used=1\n  avail=14\n");
	rewind(f);
	memset(text, 0, sizeof(text));
	CHECK(rte_ring_create("other", 16, SOCKET_ID_ANY, 0) != NULL);
	rte_ring_list_dump(f);
	fclose(f);
	CHECK_HAS(text, "ring <shown>@");
	CHECK_HAS(text, "ring <other>@");
}

/* __rte_ring_look(): who found none, and then one, rests between the next 16 looks, and no longer than that */
TEST(who_is_always_there_looks_less_often_for_a_while)
{
	struct rte_ring *r;
	void *v;

	init_as("primary");
	r = rte_ring_create("chase", 64, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	for (unsigned again = 0; again < 2; again++) {
		CHECK(rte_ring_dequeue(r, &v) != 0);
		CHECK_EQ(r->cons_side.chase, 1);
		for (unsigned i = 0; i <= 16; i++) {
			CHECK_EQ(rte_ring_enqueue(r, r), 0);
			CHECK_EQ(rte_ring_dequeue(r, &v), 0);
			CHECK_EQ(r->cons_side.chase, i == 16 ? 0 : 17 - i);
		}
	}
	/* a look that is made only to say how many are left is no such one */
	CHECK_EQ(rte_ring_enqueue(r, r), 0);
	CHECK_EQ(rte_ring_dequeue_bulk(r, &v, 2, NULL), 0);
	CHECK_EQ(r->cons_side.chase, 1);
	CHECK_EQ(rte_ring_dequeue_bulk(r, &v, 1, &(unsigned){0}), 1);
	CHECK_EQ(r->cons_side.chase, 1);
}
