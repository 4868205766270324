/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piece_test.c - pieces of the shared heap that go with messages, requests and replies: whose they are, at every end and death
 *
 * The test is the primary of a group and sends or receives; the others are roles that do what their lines say. A piece begins
 * with a word that says who has it (0: nobody), swapped at each change of hands: two owners at once cannot go unseen.
 */
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
#include "check.h"
#include "proc/proc.h"

#ifdef SH_FAULT
#define NEEDS_FAULT() ((void)0)
#else
#define NEEDS_FAULT() SKIP("built without -Dfault=true")
#endif

struct piece {
	_Atomic uint64_t who;
	uint64_t sum;
	unsigned char bytes[];
};

/* ---- blocks ---- */

static struct piece *block(size_t len)
{
	struct piece *p = rte_malloc(NULL, len, 0);

	CHECK(p != NULL);
	memset(p, 0, sizeof(*p));
	for (size_t i = 0; i < len - sizeof(*p); i++)
		p->sum += p->bytes[i] = (unsigned char)(i * 7 + len);
	atomic_store(&p->who, shoal_member_self());
	return p;
}

/* of the whole group, and of one member */
static size_t blocks(void)
{
	struct rte_malloc_socket_stats st;

	CHECK_EQ(rte_malloc_get_socket_stats(0, &st), 0);
	return st.alloc_count;
}
static long of(uint64_t member)
{
	return shoal_mem_owned_by(member, NULL, NULL);
}

static void unblock(void *p)
{
	CHECK_EQ(rte_malloc_validate(p, NULL), 0);
	rte_free(p);
}

static uint64_t sum_of(const struct piece *p, size_t len)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < len - sizeof(*p); i++)
		sum += p->bytes[i];
	return sum;
}

/* it changes hands */
static void give_up(struct piece *p)
{
	CHECK_EQ(atomic_exchange(&p->who, 0), shoal_member_self());
}
static void take_up(struct piece *p)
{
	CHECK_EQ(atomic_exchange(&p->who, shoal_member_self()), 0);
}

/* slots in use, of all members */
static unsigned on_their_way(void)
{
	unsigned n = 0;

	for (unsigned s = 0; s < SH_MEMBERS; s++)
		for (unsigned k = 0; k < atomic_load(&sh_pieces()->high[s]); k++)
			n += sh_piece_state(atomic_load(&sh_pieces()->e[s][k].word)) != SH_P_FREE;
	return n;
}

static bool none_on_their_way(void *arg)
{
	(void)arg;
	return on_their_way() == 0;
}

/* ---- the other member: "what to do with a piece" is the message's text ---- */

static void init_as(const char *type)
{
	char prog[] = "piece", p[64], lcores[] = "--lcores=0@0";
	char *argv[] = {prog, p, lcores, NULL};

	snprintf(p, sizeof(p), "--proc-type=%s", type);
	CHECK(rte_eal_init(3, argv) >= 0);
}

static sem_t go_on;

static int act(const struct shoal_in *in, void *arg)
{
	const char *what = in->data;
	struct piece *p = in->piece.addr, *mine;
	struct shoal_msg re = {.data = "seen", .len = 5};

	(void)arg;
	if (in->piece.len < sizeof(*p) || p->sum != sum_of(p, in->piece.len))
		return -EINVAL; /* and it does not answer */
	if (strcmp(what, "look") == 0) {
		t_tell("looked %zu", in->piece.len);
		return 0;
	}
	if (strcmp(what, "fail") == 0)
		return -EIO;
	if (strcmp(what, "wait") == 0) {
		t_tell("waiting");
		sem_wait(&go_on);
		return 0;
	}
	if (strncmp(what, "lend", 4) == 0) {
		CHECK_EQ(shoal_reply(in->peer, &re), 0);
		if (strcmp(what, "lend and wait") == 0)
			sem_wait(&go_on);
		return 0;
	}
	mine = shoal_piece_take(&in->piece);
	if (mine != p || shoal_piece_take(&in->piece) != NULL || rte_errno != ESTALE)
		return -EINVAL;
	take_up(mine);
	if (strcmp(what, "swap") == 0) { /* keep that, answer with another */
		unblock(mine);
		mine = block(5000);
		give_up(mine);
		re.piece = mine;
		re.piece_len = 5000;
	}
	if (in->is_request)
		return shoal_reply(in->peer, &re);
	t_tell("kept %zu", in->piece.len);
	return 0;
}

/* sends pieces to the primary as its lines say: "send", "ask" */
static void sends(const char *how)
{
	uint64_t to = SHOAL_TO_PRIMARY;
	struct piece *p = block(3000);
	struct shoal_msg m = {.name = "take", .data = "keep", .len = 5, .piece = p, .piece_len = 3000};
	struct shoal_answers *a = NULL;
	int r;

	give_up(p);
	r = strcmp(how, "send") == 0 ? shoal_send(&to, 1, &m, NULL, NULL) : shoal_request(&to, 1, &m, NULL, &a);
	shoal_answers_free(a);
	t_tell("sent %d %d", r, r != 0 ? rte_errno : 0);
}

ROLE(other)
{
	char line[64];

	CHECK_EQ(sem_init(&go_on, 0, 0), 0);
	init_as("secondary");
	CHECK_EQ(shoal_action_register("take", act, NULL), 0);
	t_tell("up %llu", (unsigned long long)shoal_member_self());
	while (t_hear(line, sizeof(line)) && strcmp(line, "bye") != 0) {
		if (strcmp(line, "go on") == 0)
			sem_post(&go_on);
		else
			sends(line);
	}
	sem_post(&go_on);
	if (strcmp(line, "bye") == 0)
		rte_eal_cleanup();
	return 0;
}

static struct t_proc *other(uint64_t *id)
{
	struct t_proc *p = t_spawn("other", NULL);

	*id = strtoull(t_expect(p, "up") + 3, NULL, 10);
	return p;
}

/* ---- the test's side ---- */

static struct piece *_Atomic came_back;

static void on_return(void *piece, size_t len, uint64_t member, void *arg)
{
	struct piece *p = piece;

	(void)arg;
	CHECK(member != 0 && len >= sizeof(*p));
	take_up(p);
	CHECK(atomic_exchange(&came_back, p) == NULL);
}

static bool is_back(void *arg)
{
	return atomic_load(&came_back) == arg;
}

static void back(struct piece *p)
{
	t_until(is_back, p);
	atomic_store(&came_back, NULL);
}

static int send_one(uint64_t to, const char *what, struct piece *p, size_t len)
{
	struct shoal_msg m = {.name = "take", .data = what, .len = strlen(what) + 1, .piece = p, .piece_len = len};
	int r;

	give_up(p);
	r = shoal_send(&to, 1, &m, NULL, NULL);
	if (r < 0)
		take_up(p);
	return r;
}

/* the outcome, and whether it is mine again */
static enum shoal_outcome ask(uint64_t to, const char *what, struct piece *p, size_t len, unsigned ms, int *mine)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	struct shoal_msg m = {.name = "take", .data = what, .len = strlen(what) + 1, .piece = p, .piece_len = len};
	struct shoal_answers *a = NULL;
	enum shoal_outcome o;

	give_up(p);
	(void)shoal_request(&to, 1, &m, &ts, &a);
	CHECK(a != NULL && a->n == 1);
	o = a->a[0].outcome;
	*mine = a->a[0].piece_back;
	if (*mine)
		take_up(p);
	shoal_answers_free(a);
	return o;
}

static void begin(void)
{
	init_as("primary");
	CHECK_EQ(shoal_piece_on_return(on_return, NULL), 0);
}

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
		refused(rte_free, p, "on its way");
		refused(resize, p, "on its way");
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

/* ---- deaths ---- */

static struct t_proc *doomed(uint64_t *id, const char *label)
{
	struct t_proc *p;

	CHECK_EQ(setenv("SHOAL_DIE_AT", label, 1), 0);
	p = other(id);
	CHECK_EQ(unsetenv("SHOAL_DIE_AT"), 0);
	return p;
}

TEST(a_receiver_dies_at_each_step)
{
	static const struct {
		const char *label, *what;
		bool mine; /* it comes back to its sender */
	} at[] = {{"rec_taken", "keep", true},	    {"piece_queued", "keep", true}, {"piece_lent", "keep", true},
		  {"action", "keep", true},	    {"piece_held", "keep", true},   {"piece_taken", "keep", false},
		  {"piece_returned", "look", true}, {"piece_back", "look", true}};

	NEEDS_FAULT();
	begin();
	for (unsigned i = 0; i < 2 * sizeof(at) / sizeof(at[0]); i++) {
		unsigned k = i / 2;
		struct t_proc *o;
		struct piece *p;
		uint64_t id;
		int mine;

		if (i % 2 == 1 && strcmp(at[k].label, "piece_back") == 0)
			break; /* who waits for an answer is not told by that word */
		o = doomed(&id, at[k].label);
		p = block(700);
		if (i % 2 == 0) {
			CHECK_EQ(send_one(id, at[k].what, p, 700), 0);
			if (at[k].mine)
				back(p);
		} else {
			CHECK_EQ(ask(id, strcmp(at[k].what, "look") == 0 ? "lend" : at[k].what, p, 700, 5000, &mine),
				 SHOAL_DIED);
			CHECK_EQ(mine, at[k].mine);
		}
		CHECK_EQ(t_wait(o), 128 + SIGKILL);
		t_until(none_on_their_way, NULL);
		CHECK(!is_back(p));
		CHECK_EQ(blocks(), 1);
		CHECK_EQ(of(id), !at[k].mine); /* it is listed with who has it */
		CHECK_EQ(of(shoal_member_self()), at[k].mine);
		unblock(p);
	}
}

static _Atomic unsigned taken;

static int take_it(const struct shoal_in *in, void *arg)
{
	struct piece *p = shoal_piece_take(&in->piece);

	(void)arg;
	CHECK(p != NULL && p->sum == sum_of(p, in->piece.len));
	take_up(p);
	atomic_fetch_add(&taken, 1);
	return 0;
}

/* published: it is delivered. Before: it is the dead one's. Neither time is anything left on its way. */
TEST(a_sender_dies_at_each_step)
{
	static const struct {
		const char *label;
		bool sent;
	} at[] = {{"piece_claimed", false}, {"piece_sent", false},   {"piece_offered", false},
		  {"rec_written", false},   {"rec_published", true}, {"rec_dirty", true}};

	unsigned kept = 0;

	NEEDS_FAULT();
	begin();
	CHECK_EQ(shoal_action_register("take", take_it, NULL), 0);
	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct t_proc *o;
		uint64_t id;

		atomic_store(&taken, 0);
		o = doomed(&id, at[i].label);
		t_say(o, "send");
		CHECK_EQ(t_wait(o), 128 + SIGKILL);
		t_until(none_on_their_way, NULL);
		CHECK_EQ(atomic_load(&taken), at[i].sent);
		CHECK_EQ(blocks(), ++kept);
		CHECK_EQ(of(id), !at[i].sent);
		if (!at[i].sent) { /* also when it was on its way, as far as its block says */
			CHECK_EQ(shoal_mem_free_owned(id), 1);
			unblock(block(3000));
			kept--;
		}
	}
}

static int refuse_it(const struct shoal_in *in, void *arg)
{
	(void)in;
	(void)arg;
	t_until(arg, NULL);
	return -EIO;
}

static struct t_proc *dying;

static bool it_died(void *arg)
{
	(void)arg;
	return dying != NULL && kill(dying->pid, 0) == 0 && t_open_fds(dying->pid) == 0;
}

/* what came with a message has no other owner: freed by who refuses it. What a request lent stays the dead one's. */
TEST(a_sender_dies_before_its_piece_comes_back)
{
	begin();
	CHECK_EQ(shoal_action_register("take", refuse_it, it_died), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct t_proc *o;
		uint64_t id;

		o = other(&id);
		t_say(o, i == 0 ? "send" : "ask");
		if (i == 0)
			t_expect(o, "sent 0");
		else
			while (on_their_way() == 0)
				sched_yield();
		dying = o;
		t_kill(o, SIGKILL);
		t_until(none_on_their_way, NULL);
		while (blocks() != i)
			sched_yield();
		dying = NULL;
		t_wait(o);
	}
}

static void on_any(void *piece, size_t len, uint64_t member, void *arg)
{
	(void)len;
	(void)member;
	(void)arg;
	take_up(piece);
}

TEST(one_leaves_with_pieces_on_their_way)
{
	struct t_proc *o;
	struct piece *p, *q;
	uint64_t id;

	begin();
	CHECK_EQ(shoal_piece_on_return(on_any, NULL), 0);
	o = other(&id);
	p = block(64);
	CHECK_EQ(send_one(id, "wait", p, 64), 0);
	t_expect(o, "waiting");
	q = block(64);
	CHECK_EQ(send_one(id, "keep", q, 64), 0);
	t_say(o, "bye");
	CHECK_EQ(t_wait(o), 0);
	t_until(none_on_their_way, NULL);
	/* p has come back; q has been kept, or come back too: never both, never neither */
	while (atomic_load(&p->who) != shoal_member_self())
		sched_yield();
	CHECK(atomic_load(&q->who) != 0);
}
