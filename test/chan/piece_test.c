/* SPDX-License-Identifier: BSD-3-Clause */
/* piece_test.c - pieces of the shared heap that go with messages, requests and replies: whose they are, at every end */
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <shoal.h>
#include <shoal_mem.h>

#include "chan/piece.h"
#include "piece_cast.h"
#include "proc/proc.h"

TEST(a_piece_goes_with_a_message_and_is_taken_or_comes_back)
{
	struct t_proc *o;
	struct piece *p;
	uint64_t id;

	begin();
	o = other(&id);
	p = block(100000); /* a run of its own, not in a span */
	CHECK_EQ(send_one(id, "keep", p, 100000), 0);
	t_expect(o, "kept 100000");
	CHECK_EQ(atomic_load(&p->who), id);
	CHECK_EQ(of(id), 1);
	CHECK_EQ(of(shoal_member_self()), 0);
	p = block(200);
	CHECK_EQ(send_one(id, "look", p, 200), 0);
	t_expect(o, "looked 200");
	back(p);
	CHECK_EQ(send_one(id, "fail", p, 100), 0); /* a part of it: the block goes all the same */
	back(p);
	unblock(p);
	CHECK_EQ(blocks(), 1);
	CHECK_EQ(on_their_way(), 0);
}

TEST(a_piece_that_comes_back_to_nobody_is_freed)
{
	struct t_proc *o;
	uint64_t id;

	begin();
	CHECK_EQ(shoal_piece_on_return(NULL, NULL), 0);
	o = other(&id);
	CHECK_EQ(send_one(id, "look", block(200), 200), 0);
	t_expect(o, "looked");
	t_until(none_on_their_way, NULL);
	while (blocks() != 0) /* by the dispatcher, soon */
		sched_yield();
}

TEST(a_request_lends_a_piece_or_gives_it_away)
{
	struct timespec ts = {.tv_sec = 5};
	struct shoal_msg m = {.name = "take", .data = "swap", .len = 5, .piece_len = 300};
	struct shoal_answers *a;
	struct t_proc *o;
	struct piece *p;
	uint64_t id;
	int mine;

	begin();
	o = other(&id);
	p = block(300);
	CHECK_EQ(ask(id, "lend", p, 300, 5000, &mine), SHOAL_ANSWERED);
	CHECK_EQ(mine, 1);
	/* the reply ends the loan, not only the action's end */
	CHECK_EQ(ask(id, "lend and wait", p, 300, 5000, &mine), SHOAL_ANSWERED);
	CHECK_EQ(mine, 1);
	t_say(o, "go on");
	CHECK_EQ(ask(id, "fail", p, 300, 5000, &mine), SHOAL_REFUSED);
	CHECK_EQ(mine, 1);
	CHECK_EQ(ask(id, "keep", p, 300, 5000, &mine), SHOAL_ANSWERED);
	CHECK_EQ(mine, 0);
	CHECK_EQ(atomic_load(&p->who), id);
	unblock(p);
	/* and one comes with the answer */
	p = block(300);
	give_up(p);
	m.piece = p;
	CHECK_EQ(shoal_request(&id, 1, &m, &ts, &a), 0);
	CHECK_EQ(a->a[0].piece_back, 0);
	CHECK_EQ(a->a[0].piece.len, 5000);
	p = a->a[0].piece.addr;
	CHECK_EQ(p->sum, sum_of(p, 5000));
	CHECK(shoal_piece_take(&a->a[0].piece) == p);
	take_up(p);
	shoal_answers_free(a);
	unblock(p);
	CHECK_EQ(blocks(), 0);
	CHECK_EQ(on_their_way(), 0);
}

/* an answer whose piece nobody takes: it goes back to who answered, and is freed there */
TEST(a_piece_of_an_answer_that_is_not_taken_goes_back)
{
	struct shoal_msg m = {.name = "take", .data = "swap", .len = 5, .piece_len = 300};
	struct shoal_answers *a;
	struct piece *p;
	uint64_t id;

	begin();
	(void)other(&id);
	p = block(300);
	give_up(p);
	m.piece = p;
	CHECK_EQ(shoal_request(&id, 1, &m, NULL, &a), 0);
	CHECK_EQ(blocks(), 1);
	shoal_answers_free(a);
	while (blocks() != 0)
		sched_yield();
	CHECK_EQ(on_their_way(), 0);
}

TEST(a_piece_that_is_looked_at_after_the_time_limit_comes_back_later)
{
	struct t_proc *o;
	struct piece *p, *q;
	uint64_t id;
	int mine;

	begin();
	o = other(&id);
	p = block(300);
	q = block(400);
	CHECK_EQ(ask(id, "wait", p, 300, 50, &mine), SHOAL_TIMED_OUT);
	CHECK_EQ(mine, 0);
	/* that one waits behind it: nobody has looked at it yet, it is mine at once */
	CHECK_EQ(ask(id, "keep", q, 400, 50, &mine), SHOAL_TIMED_OUT);
	CHECK_EQ(mine, 1);
	CHECK(!is_back(p));
	t_expect(o, "waiting");
	t_say(o, "go on");
	back(p);
	CHECK_EQ(atomic_load(&q->who), shoal_member_self());
	t_until(none_on_their_way, NULL);
}

/* what its last line about this pointer says is in the log */
static void refused(void (*call)(void *), void *p, const char *why)
{
	char line[4096] = "";
	FILE *f = fmemopen(line, sizeof(line), "w");

	CHECK_EQ(rte_openlog_stream(f), 0);
	call(p);
	CHECK_EQ(rte_openlog_stream(NULL), 0);
	fclose(f);
	CHECK_HAS(line, why);
	CHECK_EQ(rte_malloc_validate(p, NULL), 0);
}

static void resize(void *p)
{
	CHECK(rte_realloc(p, 200000, 0) == NULL);
	CHECK_EQ(rte_errno, EINVAL);
}

/* small, large, and one that is aligned inside its block; by who sent it, while it is looked at and not */
TEST(what_is_on_its_way_cannot_be_freed)
{
	static const struct {
		size_t len;
		unsigned align;
	} kind[] = {{300, 0}, {100000, 0}, {300, 1024}};
	struct t_proc *o;
	struct piece *p;
	uint64_t id;
	int mine;

	begin();
	o = other(&id);
	for (unsigned i = 0; i < 3; i++) {
		struct shoal_msg m = {.name = "take", .data = "keep", .len = 5, .piece_len = kind[i].len};

		m.piece = p = rte_zmalloc(NULL, kind[i].len, kind[i].align);
		CHECK(p != NULL);
		CHECK_EQ(ask(id, "wait", memcpy(p, &(struct piece){.who = shoal_member_self()}, sizeof(*p)),
			     kind[i].len, 20, &mine),
			 SHOAL_TIMED_OUT);
		CHECK_EQ(mine, 0);
		refused(rte_free, p, "on loan from one: not freed");
		refused(resize, p, "on loan from one: not changed");
		CHECK_EQ(of(shoal_member_self()), 1);
		CHECK_EQ(shoal_send(&id, 1, &m, NULL, NULL), -1); /* nor sent again */
		CHECK_EQ(rte_errno, EINVAL);
		t_expect(o, "waiting");
		t_say(o, "go on");
		back(p);
		unblock(p); /* it is mine again */
		CHECK_EQ(rte_malloc_validate(p, NULL), -1);
		CHECK_EQ(blocks(), 0);
	}
	CHECK_EQ(on_their_way(), 0);
	CHECK_EQ(shoal_heap_audit(NULL, 0), 0);
}

static void got_answers(const struct shoal_answers *all, void *arg)
{
	struct piece *p = arg;

	CHECK_EQ(all->n, 1);
	CHECK_EQ(all->a[0].outcome, SHOAL_ANSWERED);
	CHECK_EQ(all->a[0].piece_back, 1);
	take_up(p);
	atomic_store(&came_back, p);
}

TEST(an_asynchronous_request_lends_a_piece)
{
	struct shoal_msg m = {.name = "take", .data = "lend", .len = 5, .piece_len = 300};
	struct piece *p;
	uint64_t id;

	begin();
	(void)other(&id);
	m.piece = p = block(300);
	give_up(p);
	CHECK_EQ(shoal_request_async(&id, 1, &m, NULL, got_answers, p, NULL), 0);
	back(p);
	CHECK_EQ(on_their_way(), 0);
}

TEST(what_is_no_piece_is_refused)
{
	uint64_t id, two[2], all = SHOAL_TO_OTHERS, gone;
	unsigned char junk[64];
	struct piece *p;
	struct shoal_msg m = {.name = "take", .data = "keep", .len = 5};
	struct t_proc *o;

	begin();
	o = other(&gone);
	t_kill(o, SIGKILL);
	t_wait(o);
	(void)other(&id);
	p = block(300);
	two[0] = two[1] = id;
#define REFUSED(err, to, n)                                                                                            \
	do {                                                                                                           \
		CHECK_EQ(shoal_send(to, n, &m, NULL, NULL), -1);                                                       \
		CHECK_EQ(rte_errno, err);                                                                              \
	} while (0)
	m.piece = junk;
	m.piece_len = sizeof(junk);
	REFUSED(EINVAL, &id, 1);
	m.piece = p->bytes; /* inside one */
	REFUSED(EINVAL, &id, 1);
	m.piece = p;
	m.piece_len = 100000; /* longer than it is */
	REFUSED(EINVAL, &id, 1);
	m.piece_len = 0;
	REFUSED(EINVAL, &id, 1);
	m.piece_len = 300;
	REFUSED(EINVAL, two, 2);
	REFUSED(EINVAL, &all, 1);
	REFUSED(ECONNREFUSED, &gone, 1);
	CHECK(shoal_piece_take(NULL) == NULL && rte_errno == EINVAL);
	CHECK(shoal_piece_take(&(struct shoal_piece){p, 300, 1234567}) == NULL && rte_errno == ESTALE);
	CHECK(shoal_piece_take(&(struct shoal_piece){p, 300, UINT64_MAX}) == NULL && rte_errno == ESTALE);
	CHECK_EQ(on_their_way(), 0);
}

/* 128 on their way to one that is busy: the next waits for its time limit, and all come back */
TEST(too_many_on_their_way)
{
	struct timespec ts = {.tv_nsec = 20000000};
	struct shoal_msg m = {.name = "take", .data = "keep", .len = 5, .piece_len = 64};
	struct piece *p[SH_PIECES];
	struct t_proc *o;
	uint64_t id;

	begin();
	CHECK_EQ(shoal_piece_on_return(NULL, NULL), 0);
	o = other(&id);
	p[0] = block(64);
	CHECK_EQ(send_one(id, "wait", p[0], 64), 0);
	t_expect(o, "waiting");
	for (unsigned i = 1; i < SH_PIECES; i++) {
		p[i] = block(64);
		CHECK_EQ(send_one(id, "look", p[i], 64), 0);
	}
	m.piece = block(64);
	CHECK_EQ(shoal_send(&id, 1, &m, &ts, NULL), -1);
	CHECK_EQ(rte_errno, EAGAIN);
	t_kill(o, SIGKILL);
	t_wait(o);
	while (blocks() != 1)
		sched_yield();
	CHECK_EQ(on_their_way(), 0);
}
