/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_wait_test.c - who sleeps for a ring is woken, whoever publishes and in whatever way; asleep it uses no CPU
 *
 * A lost wake-up shows as a case that does not end. Of the inline functions' own names: __rte_ring_wake, __rte_ring_self and
 * __rte_ring_enter_slow.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <shoal_ring.h>

#include "check.h"
#include "ring_all.h"

#define ROUNDS 300

static void init_as(const char *type)
{
	char prog[] = "ring", p[64], lcores[] = "--lcores=0@0";
	char *argv[] = {prog, p, lcores, NULL};

	snprintf(p, sizeof(p), "--proc-type=%s", type);
	CHECK(rte_eal_init(3, argv) >= 0);
}

static void wait_for(struct rte_ring *r, unsigned what)
{
	CHECK_EQ(shoal_ring_wait(r, what, NULL), 0);
}

/* takes from "there", sleeping, and puts into "back" with the way given */
ROLE(echo)
{
	const struct way *w = &ways[atoi(argv[1])];
	struct rte_ring *there, *back;
	uintptr_t v = 0;

	init_as("secondary");
	there = rte_ring_lookup("there");
	back = rte_ring_lookup("back");
	t_tell("ready");
	while (v != ROUNDS) {
		wait_for(there, SHOAL_RING_ELEMENTS);
		CHECK_EQ(w->deq_bulk(there, &v, sizeof(v), 1, NULL), 1);
		CHECK_EQ(w->enq_bulk(back, &v, sizeof(v), 1, NULL), 1);
	}
	return rte_eal_cleanup();
}

static void ping_pong(unsigned way)
{
	const struct way *w = &ways[way];
	struct rte_ring *there = rte_ring_create("there", 4, SOCKET_ID_ANY, w->flags);
	struct rte_ring *back = rte_ring_create("back", 4, SOCKET_ID_ANY, w->flags);
	char arg[8];
	struct t_proc *p;
	uintptr_t v;

	snprintf(arg, sizeof(arg), "%u", way);
	p = t_spawn("echo", arg, NULL);
	(void)t_expect(p, "ready");
	for (uintptr_t i = 1; i <= ROUNDS; i++) {
		CHECK_EQ(w->enq_bulk(there, &i, sizeof(i), 1, NULL), 1);
		wait_for(back, SHOAL_RING_ELEMENTS);
		CHECK_EQ(w->deq_bulk(back, &v, sizeof(v), 1, NULL), 1);
		CHECK_EQ(v, i);
	}
	CHECK_EQ(t_wait(p), 0);
	rte_ring_free(there);
	rte_ring_free(back);
}

TEST_T(a_sleeper_is_woken_in_every_mode, 60)
{
	init_as("primary");
	for (unsigned i = 0; i < 4; i++)
		ping_pong(i);
}

static void *consume(void *arg)
{
	struct rte_ring *r = arg;
	uintptr_t v, n = 0;

	for (;;) {
		wait_for(r, SHOAL_RING_ELEMENTS);
		if (rte_ring_dequeue(r, (void **)&v) != 0)
			continue;
		if (v == 0)
			return (void *)n;
		n++;
	}
}

/* two sleep for elements, one for room: more than fit in, and in the end everybody has come home */
TEST_T(both_sides_sleep_at_once, 60)
{
	struct rte_ring *r;
	uintptr_t sum = 0;
	pthread_t t[2];
	void *n;

	init_as("primary");
	r = rte_ring_create("small", 4, SOCKET_ID_ANY, 0);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, consume, r), 0);
	for (uintptr_t i = 1; i <= 5000 + 2; i++)
		while (rte_ring_enqueue(r, (void *)(i <= 5000 ? i : 0)) != 0)
			wait_for(r, SHOAL_RING_ROOM);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(t[i], &n);
		sum += (uintptr_t)n;
	}
	CHECK_EQ(sum, 5000);
}

static void handled(int sig)
{
	(void)sig;
}

ROLE(sleeper)
{
	struct sigaction sa = {.sa_handler = handled};
	struct rusage use;
	struct rte_ring *r;

	init_as("secondary");
	sigaction(SIGUSR1, &sa, NULL);
	r = rte_ring_lookup("empty");
	t_tell("ready");
	CHECK_EQ(shoal_ring_wait(r, SHOAL_RING_ELEMENTS, NULL), -1);
	CHECK_EQ(rte_errno, EINTR);
	t_tell("interrupted");
	CHECK_EQ(shoal_ring_wait(r, SHOAL_RING_ELEMENTS, &(struct timespec){.tv_nsec = 300000000}), -1);
	CHECK_EQ(rte_errno, ETIMEDOUT);
	CHECK_EQ(getrusage(RUSAGE_THREAD, &use), 0);
	t_tell("switches %ld", use.ru_nvcsw);
	return rte_eal_cleanup();
}

static bool asleep(void *arg)
{
	struct t_proc *p = arg;
	char path[64], line[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/wchan", (int)p->pid);
	f = fopen(path, "r");
	if (f == NULL)
		return false;
	(void)!fgets(line, sizeof(line), f);
	fclose(f);
	return strstr(line, "futex") != NULL;
}

TEST(a_signal_and_a_time_limit_end_a_sleep)
{
	struct t_proc *p;
	long before;

	init_as("primary");
	CHECK(rte_ring_create("empty", 4, SOCKET_ID_ANY, 0) != NULL);
	p = t_spawn("sleeper", NULL);
	(void)t_expect(p, "ready");
	t_until(asleep, p);
	t_kill(p, SIGUSR1);
	(void)t_expect(p, "interrupted");
	before = strtol(t_expect(p, "switches ") + 9, NULL, 10);
	CHECK(before < 1000);
	CHECK_EQ(t_wait(p), 0);
}

TEST(bad_waits_are_refused)
{
	struct rte_ring *r, *own = aligned_alloc(128, 4096);
	struct timespec zero = {0}, bad = {.tv_nsec = -1};

	init_as("primary");
	r = rte_ring_create("r", 4, SOCKET_ID_ANY, 0);
	CHECK(shoal_ring_wait(r, SHOAL_RING_ELEMENTS, &zero) == -1 && rte_errno == ETIMEDOUT);
	CHECK_EQ(shoal_ring_wait(r, SHOAL_RING_ROOM, &zero), 0);
	CHECK(shoal_ring_wait(r, 2, NULL) == -1 && rte_errno == EINVAL);
	CHECK(shoal_ring_wait(NULL, 0, NULL) == -1 && rte_errno == EINVAL);
	CHECK(shoal_ring_wait(r, SHOAL_RING_ROOM, &bad) == -1 && rte_errno == EINVAL);
	CHECK_EQ(rte_ring_init(own, "own", 4, 0), 0);
	CHECK(shoal_ring_wait(own, SHOAL_RING_ELEMENTS, NULL) == -1 && rte_errno == ENOTSUP);
	free(own);
}

/* ---- an fd ---- */

static bool readable(int ep, int ms)
{
	struct epoll_event ev;

	return epoll_wait(ep, &ev, 1, ms) == 1;
}

TEST_T(an_fd_tells_of_elements, 60)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int ep = epoll_create1(EPOLL_CLOEXEC), fd;
	struct rte_ring *there, *back;
	struct t_proc *p;
	uintptr_t v;

	init_as("primary");
	there = rte_ring_create("there", 4, SOCKET_ID_ANY, 0);
	back = rte_ring_create("back", 4, SOCKET_ID_ANY, RING_F_SP_ENQ);
	fd = shoal_ring_fd_open(back, SHOAL_RING_ELEMENTS);
	CHECK(fd >= 0);
	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), 0);
	CHECK(!readable(ep, 0));
	p = t_spawn("echo", "1", NULL);
	(void)t_expect(p, "ready");
	for (uintptr_t i = 1; i <= ROUNDS; i++) {
		CHECK_EQ(rte_ring_enqueue(there, (void *)i), 0);
		while (rte_ring_dequeue(back, (void **)&v) != 0) {
			CHECK_EQ(shoal_ring_fd_arm(fd), 0);
			CHECK(readable(ep, -1));
		}
		CHECK_EQ(v, i);
	}
	CHECK_EQ(t_wait(p), 0);
	/* what was there before is told, too */
	CHECK_EQ(rte_ring_enqueue(back, p), 0);
	CHECK_EQ(shoal_ring_fd_arm(fd), 0);
	CHECK(readable(ep, -1));
	CHECK_EQ(rte_ring_dequeue(back, (void **)&v), 0);
	CHECK_EQ(shoal_ring_fd_arm(fd), 0);
	CHECK(!readable(ep, 0));
	/* closed while its thread sleeps; cleanup closes the rest */
	CHECK_EQ(shoal_ring_fd_close(fd), 0);
	CHECK(shoal_ring_fd_close(fd) == -1 && rte_errno == EBADF);
	CHECK(shoal_ring_fd_arm(fd) == -1 && rte_errno == EBADF);
	CHECK(shoal_ring_fd_open(back, 7) == -1 && rte_errno == EINVAL);
	fd = shoal_ring_fd_open(back, SHOAL_RING_ROOM);
	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), 0);
	CHECK(readable(ep, -1));
	CHECK(shoal_ring_fd_open(back, SHOAL_RING_ELEMENTS) >= 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}
