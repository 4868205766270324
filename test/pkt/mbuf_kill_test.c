/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mbuf_kill_test.c - a process that works with packets is killed between any two of its instructions
 *
 * The worker gets packets, clones of this process' ones and of its own, and packets in an external buffer; it clones, sends back and
 * frees them, all of a tracked pool. It is killed anywhere. Then: what this process holds is what it was, nothing of that is given
 * out again, and when it has freed it all mbufs are back, each once, but for one at most: the reference that the worker was about
 * to take or to give up.
 *
 * $MBUF_DEATHS: how many.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_malloc.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "mbuf_help.h"

#define MBUFS 128
#define ROOM 192
#define HELD 4	  /* packets that this process keeps: three chains, one in an external buffer */
#define IN_HAND 6 /* the most that the worker has */

struct board {
	_Atomic unsigned rounds;
};

struct scene {
	struct rte_mempool *mp;
	struct rte_ring *to, *back;
	struct board *b;
	struct rte_mbuf *held[HELD];
	unsigned segs; /* of those */
	unsigned seed;
};

static void ext_free(void *addr, void *opaque)
{
	(*(_Atomic unsigned *)opaque)++;
	rte_free(addr);
}

/* its bytes count up from the first */
static void sound(const struct rte_mbuf *m)
{
	char buf[64];
	const char *d = rte_pktmbuf_read(m, 0, m->pkt_len, buf);

	CHECK_EQ(rte_mbuf_check(m, 1, NULL), 0);
	CHECK(d != NULL && m->pkt_len <= sizeof(buf));
	for (unsigned i = 1; i < m->pkt_len; i++)
		CHECK_EQ((unsigned char)d[i], (unsigned char)(d[0] + i));
}

static struct rte_mbuf *make_chain(struct rte_mempool *mp, unsigned c)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(mp), *n = rte_pktmbuf_alloc(mp);

	if (m == NULL || n == NULL) {
		rte_pktmbuf_free(m);
		rte_pktmbuf_free(n);
		return NULL;
	}
	for (unsigned i = 0; i < 20; i++)
		*rte_pktmbuf_append(m, 1) = (char)(c + i);
	for (unsigned i = 0; i < 20; i++)
		*rte_pktmbuf_append(n, 1) = (char)(c + 20 + i);
	CHECK_EQ(rte_pktmbuf_chain(m, n), 0);
	return m;
}

/* ---- the worker ---- */

static void step(struct scene *s, struct rte_mbuf **hand, unsigned *n)
{
	unsigned what = (unsigned)rand_r(&s->seed) % 8;
	struct rte_mbuf *m;

	if (*n == IN_HAND || (*n > 0 && what < 2)) {
		rte_pktmbuf_free(hand[--*n]);
		return;
	}
	if (what == 2 && *n > 0) {
		rte_pktmbuf_free_bulk(hand, *n);
		*n = 0;
	} else if (what == 3 && *n > 0) {
		if (rte_ring_enqueue(s->back, hand[*n - 1]) == 0)
			--*n;
	} else if (what < 6 && *n > 0) {
		m = rte_pktmbuf_clone(hand[*n - 1], s->mp);
		if (m != NULL)
			hand[(*n)++] = m;
	} else if (what == 6) {
		m = make_chain(s->mp, what);
		if (m != NULL)
			hand[(*n)++] = m;
	} else if (rte_ring_dequeue(s->to, (void **)&m) == 0) {
		hand[(*n)++] = m;
	}
}

ROLE(worker)
{
	struct scene s = {.seed = (unsigned)atoi(argv[1])};
	struct rte_mbuf *hand[IN_HAND];
	unsigned n = 0;

	init_as("secondary");
	s.mp = rte_mempool_lookup("pool");
	s.to = rte_ring_lookup("TO");
	s.back = rte_ring_lookup("BACK");
	CHECK(s.mp != NULL && s.to != NULL && s.back != NULL);
	s.b = rte_memzone_lookup("board")->addr;
	t_tell("ready");
	for (;;) {
		step(&s, hand, &n);
		s.b->rounds++;
	}
	return 0;
}

/* ---- this process ---- */

static struct rte_mbuf *make_ext(struct scene *s, _Atomic unsigned *freed)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->mp);
	char *buf = rte_malloc(NULL, 128, 0);
	struct rte_mbuf_ext_shared_info *i;
	uint16_t len = 128;

	CHECK(m != NULL && buf != NULL);
	i = rte_pktmbuf_ext_shinfo_init_helper(buf, &len, ext_free, freed);
	rte_pktmbuf_attach_extbuf(m, buf, (rte_iova_t)(uintptr_t)buf, len, i);
	for (int k = 0; k < 40; k++)
		*rte_pktmbuf_append(m, 1) = (char)(100 + k);
	return m;
}

static void open_scene(struct scene *s, _Atomic unsigned *freed)
{
	s->mp = make_tracked("pool", MBUFS, ROOM);
	s->to = rte_ring_create("TO", 32, SOCKET_ID_ANY, SHOAL_RING_F_TRACK);
	s->back = rte_ring_create("BACK", 32, SOCKET_ID_ANY, SHOAL_RING_F_TRACK);
	CHECK(s->to != NULL && s->back != NULL);
	for (unsigned i = 0; i < HELD - 1; i++)
		s->held[i] = make_chain(s->mp, 30 * i);
	s->held[HELD - 1] = make_ext(s, freed);
	s->segs = 2 * HELD - 1;
}

static void drain(struct rte_ring *r)
{
	struct rte_mbuf *m;

	while (rte_ring_dequeue(r, (void **)&m) == 0) {
		sound(m);
		rte_pktmbuf_free(m);
	}
}

static void feed(struct scene *s)
{
	struct rte_mbuf *m = (unsigned)rand_r(&s->seed) % 4 == 0
				     ? make_chain(s->mp, 7)
				     : rte_pktmbuf_clone(s->held[(unsigned)rand_r(&s->seed) % HELD], s->mp);

	if (m != NULL && rte_ring_enqueue(s->to, m) < 0)
		rte_pktmbuf_free(m);
	drain(s->back);
}

static void kill_between_instructions(struct t_proc *p, unsigned steps)
{
	int st;

	if (ptrace(PTRACE_SEIZE, p->pid, NULL, NULL) < 0)
		SKIP("ptrace: %s", strerror(errno));
	CHECK_EQ(ptrace(PTRACE_INTERRUPT, p->pid, NULL, NULL), 0);
	CHECK_EQ(waitpid(p->pid, &st, __WALL), p->pid);
	CHECK(WIFSTOPPED(st));
	for (unsigned i = 0; i < steps; i++) {
		CHECK_EQ(ptrace(PTRACE_SINGLESTEP, p->pid, NULL, NULL), 0);
		CHECK_EQ(waitpid(p->pid, &st, __WALL), p->pid);
		CHECK(WIFSTOPPED(st));
	}
	t_kill(p, SIGKILL);
	CHECK_EQ(t_wait(p), 128 + SIGKILL);
}

static unsigned count(struct rte_mempool *mp)
{
	rte_mempool_cache_flush(NULL, mp);
	return rte_mempool_ops_get_count(mp);
}

static bool nearly_all(void *arg)
{
	struct scene *s = arg;

	drain(s->to);
	drain(s->back);
	return count(s->mp) + s->segs + 1 >= MBUFS;
}

/* what there is to be had is no buffer of mine, and each is there once */
static void use_all(struct scene *s)
{
	struct rte_mbuf *m[MBUFS];
	unsigned n = 0;

	while (n < MBUFS && (m[n] = rte_pktmbuf_alloc(s->mp)) != NULL) {
		as_in_pool(s->mp, NULL, m[n], 0);
		m[n]->dynfield1[0] = n;
		memset(m[n]->buf_addr, 0xee, ROOM);
		n++;
	}
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(m[i]->dynfield1[0], i);
	for (unsigned i = 0; i < HELD && s->segs != 0; i++)
		sound(s->held[i]);
	rte_pktmbuf_free_bulk(m, n);
}

static void count_lost(struct rte_mempool *mp, void *lost, void *obj, unsigned i)
{
	uint64_t who = __atomic_load_n(&rte_mempool_get_header(obj)->__owner, __ATOMIC_ACQUIRE);

	(void)mp;
	(void)i;
	/* a reference too many keeps it, or it bears nobody's name any more */
	*(unsigned *)lost += who == 1 || (who != 0 && rte_mbuf_refcnt_read(obj) > 1);
}

/* all are back, but for those that are lost for good */
static bool settled(void *arg)
{
	struct scene *s = arg;
	unsigned n = 0;

	(void)rte_mempool_obj_iter(s->mp, count_lost, &n);
	return count(s->mp) + n == MBUFS;
}

static bool has_freed(void *freed)
{
	return *(_Atomic unsigned *)freed != 0;
}

/* one death; how many mbufs are lost */
static unsigned once(unsigned nth)
{
	_Atomic unsigned freed = 0;
	struct scene s = {.seed = nth * 7919 + 1};
	char seed[16];
	struct t_proc *p;
	unsigned until, lost;

	open_scene(&s, &freed);
	s.b = rte_memzone_lookup("board")->addr;
	s.b->rounds = 0;
	snprintf(seed, sizeof(seed), "%u", s.seed);
	p = t_spawn("worker", seed, NULL);
	t_expect(p, "ready");
	until = 20 + (unsigned)rand_r(&s.seed) % 200;
	while (s.b->rounds < until)
		feed(&s);
	kill_between_instructions(p, (unsigned)rand_r(&s.seed) % 200);
	t_until(nearly_all, &s);
	use_all(&s);
	rte_pktmbuf_free_bulk(s.held, HELD);
	s.segs = 0;
	t_until(nearly_all, &s);
	use_all(&s);
	t_until(settled, &s);
	lost = MBUFS - count(s.mp);
	CHECK(lost <= 1);
	if (lost == 0)
		t_until(has_freed, &freed);
	rte_ring_free(s.to);
	rte_ring_free(s.back);
	rte_mempool_free(s.mp);
	return lost;
}

TEST_T(death_at_any_instruction, 120)
{
	const char *v = getenv("MBUF_DEATHS");
	unsigned deaths = v != NULL ? (unsigned)atoi(v) : 12, lost = 0;

	init_as("primary");
	CHECK(rte_memzone_reserve("board", sizeof(struct board), SOCKET_ID_ANY, 0) != NULL);
	for (unsigned i = 0; i < deaths; i++)
		lost += once(i);
	fprintf(stderr, "%u deaths, %u mbufs lost\n", deaths, lost);
	CHECK(lost <= deaths / 2);
}

#ifdef SH_FAULT
/* ---- who mends dies between a dead one's clone and the buffer that it was attached to ---- */

ROLE(mender)
{
	init_as("primary");
	CHECK(make_tracked("pool", MBUFS, ROOM) != NULL);
	CHECK(rte_ring_create("TO", 32, SOCKET_ID_ANY, SHOAL_RING_F_TRACK) != NULL);
	t_tell("ready");
	for (;;) /* it ends where it mends */
		pause();
}

ROLE(cloned)
{
	struct rte_mbuf *m;
	char line[8];

	init_as("secondary");
	CHECK_EQ(rte_ring_dequeue(rte_ring_lookup("TO"), (void **)&m), 0);
	t_tell("ready");
	(void)t_hear(line, sizeof(line));
	return 0;
}

static bool all_but_mine(void *mp)
{
	return rte_mempool_avail_count(mp) == MBUFS - 1;
}

TEST(who_mends_dies_with_a_clone_detached)
{
	struct scene s = {.seed = 1};
	struct t_proc *mender, *p;
	struct rte_mbuf *m;

	setenv("SHOAL_DIE_AT", "mbuf_detached", 1);
	mender = t_spawn("mender", NULL);
	unsetenv("SHOAL_DIE_AT");
	t_expect(mender, "ready");
	init_as("secondary");
	s.mp = rte_mempool_lookup("pool");
	s.to = rte_ring_lookup("TO");
	CHECK(s.mp != NULL && s.to != NULL);
	m = make_mbuf(s.mp, 40, 7);
	CHECK_EQ(rte_ring_enqueue(s.to, rte_pktmbuf_clone(m, s.mp)), 0);
	p = t_spawn("cloned", NULL);
	t_expect(p, "ready");
	CHECK_EQ(rte_mbuf_refcnt_read(m), 2);
	t_kill(p, SIGKILL);
	CHECK_EQ(t_wait(p), 128 + SIGKILL);
	CHECK_EQ(t_wait(mender), 128 + SIGKILL);
	t_until(all_but_mine, s.mp); /* the clone is there again, as in its pool */
	use_all(&s);
	for (unsigned i = 0; i < 40; i++)
		CHECK_EQ(rte_pktmbuf_mtod(m, char *)[i], (char)(7 + i));
	CHECK_EQ(rte_mbuf_refcnt_read(m), 2); /* one too many: it is never given out again */
	rte_pktmbuf_free(m);
	use_all(&s);
	CHECK(all_but_mine(s.mp));
}
#endif
