/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quiet_test.c - a function of the program runs while its process is inside rte_eal_cleanup()
 *
 * Whatever called it, it is waited for, and has shared memory to its end; no other begins. The function waits until the thread
 * that cleans up sleeps, then uses memory: were that thread past the end of the room of memory, it would be gone.
 */
#include <fcntl.h>
#include <semaphore.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_bus_vdev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <rte_memzone.h>
#include <shoal.h>
#include <shoal_fd.h>
#include <shoal_mem.h>
#include <shoal_member.h>

#include "chan/piece.h"
#include "piece_cast.h"

#define LOOKS 50 /* so many times in a row it was asleep */

/* ---- the one that leaves ---- */

static atomic_bool in, leaving, over;
static unsigned char *zone;
static const struct rte_memseg *seg; /* of the zone; good until cleanup */

/* true: this is the first, main is inside the cleanup and waits */
static bool first(void)
{
	unsigned n = 0;

	if (atomic_load(&over))
		_exit(9); /* called after the end */
	if (atomic_exchange(&in, true))
		return false;
	while (n < LOOKS) {
		n = atomic_load(&leaving) && t_sleeps(getpid()) ? n + 1 : 0;
		sched_yield();
	}
	return true;
}

static void look(void)
{
	for (unsigned i = 0; i < 4096; i++)
		zone[i]++;
	CHECK((unsigned char *)seg->addr <= zone && (size_t)(zone - (unsigned char *)seg->addr) < seg->len);
}

static void use(void)
{
	void *p;

	if (!first())
		return;
	look();
	p = rte_malloc(NULL, 100, 0);
	CHECK(p != NULL);
	memset(p, 1, 100);
	rte_free(p);
	t_tell("done");
}

static int act(const struct rte_mp_msg *m, const void *peer)
{
	(void)m, (void)peer;
	use();
	return 0;
}

static void on_back(void *p, size_t len, uint64_t member, void *arg)
{
	(void)member, (void)arg;
	use();
	memset(p, 1, len);
	rte_free(p);
}

static void on_answers(const struct shoal_answers *all, void *arg)
{
	const struct shoal_piece *p = &all->a[0].piece;

	(void)arg;
	CHECK(p->addr != NULL);
	use();
	memset(p->addr, 1, p->len);
	CHECK(shoal_piece_take(p) == p->addr);
	rte_free(p->addr);
	CHECK_EQ(rte_malloc_validate(p->addr, NULL), -1);
}

static void on_member(void *arg, enum shoal_member_event ev, uint64_t id)
{
	(void)arg, (void)id;
	if (ev == SHOAL_MEMBER_JOIN)
		use();
}

static int on_fd(void *arg, enum shoal_fd_event ev, const char *name, int fd)
{
	(void)arg, (void)ev, (void)name, (void)fd;
	use();
	return 0;
}

static int on_port(uint16_t port, enum rte_eth_event_type ev, void *arg, void *ret)
{
	(void)port, (void)ev, (void)arg, (void)ret;
	use();
	return 0;
}

static void on_memory(enum rte_mem_event ev, const void *addr, size_t len, void *arg)
{
	(void)addr, (void)len, (void)arg;
	if (ev != RTE_MEM_EVENT_ALLOC || !first()) /* nor does memory grow in there */
		return;
	look();
	t_tell("done");
}

static void begin_it(const char *kind)
{
	uint64_t to = SHOAL_TO_PRIMARY;
	struct shoal_msg m = {.name = strcmp(kind, "back") == 0 ? "drop" : "give"};

	if (strcmp(kind, "action") == 0) {
		CHECK_EQ(rte_mp_action_register("act", act), 0);
	} else if (strcmp(kind, "back") == 0) {
		CHECK_EQ(shoal_piece_on_return(on_back, NULL), 0);
		m.piece = rte_malloc(NULL, 500, 0);
		m.piece_len = 500;
		CHECK_EQ(shoal_send(&to, 1, &m, NULL, NULL), 0);
	} else if (strcmp(kind, "answers") == 0) {
		CHECK_EQ(shoal_request_async(&to, 1, &m, NULL, on_answers, NULL, NULL), 0);
	} else if (strcmp(kind, "member") == 0) {
		CHECK_EQ(shoal_member_event_register(on_member, NULL), 0);
	} else if (strcmp(kind, "fd") == 0) {
		CHECK_EQ(shoal_fd_event_register(on_fd, NULL), 0);
		CHECK(shoal_fd_get("null", NULL, NULL) >= 0);
	} else if (strcmp(kind, "port") == 0) {
		CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, on_port, NULL), 0);
	} else {
		CHECK_EQ(rte_mem_event_callback_register("c", on_memory, NULL), 0);
	}
}

ROLE(leaver)
{
	int r;

	init_as("secondary");
	zone = rte_memzone_lookup("zone")->addr;
	seg = rte_mem_virt2memseg(zone, NULL);
	begin_it(argv[1]);
	t_tell("up %llu", (unsigned long long)shoal_member_self());
	while (!atomic_load(&in))
		sched_yield();
	atomic_store(&leaving, true);
	r = rte_eal_cleanup();
	atomic_store(&over, true);
	t_tell("cleanup %d", r);
	return 0;
}

/* ---- the test is the primary, and sees to it that the function is called ---- */

static int drop(const struct shoal_in *m, void *arg)
{
	(void)m, (void)arg;
	return 0;
}

static int give(const struct shoal_in *m, void *arg)
{
	struct shoal_msg re = {.piece = rte_malloc(NULL, 500, 0), .piece_len = 500};

	(void)arg;
	return shoal_reply(m->peer, &re);
}

static void cause(const char *kind, uint64_t id)
{
	struct shoal_msg m = {.name = "act", .data = "x", .len = 1};
	uint64_t other_id;

	if (strcmp(kind, "action") == 0) {
		for (unsigned i = 0; i < 3; i++) /* what is queued is run as well */
			CHECK_EQ(shoal_send(&id, 1, &m, NULL, NULL), 0);
	} else if (strcmp(kind, "member") == 0) {
		(void)other(&other_id);
	} else if (strcmp(kind, "fd") == 0) {
		CHECK_EQ(shoal_fd_revoke("null", NULL), 0);
	} else if (strcmp(kind, "port") == 0) {
		CHECK_EQ(rte_vdev_init("net_null0", NULL), 0);
	} else if (strcmp(kind, "memory") == 0) {
		rte_free(rte_malloc(NULL, 3u << 20, 0));
	}
}

static void leaves(const char *kind)
{
	struct t_proc *p;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	uint64_t id;

	begin();
	CHECK(rte_memzone_reserve("zone", 4096, -1, 0) != NULL);
	CHECK_EQ(shoal_action_register("drop", drop, NULL), 0);
	CHECK_EQ(shoal_action_register("give", give, NULL), 0);
	CHECK_EQ(shoal_fd_register("null", fd, NULL, NULL), 0);
	p = t_spawn("leaver", kind, NULL);
	id = strtoull(t_expect(p, "up") + 3, NULL, 10);
	cause(kind, id);
	CHECK_STR(t_expect(p, ""), "done");
	CHECK_STR(t_expect(p, ""), "cleanup 0");
	CHECK_EQ(t_wait(p), 0);
	CHECK_EQ(of(id), 0);
	CHECK_EQ(shoal_heap_audit(NULL, 0), 0);
}

TEST(an_action_is_waited_for)
{
	leaves("action");
}
TEST(what_hears_of_a_piece_that_came_back_is_waited_for)
{
	leaves("back");
}
TEST(what_gets_answers_is_waited_for)
{
	leaves("answers");
}
TEST(what_hears_of_members_is_waited_for)
{
	leaves("member");
}
TEST(what_hears_of_descriptors_is_waited_for)
{
	leaves("fd");
}
TEST(what_hears_of_ports_is_waited_for)
{
	leaves("port");
}
TEST(what_hears_of_memory_is_waited_for)
{
	leaves("memory");
}

/* on the thread that gives pages back: in a primary, or alone, nobody else has to be asked */
static void on_less(enum rte_mem_event ev, const void *addr, size_t len, void *arg)
{
	(void)addr, (void)len, (void)arg;
	if (ev != RTE_MEM_EVENT_FREE || !first())
		return;
	look();
	t_tell("done");
}

ROLE(alone)
{
	char prog[] = "quiet", type[] = "--proc-type=primary", lcores[] = "--lcores=0@0", decay[] = "--mem-decay=20";
	char *av[] = {prog, type, lcores, decay, NULL};
	int r;

	CHECK(rte_eal_init(4, av) >= 0);
	zone = rte_memzone_reserve("zone", 4096, -1, 0)->addr;
	seg = rte_mem_virt2memseg(zone, NULL);
	CHECK_EQ(rte_mem_event_callback_register("c", on_less, NULL), 0);
	rte_free(rte_malloc(NULL, 3u << 20, 0));
	while (!atomic_load(&in))
		sched_yield();
	atomic_store(&leaving, true);
	r = rte_eal_cleanup();
	atomic_store(&over, true);
	t_tell("cleanup %d", r);
	return 0;
}

TEST(what_hears_of_memory_that_goes_is_waited_for)
{
	struct t_proc *p = t_spawn("alone", NULL);

	CHECK_STR(t_expect(p, ""), "done");
	CHECK_STR(t_expect(p, ""), "cleanup 0");
	CHECK_EQ(t_wait(p), 0);
}

/* ---- one that does not return ---- */

static sem_t go_on;

static int act_slow(const struct rte_mp_msg *m, const void *peer)
{
	(void)m, (void)peer;
	t_tell("in");
	sem_wait(&go_on);
	return 0;
}

static void *hear(void *arg)
{
	char line[64];

	(void)arg;
	(void)t_hear(line, sizeof(line));
	sem_post(&go_on);
	return NULL;
}

static void *poll_it(void *arg)
{
	(void)arg;
	while (shoal_mp_poll(0) >= 0)
		sched_yield();
	return NULL;
}

ROLE(slow)
{
	bool polled = strcmp(argv[1], "polled") == 0;
	pthread_t th, poller;
	char line[64];

	CHECK_EQ(sem_init(&go_on, 0, 0), 0);
	init_as("secondary");
	if (polled) {
		CHECK(shoal_mp_fd() >= 0);
		CHECK_EQ(pthread_create(&poller, NULL, poll_it, NULL), 0);
	}
	CHECK_EQ(rte_mp_action_register("act", act_slow), 0);
	t_tell("up %llu", (unsigned long long)shoal_member_self());
	(void)t_hear(line, sizeof(line));
	CHECK_EQ(pthread_create(&th, NULL, hear, NULL), 0);
	t_tell("cleanup %d", rte_eal_cleanup());
	CHECK_EQ(pthread_join(th, NULL), 0);
	if (polled)
		CHECK_EQ(pthread_join(poller, NULL), 0);
	return 0;
}

static bool says(void *arg)
{
	return strstr(t_stderr(arg), "rte_eal_cleanup: waits for ") != NULL;
}

static void does_not_end(const char *how, const char *line)
{
	struct shoal_msg m = {.name = "act"};
	struct t_proc *p;
	uint64_t id;

	begin();
	p = t_spawn("slow", how, NULL);
	id = strtoull(t_expect(p, "up") + 3, NULL, 10);
	CHECK_EQ(shoal_send(&id, 1, &m, NULL, NULL), 0);
	t_expect(p, "in");
	t_say(p, "leave");
	t_until(says, p);
	CHECK_HAS(t_stderr(p), line);
	t_say(p, "go on");
	CHECK_STR(t_expect(p, ""), "cleanup 0");
	CHECK_EQ(t_wait(p), 0);
}

TEST(an_action_that_does_not_end_is_named)
{
	does_not_end("run", "waits for action act, which has not ended");
}
TEST(a_polled_action_that_does_not_end_is_told_of)
{
	does_not_end("polled", "let what shoal_mp_poll() runs return");
}

/* ---- pieces at the end ---- */

/* taken while its process leaves: it is that one's, and can be freed */
static int act_take(const struct shoal_in *m, void *arg)
{
	struct piece *p;

	(void)arg;
	if (!first())
		return 0;
	p = shoal_piece_take(&m->piece);
	CHECK(p == m->piece.addr);
	take_up(p);
	if (strcmp(m->data, "free") == 0)
		unblock(p);
	t_tell("done");
	return 0;
}

ROLE(taker)
{
	init_as("secondary");
	CHECK_EQ(shoal_action_register("take", act_take, NULL), 0);
	t_tell("up %llu", (unsigned long long)shoal_member_self());
	while (!atomic_load(&in))
		sched_yield();
	atomic_store(&leaving, true);
	return rte_eal_cleanup();
}

TEST(a_piece_that_is_taken_by_one_who_leaves_is_its_own)
{
	begin();
	for (unsigned i = 0; i < 4; i++) {
		size_t len = i % 2 == 0 ? 300 : 100000;
		struct t_proc *p = t_spawn("taker", NULL);
		uint64_t id = strtoull(t_expect(p, "up") + 3, NULL, 10);

		CHECK_EQ(send_one(id, i / 2 == 0 ? "free" : "keep", block(len), len), 0);
		CHECK_STR(t_expect(p, ""), "done");
		CHECK_EQ(t_wait(p), 0);
		CHECK_EQ(of(id), i / 2);
		CHECK_EQ(shoal_mem_free_owned(id), i / 2);
		CHECK_EQ(blocks(), 0);
	}
}

/* its pieces come back while it leaves, or after it: nobody hears of them, so they are freed */
ROLE(sender)
{
	uint64_t to = SHOAL_TO_PRIMARY;

	init_as("secondary");
	for (unsigned i = 0; i < 60; i++) {
		size_t len = 1000 + i * 2000;
		struct shoal_msg m = {.name = i % 2 == 0 ? "drop" : "fail", .piece_len = len};

		m.piece = rte_malloc(NULL, len, 0);
		CHECK(m.piece != NULL);
		CHECK_EQ(shoal_send(&to, 1, &m, NULL, NULL), 0);
	}
	t_tell("up %llu", (unsigned long long)shoal_member_self());
	return rte_eal_cleanup();
}

static int fails(const struct shoal_in *m, void *arg)
{
	(void)m, (void)arg;
	return -1;
}

TEST(what_comes_back_to_one_who_leaves_is_freed)
{
	begin();
	CHECK_EQ(shoal_action_register("drop", drop, NULL), 0);
	CHECK_EQ(shoal_action_register("fail", fails, NULL), 0);
	for (unsigned i = 0; i < 10; i++) {
		struct t_proc *p = t_spawn("sender", NULL);
		uint64_t id = strtoull(t_expect(p, "up") + 3, NULL, 10);

		CHECK_EQ(t_wait(p), 0);
		t_until(none_on_their_way, NULL);
		while (of(id) != 0) /* freed after the slot, by whoever had it */
			sched_yield();
		CHECK_EQ(blocks(), 0);
	}
}
