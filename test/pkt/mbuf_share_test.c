/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mbuf_share_test.c - processes that share packets, and die with them
 *
 * Of the inline functions' own names: __rte_mbuf_let_go, __rte_mbuf_dropped, __rte_mbuf_ext_return, __rte_pktmbuf_free_slow.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_malloc.h>
#include <rte_ring.h>

#include <shoal_mbuf.h>
#include <shoal_member.h>

#include "mbuf_help.h"

#define MBUFS 32
#define ROOM 256

/* ---- the other process: does what it is told, letter by letter, with a stack of packets ---- */

static _Atomic unsigned freed;

static void ext_free(void *addr, void *opaque)
{
	(void)opaque;
	freed++;
	rte_free(addr);
}

static bool so_many_freed(void *n)
{
	return freed >= *(unsigned *)n;
}
/* by the thread for callbacks */
static void wait_freed(unsigned n)
{
	t_until(so_many_freed, &n);
	CHECK_EQ(freed, n);
}

static struct rte_mbuf *make_ext(struct rte_mempool *mp)
{
	char *buf = rte_malloc(NULL, 1024, 0), *at;
	struct rte_mbuf *m = rte_pktmbuf_alloc(mp);
	uint16_t len = 1024;
	struct rte_mbuf_ext_shared_info *s = rte_pktmbuf_ext_shinfo_init_helper(buf, &len, ext_free, NULL);

	CHECK(buf != NULL && m != NULL && s != NULL);
	rte_pktmbuf_attach_extbuf(m, buf, (rte_iova_t)(uintptr_t)buf, len, s);
	at = rte_pktmbuf_append(m, 20);
	for (int i = 0; i < 20; i++)
		at[i] = (char)i;
	return m;
}

static void sound(const struct rte_mbuf *m)
{
	char buf[300];
	const char *d = rte_pktmbuf_read(m, 0, m->pkt_len, buf);

	CHECK_EQ(rte_mbuf_check(m, 1, NULL), 0);
	CHECK(d != NULL);
	for (unsigned i = 0; i < m->pkt_len; i++)
		CHECK_EQ(d[i], i);
}

static struct rte_mbuf *make_chain(struct rte_mempool *mp)
{
	struct rte_mbuf *m = make_mbuf(mp, 10, 0);

	CHECK_EQ(rte_pktmbuf_chain(m, make_mbuf(mp, 10, 10)), 0);
	return m;
}

struct peer {
	struct rte_mempool *mp;
	struct rte_ring *to, *back;
	struct rte_mbuf *stack[MBUFS];
	unsigned n;
};

static void obey(struct peer *p, char what)
{
	struct rte_mbuf **top = &p->stack[p->n];

	switch (what) {
	case '1': /* a packet of one segment */
		p->stack[p->n++] = make_mbuf(p->mp, 10, 0);
		break;
	case '2':
		p->stack[p->n++] = make_chain(p->mp);
		break;
	case 'x': /* in an external buffer */
		p->stack[p->n++] = make_ext(p->mp);
		break;
	case 'c': /* a clone */
		*top = rte_pktmbuf_clone(top[-1], p->mp);
		CHECK(*top != NULL);
		p->n++;
		break;
	case 'u': /* one reference more */
		rte_pktmbuf_refcnt_update(top[-1], 1);
		*top = top[-1];
		p->n++;
		break;
	case 'd': /* the other one */
		*top = top[-1];
		top[-1] = top[-2];
		top[-2] = *top;
		break;
	case 'f':
		rte_pktmbuf_free(p->stack[--p->n]);
		break;
	case 'r':
		CHECK_EQ(rte_ring_dequeue(p->to, (void **)top), 0);
		p->n++;
		break;
	case 's':
		CHECK_EQ(rte_ring_enqueue(p->back, p->stack[--p->n]), 0);
		break;
	case 'W':
		wait_freed(8);
		break;
	case 'w': /* until its own external buffer was freed */
		wait_freed(1);
		break;
	case 'l':
		sound(top[-1]);
		break;
	default:
		t_fail(__FILE__, __LINE__, "what is '%c'?", what);
	}
}

ROLE(peer)
{
	struct peer p = {.n = 0};
	char line[64];

	init_as("secondary");
	p.mp = rte_mempool_lookup(argc > 1 ? argv[1] : "pool");
	p.to = rte_ring_lookup("TO");
	p.back = rte_ring_lookup("BACK");
	CHECK(p.mp != NULL && p.to != NULL && p.back != NULL);
	t_tell("ready");
	while (t_hear(line, sizeof(line)) && strcmp(line, "end") != 0) {
		for (const char *c = line; *c != '\0'; c++)
			obey(&p, *c);
		t_tell("ok %u", freed);
	}
	CHECK_EQ(rte_eal_cleanup(), 0);
	t_tell("at last %u", freed);
	return 0;
}

/* ---- this process ---- */

struct scene {
	struct rte_mempool *mp;
	struct rte_ring *to, *back;
	struct t_proc *p;
};

static void rings(struct scene *s, unsigned flags)
{
	s->to = rte_ring_create("TO", 64, SOCKET_ID_ANY, flags);
	s->back = rte_ring_create("BACK", 64, SOCKET_ID_ANY, flags);
	CHECK(s->to != NULL && s->back != NULL);
	s->p = t_spawn("peer", s->mp->name, NULL);
	t_expect(s->p, "ready");
}

static void play_tracked(struct scene *s)
{
	init_as("primary");
	s->mp = make_tracked("pool", MBUFS, ROOM);
	rings(s, SHOAL_RING_F_TRACK);
}

static void say(struct scene *s, const char *letters, const char *answer)
{
	t_say(s->p, letters);
	CHECK_STR(t_expect(s->p, "ok"), answer);
}

static void give(struct scene *s, struct rte_mbuf *m)
{
	CHECK_EQ(rte_ring_enqueue(s->to, m), 0);
}

static struct rte_mbuf *take(struct scene *s)
{
	void *m;

	CHECK_EQ(rte_ring_dequeue(s->back, &m), 0);
	sound(m);
	return m;
}

static void ends(struct scene *s)
{
	t_say(s->p, "end");
	CHECK_EQ(t_wait(s->p), 0);
}

static void dies(struct scene *s)
{
	t_kill(s->p, SIGKILL);
	CHECK_EQ(t_wait(s->p), 128 + SIGKILL);
}

struct want {
	struct rte_mempool *mp;
	unsigned n;
};
static bool has(void *arg)
{
	const struct want *w = arg;

	rte_mempool_cache_flush(NULL, w->mp);
	return rte_mempool_ops_get_count(w->mp) == w->n;
}
static void wait_for(struct rte_mempool *mp, unsigned n)
{
	struct want w = {mp, n};

	t_until(has, &w);
	CHECK_EQ(rte_mempool_ops_get_count(mp), n);
}

static void whole(struct rte_mempool *mp)
{
	wait_for(mp, mp->size);
	pool_whole(mp);
}

/* ---- without deaths ---- */

TEST(taken_here_given_back_there)
{
	struct scene s;

	init_as("primary");
	s.mp = make_pool("pool", MBUFS, ROOM);
	rings(&s, 0);
	give(&s, make_chain(s.mp));
	give(&s, make_mbuf(s.mp, 10, 0));
	say(&s, "rlrlff", "ok 0");
	say(&s, "2s1s", "ok 0");
	rte_pktmbuf_free(take(&s));
	rte_pktmbuf_free(take(&s));
	ends(&s);
	whole(s.mp);
}

TEST(clones_go_to_others)
{
	struct rte_mbuf *m, *c;
	struct scene s;

	init_as("primary");
	s.mp = make_pool("pool", MBUFS, ROOM);
	rings(&s, 0);
	m = make_chain(s.mp);
	for (int i = 0; i < 3; i++)
		give(&s, rte_pktmbuf_clone(m, s.mp));
	say(&s, "rlrlrlcls", "ok 0"); /* the third and a clone of it: the same buffer */
	c = take(&s);
	CHECK_EQ(rte_mbuf_refcnt_read(m), 5);
	say(&s, "fff", "ok 0");
	CHECK_EQ(rte_mbuf_refcnt_read(m), 2);
	rte_pktmbuf_free(m);
	sound(c);
	CHECK_EQ(rte_mbuf_refcnt_read(m), 1);
	rte_pktmbuf_free(c);
	ends(&s);
	whole(s.mp);
}

TEST(external_buffers_are_freed_at_home)
{
	struct scene s;
	struct rte_mbuf *m;

	init_as("primary");
	s.mp = make_pool("pool", MBUFS, ROOM);
	rings(&s, 0);
	give(&s, make_ext(s.mp));
	say(&s, "rlf", "ok 0"); /* the callback is this process', at another address there */
	wait_freed(1);
	m = make_ext(s.mp);
	give(&s, rte_pktmbuf_clone(m, s.mp));
	say(&s, "rl", "ok 0");
	rte_pktmbuf_free(m);
	CHECK_EQ(freed, 1);
	say(&s, "f", "ok 0");
	wait_freed(2);
	say(&s, "xcss", "ok 0");
	rte_pktmbuf_free(take(&s));
	say(&s, "", "ok 0");
	rte_pktmbuf_free(take(&s));
	say(&s, "w", "ok 1");
	ends(&s);
	whole(s.mp);
}

/* what was said is in a file: a line for each buffer that stays */
static unsigned stay_lines;
static char stays[512]; /* the first one */
static void listen_on(FILE **f)
{
	CHECK((*f = tmpfile()) != NULL);
	CHECK_EQ(rte_openlog_stream(*f), 0);
}

static void listen_off(FILE *f)
{
	char line[512];

	CHECK_EQ(rte_openlog_stream(NULL), 0);
	rewind(f);
	for (stay_lines = 0; fgets(line, sizeof(line), f) != NULL;)
		if (strstr(line, "stays allocated") != NULL && stay_lines++ == 0)
			snprintf(stays, sizeof(stays), "%s", line);
	CHECK_EQ(fclose(f), 0);
}

/* its buffers are freed when it goes on, each once, in their order; nobody waits for it meanwhile */
TEST(external_buffers_of_one_that_is_stopped)
{
	struct rte_mbuf *m[8];
	struct scene s;
	FILE *f;

	init_as("primary");
	s.mp = make_pool("pool", MBUFS, ROOM);
	rings(&s, 0);
	say(&s, "xxxxxxxx", "ok 0");
	say(&s, "ssssssss", "ok 0");
	for (unsigned i = 0; i < 8; i++)
		m[i] = take(&s);
	t_kill(s.p, SIGSTOP);
	listen_on(&f);
	for (unsigned i = 0; i < 8; i++)
		rte_pktmbuf_free(m[i]);
	listen_off(f);
	CHECK_EQ(stay_lines, 0);
	wait_for(s.mp, MBUFS);
	t_kill(s.p, SIGCONT);
	say(&s, "W", "ok 8");
	ends(&s);
	whole(s.mp);
}

/* more than there were orders for at first, and than the next pieces of memory have */
#define MANY 300000u
static _Atomic unsigned called;
static void count_call(void *addr, void *arg)
{
	(void)addr, (void)arg;
	atomic_fetch_add(&called, 1);
}

static bool all_called(void *arg)
{
	(void)arg;
	return atomic_load(&called) == MANY;
}

ROLE(home_of_many)
{
	struct rte_mbuf_ext_shared_info *s;

	init_as("secondary");
	s = rte_calloc(NULL, MANY, sizeof(*s), 0);
	CHECK(s != NULL);
	for (unsigned i = 0; i < MANY; i++) {
		s[i].free_cb = count_call;
		rte_mbuf_ext_refcnt_set(&s[i], 1);
	}
	t_tell("up %llu", (unsigned long long)(uintptr_t)s);
	t_until(all_called, NULL);
	t_tell("called");
	return rte_eal_cleanup();
}

TEST(many_external_buffers_of_one_that_is_stopped)
{
	struct rte_mbuf_ext_shared_info *s;
	struct rte_mempool *mp;
	struct t_proc *p;
	void *data;

	init_as("primary");
	mp = make_pool("pool", MBUFS, ROOM);
	data = rte_malloc(NULL, 64, 0);
	p = t_spawn("home_of_many", NULL);
	s = (void *)(uintptr_t)strtoull(t_expect(p, "up") + 3, NULL, 10);
	t_kill(p, SIGSTOP);
	for (unsigned i = 0; i < MANY; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(mp);

		CHECK(m != NULL);
		rte_pktmbuf_attach_extbuf(m, data, 0, 64, &s[i]);
		rte_pktmbuf_free(m);
	}
	t_kill(p, SIGCONT);
	CHECK_STR(t_expect(p, ""), "called");
	CHECK_EQ(t_wait(p), 0);
	whole(mp);
}

static bool alone(void *arg)
{
	(void)arg;
	return shoal_member_count() == 1;
}

TEST(external_buffers_of_one_that_is_killed_while_it_is_stopped)
{
	struct rte_mbuf *m[3];
	struct scene s;
	char first[64];
	FILE *f;

	init_as("primary");
	s.mp = make_pool("pool", MBUFS, ROOM);
	rings(&s, 0);
	say(&s, "xxxsss", "ok 0");
	for (unsigned i = 0; i < 3; i++)
		m[i] = take(&s);
	t_kill(s.p, SIGSTOP);
	snprintf(first, sizeof(first), "external buffer %p of", m[0]->buf_addr);
	rte_pktmbuf_free(m[0]);
	rte_pktmbuf_free(m[1]);
	dies(&s);
	listen_on(&f);
	t_until(alone, NULL);
	rte_pktmbuf_free(m[2]); /* who has the next one tells what became of the others */
	listen_off(f);
	CHECK_EQ(stay_lines, 1); /* a second */
	CHECK_HAS(stays, first);
	wait_for(s.mp, MBUFS);
}

/* one that ends in good order frees them first */
TEST(external_buffers_of_one_that_leaves)
{
	struct rte_mbuf *m;
	struct scene s;

	init_as("primary");
	s.mp = make_pool("pool", MBUFS, ROOM);
	rings(&s, 0);
	say(&s, "xs", "ok 0");
	m = take(&s);
	t_kill(s.p, SIGSTOP);
	rte_pktmbuf_free(m);
	t_say(s.p, "end");
	t_kill(s.p, SIGCONT);
	CHECK_STR(t_expect(s.p, "at last"), "at last 1");
	CHECK_EQ(t_wait(s.p), 0);
}

#ifdef SH_FAULT
/* who lets go of it dies at that: the one after it rings */
TEST(who_leaves_an_order_dies)
{
	static const char *const at[] = {"ext_chunk_there", "ext_order_filled", "ext_handed_over"};

	for (unsigned i = 0; i < 3; i++) {
		struct scene s;
		struct rte_mbuf *m;
		unsigned was = freed;

		init_as("primary");
		s.mp = make_pool("pool", MBUFS, ROOM);
		setenv("SHOAL_DIE_AT", at[i], 1);
		rings(&s, 0);
		unsetenv("SHOAL_DIE_AT");
		give(&s, make_ext(s.mp));
		t_say(s.p, "rlf");
		CHECK_EQ(t_wait(s.p), 128 + SIGKILL);
		s.p = t_spawn("peer", s.mp->name, NULL);
		t_expect(s.p, "ready");
		m = make_ext(s.mp);
		give(&s, m);
		say(&s, "rlf", "ok 0");
		wait_freed(was + (i == 2 ? 2 : 1));
		ends(&s);
		CHECK_EQ(rte_eal_cleanup(), 0);
	}
}
#endif

static struct rte_mempool *make_pinned(unsigned flags)
{
	struct rte_pktmbuf_extmem e = {rte_malloc(NULL, MBUFS * 512, 64), RTE_BAD_IOVA, MBUFS * 512, 512};
	struct shoal_pktmbuf_pool ask = {.name = "pinned",
					 .n = MBUFS,
					 .data_room_size = 512,
					 .socket_id = SOCKET_ID_ANY,
					 .flags = flags,
					 .ext_mem = &e,
					 .ext_num = 1};
	struct rte_mempool *mp = shoal_pktmbuf_pool_create(&ask);

	CHECK(mp != NULL);
	return mp;
}

TEST(pinned_buffers_are_shared)
{
	struct rte_mempool *pinned;
	struct rte_mbuf *m;
	struct scene s;

	init_as("primary");
	s.mp = make_pool("pool", MBUFS, ROOM);
	pinned = make_pinned(0);
	rings(&s, 0);
	m = make_mbuf(pinned, 10, 0);
	give(&s, rte_pktmbuf_clone(m, s.mp));
	say(&s, "rl", "ok 0");
	rte_pktmbuf_free(m);
	CHECK_EQ(rte_mempool_avail_count(pinned), MBUFS - 1);
	say(&s, "lf", "ok 0"); /* the last user gives it back, in another process */
	pool_whole(pinned);
	ends(&s);
	whole(s.mp);
}

static void child_tries(void *arg)
{
	struct rte_mempool *mp = arg;

	CHECK(rte_pktmbuf_alloc(mp) == NULL);
	CHECK_EQ(rte_pktmbuf_alloc_bulk(mp, (struct rte_mbuf *[2]){NULL}, 2), -EPERM);
}

TEST(a_forked_child_gets_none)
{
	char err[2048];
	struct rte_mempool *mp;

	init_as("primary");
	mp = rte_pktmbuf_pool_create("pool", MBUFS, 8, 0, ROOM, SOCKET_ID_ANY);
	rte_pktmbuf_free(make_mbuf(mp, 1, 0)); /* there are some in the cache */
	CHECK_EQ(t_fork(child_tries, mp, err, sizeof(err)), 0);
	CHECK_HAS(err, "no member of the group");
	pool_whole(mp);
}

/* ---- deaths; what the dead one has of a tracked pool ---- */

TEST(packets_of_a_dead_one_come_back)
{
	struct scene s;

	play_tracked(&s);
	give(&s, make_chain(s.mp));
	give(&s, make_mbuf(s.mp, 10, 0));
	say(&s, "12rr2cc1cxc", "ok 0"); /* chains, clones of its own, clones of clones, an external buffer */
	dies(&s);
	whole(s.mp);
	CHECK_HAS(t_stderr(s.p), "EAL"); /* it was there */
}

/* it dies holding clones while this process holds the buffer */
TEST(clones_of_a_dead_one_leave_the_buffer)
{
	struct rte_mbuf *m, *other;
	struct scene s;

	play_tracked(&s);
	m = make_chain(s.mp);
	give(&s, rte_pktmbuf_clone(m, s.mp));
	give(&s, rte_pktmbuf_clone(m, s.mp));
	say(&s, "rlc", "ok 0");
	CHECK_EQ(rte_mbuf_refcnt_read(m), 4);
	dies(&s);
	wait_for(s.mp, MBUFS - 4); /* m is here, a clone of it in the ring */
	CHECK_EQ(rte_mbuf_refcnt_read(m), 2);
	CHECK_EQ(rte_mbuf_refcnt_read(m->next), 2);
	sound(m);
	CHECK_EQ(rte_ring_dequeue(s.to, (void **)&other), 0);
	rte_pktmbuf_free(m);
	sound(other);
	rte_pktmbuf_free(other);
	whole(s.mp);
}

/* the other way round: this process holds the clone. What is not free is not given out */
static void the_buffer_stays(struct scene *s, struct rte_mbuf *c, unsigned have)
{
	struct rte_mbuf *all[MBUFS];

	dies(s);
	wait_for(s->mp, have);
	CHECK_EQ(rte_pktmbuf_alloc_bulk(s->mp, all, have), 0);
	for (unsigned i = 0; i < have; i++)
		memset(rte_mbuf_to_baddr(all[i]), 0xee, ROOM);
	CHECK(rte_pktmbuf_alloc(s->mp) == NULL);
	sound(c);
	rte_pktmbuf_free_bulk(all, have);
	rte_pktmbuf_free(c);
	whole(s->mp);
}

TEST(the_buffer_of_a_dead_one_stays_for_a_clone)
{
	struct scene s;

	play_tracked(&s);
	say(&s, "2c1ds", "ok 0"); /* it has the buffer */
	the_buffer_stays(&s, take(&s), MBUFS - 4);
}

TEST(the_buffer_a_dead_one_had_let_go_of_stays_too)
{
	struct scene s;

	play_tracked(&s);
	say(&s, "2cdf1ds", "ok 0"); /* it has freed it: only the clone is left, and its name went */
	the_buffer_stays(&s, take(&s), MBUFS - 4);
}

TEST(several_references_to_one_mbuf)
{
	struct rte_mbuf *m;
	struct scene s;

	play_tracked(&s);
	m = make_mbuf(s.mp, 10, 0);
	rte_mbuf_refcnt_update(m, 1);
	give(&s, m); /* both have it, the name is the other's */
	say(&s, "rl", "ok 0");
	dies(&s);
	wait_for(s.mp, MBUFS - 1);
	CHECK_EQ(rte_mbuf_refcnt_read(m), 2);
	sound(m);
	rte_pktmbuf_free(m);
	whole(s.mp);
}

TEST(the_receiver_of_a_chain_keeps_it)
{
	struct rte_mbuf *m;
	struct scene s;

	play_tracked(&s);
	say(&s, "2s2s12", "ok 0");
	m = take(&s);
	dies(&s);
	wait_for(s.mp, MBUFS - 4); /* the second is in the ring */
	sound(m);
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(take(&s));
	whole(s.mp);
}

TEST(shoal_own_takes_all_segments)
{
	struct rte_mbuf *m;
	struct scene s;

	init_as("primary");
	s.mp = make_tracked("pool", MBUFS, ROOM);
	rings(&s, 0); /* no names change there */
	say(&s, "2s1", "ok 0");
	m = take(&s);
	CHECK(shoal_own(m) != 0);
	CHECK_EQ(shoal_owner(m), shoal_owner(m->next));
	dies(&s);
	wait_for(s.mp, MBUFS - 2);
	sound(m);
	rte_pktmbuf_free(m);
	whole(s.mp);
}

TEST(external_buffers_and_deaths)
{
	struct rte_mbuf *m, *c;
	struct scene s;

	play_tracked(&s);
	m = make_ext(s.mp);
	give(&s, rte_pktmbuf_clone(m, s.mp));
	say(&s, "rlxcs", "ok 0"); /* a clone in my buffer; its own buffer, of which I have a clone */
	c = take(&s);
	dies(&s);
	wait_for(s.mp, MBUFS - 2);
	CHECK_EQ(rte_mbuf_ext_refcnt_read(m->shinfo), 1);
	CHECK_EQ(rte_mbuf_ext_refcnt_read(c->shinfo), 1);
	sound(m);
	sound(c);
	rte_pktmbuf_free(m);
	CHECK_EQ(freed, 1);
	rte_pktmbuf_free(c); /* nobody is left who knows how to free that buffer */
	CHECK_EQ(freed, 1);
	whole(s.mp);
}

TEST(the_last_user_of_my_external_buffer_dies)
{
	struct rte_mbuf *m;
	struct scene s;

	play_tracked(&s);
	m = make_ext(s.mp);
	give(&s, rte_pktmbuf_clone(m, s.mp));
	say(&s, "rl", "ok 0");
	rte_pktmbuf_free(m);
	CHECK_EQ(freed, 0);
	dies(&s);
	whole(s.mp);
	wait_freed(1);
}

/* my mbuf's pinned buffer; the dead one has a clone of it */
TEST(clones_of_pinned_buffers_and_deaths)
{
	struct rte_mempool *pinned;
	struct rte_mbuf *m;
	struct scene s;

	play_tracked(&s);
	pinned = make_pinned(SHOAL_MEMPOOL_F_TRACK);
	m = make_mbuf(pinned, 10, 0);
	give(&s, rte_pktmbuf_clone(m, s.mp));
	say(&s, "rl", "ok 0");
	dies(&s);
	whole(s.mp);
	CHECK_EQ(rte_mbuf_ext_refcnt_read(m->shinfo), 1);
	sound(m);
	rte_pktmbuf_free(m);
	whole(pinned);
}

/* the dead one's; I have a clone, and the buffer comes back when that goes */
TEST(pinned_buffers_of_a_dead_one)
{
	struct rte_mempool *clones;
	struct rte_mbuf *m, *c;
	struct scene s;

	init_as("primary");
	clones = make_tracked("pool", MBUFS, ROOM);
	s.mp = make_pinned(SHOAL_MEMPOOL_F_TRACK);
	rings(&s, SHOAL_RING_F_TRACK);
	say(&s, "1s1s1", "ok 0");
	m = take(&s);
	c = rte_pktmbuf_clone(m, clones);
	give(&s, m);
	say(&s, "r", "ok 0");
	dies(&s);
	wait_for(s.mp, MBUFS - 2); /* one is in the ring */
	CHECK_EQ(rte_mempool_avail_count(clones), MBUFS - 1);
	sound(c);
	rte_pktmbuf_free(c);
	rte_pktmbuf_free(take(&s));
	whole(s.mp);
	whole(clones);
}
