/* SPDX-License-Identifier: BSD-3-Clause */
/* port_event_test.c - callbacks on ports' events: in order, one at a time, from whichever thread; what they may call; names */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "port_help.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define DEVICE "net_null1"

/* what this process was told: "n0" new, "d0" destroy */
static struct {
	atomic_int inside, overlaps, n;
	char word[16][4];
	const char *hold; /* the callback that is told this says so, and waits until it may go on */
	sem_t held, go_on;
	void (*then)(const char *word); /* what callbacks do */
} got;

static int hear(uint16_t port, enum rte_eth_event_type ev, void *arg, void *ret)
{
	unsigned at = (unsigned)atomic_load(&got.n);

	(void)arg, (void)ret;
	if (atomic_fetch_add(&got.inside, 1) != 0)
		atomic_fetch_add(&got.overlaps, 1);
	CHECK(at < N(got.word));
	snprintf(got.word[at], sizeof(got.word[at]), "%c%u", ev == RTE_ETH_EVENT_NEW ? 'n' : 'd', port % 10u);
	if (got.hold != NULL && strcmp(got.word[at], got.hold) == 0) {
		got.hold = NULL;
		sem_post(&got.held);
		sem_wait(&got.go_on);
	}
	atomic_fetch_add(&got.n, 1);
	if (got.then != NULL)
		got.then(got.word[at]);
	atomic_fetch_sub(&got.inside, 1);
	return 0;
}

static void listen_to_ports(void)
{
	sem_init(&got.held, 0, 0);
	sem_init(&got.go_on, 0, 0);
	CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, hear, NULL), 0);
	CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_DESTROY, hear, NULL), 0);
}

static bool so_many(void *n)
{
	return atomic_load(&got.n) >= *(int *)n && atomic_load(&got.inside) == 0;
}

static void was_told(const char *all)
{
	int n = (int)(strlen(all) + 1) / 3;
	char line[128] = "";

	t_until(so_many, &n);
	for (int i = 0; i < atomic_load(&got.n); i++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "%s%s", i > 0 ? " " : "", got.word[i]);
	CHECK_STR(line, all);
	CHECK_EQ(atomic_load(&got.overlaps), 0);
}

/* ---- threads ---- */

static void *make_it(void *arg)
{
	(void)arg;
	CHECK_EQ(rte_vdev_init(DEVICE, NULL), 0);
	return NULL;
}

/* the callback waits for one that changes ports meanwhile: that one goes on, and all is told in order when the callback returns */
TEST(while_one_thread_is_in_a_callback_no_other_calls_one)
{
	pthread_t t;

	INIT("primary", NULL);
	CHECK_EQ(setenv("SHOAL_TURN_NS", "20000000", 1), 0);
	got.hold = "n0"; /* before there is a thread that reads it */
	listen_to_ports();
	CHECK_EQ(pthread_create(&t, NULL, make_it, NULL), 0);
	sem_wait(&got.held);
	CHECK_EQ(rte_vdev_uninit(DEVICE), 0);
	CHECK_EQ(rte_vdev_init(DEVICE, NULL), 0);
	CHECK_EQ(atomic_load(&got.overlaps), 0);
	sem_post(&got.go_on);
	CHECK_EQ(pthread_join(t, NULL), 0);
	was_told("n0 d0 n0");
	CHECK_EQ(rte_vdev_uninit(DEVICE), 0);
	was_told("n0 d0 n0 d0");
	CHECK_EQ(rte_eal_cleanup(), 0);
}

ROLE(other)
{
	char line[64], name[64];

	INIT("secondary", NULL);
	t_tell("ready");
	while (t_hear(line, sizeof(line)))
		if (sscanf(line, "make %63s", name) == 1)
			t_tell("did %d", rte_vdev_init(name, NULL));
		else if (sscanf(line, "remove %63s", name) == 1)
			t_tell("did %d", rte_vdev_uninit(name));
		else
			break;
	return rte_eal_cleanup();
}

static void does(struct t_proc *p, const char *line)
{
	t_say(p, line);
	CHECK_STR(t_expect(p, "did"), "did 0");
}

/* the library's thread is in a callback for what another process did, and this thread does something itself */
TEST(nor_while_the_library_s_thread_is)
{
	struct t_proc *p;

	INIT("primary", NULL);
	CHECK_EQ(setenv("SHOAL_TURN_NS", "20000000", 1), 0);
	p = t_spawn("other", NULL);
	t_expect(p, "ready");
	got.hold = "n0"; /* before there is a thread that reads it */
	listen_to_ports();
	does(p, "make " DEVICE);
	sem_wait(&got.held);
	CHECK_EQ(rte_vdev_uninit(DEVICE), 0);
	CHECK_EQ(rte_vdev_init("net_null2", NULL), 0);
	does(p, "make net_null3");
	CHECK_EQ(atomic_load(&got.n), 0);
	sem_post(&got.go_on);
	was_told("n0 n1 d0 n0"); /* row by row, and once more */
	t_say(p, "end");
	CHECK_EQ(t_wait(p), 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* ---- what a callback calls ---- */

static int never(uint16_t port, enum rte_eth_event_type ev, void *arg, void *ret)
{
	(void)port, (void)ev, (void)arg, (void)ret;
	t_fail(__FILE__, __LINE__, "called, and was unregistered");
}

static void change_things(const char *word)
{
	if (strcmp(word, "n0") == 0 && rte_eth_dev_count_avail() == 1) { /* its own events come when it has returned */
		CHECK_EQ(rte_vdev_init("net_null2", NULL), 0);
		CHECK_EQ(rte_vdev_init("net_null3", NULL), 0);
		CHECK_EQ(rte_eal_hotplug_remove("vdev", "net_null3"), 0);
		CHECK_EQ(rte_eth_dev_callback_unregister(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, hear, NULL), -EAGAIN);
		CHECK_EQ(rte_eth_dev_callback_unregister(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, never, NULL), 0);
	} else if (strcmp(word, "d0") == 0) {
		CHECK_EQ(rte_vdev_init("net_null4", NULL), 0); /* in the row of the one that goes */
		CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, never, NULL), 0);
		CHECK_EQ(rte_eth_dev_callback_unregister(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, never, NULL), 0);
	}
}

TEST(callbacks_may_attach_and_detach_register_and_unregister)
{
	INIT("primary", NULL);
	got.then = change_things;
	listen_to_ports();
	CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, never, NULL), 0);
	CHECK_EQ(rte_vdev_init(DEVICE, NULL), 0);
	was_told("n0 n1");
	CHECK_EQ(rte_vdev_uninit(DEVICE), 0);
	was_told("n0 n1 d0 n0");
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* ---- names ---- */

/* the name of a port is there while its end is told, also when another one has its number already */
static int names(uint16_t port, enum rte_eth_event_type ev, void *arg, void *ret)
{
	char name[RTE_ETH_NAME_MAX_LEN] = "", next[RTE_ETH_NAME_MAX_LEN];
	uint16_t id = RTE_MAX_ETHPORTS;
	int r = rte_eth_dev_get_name_by_port(port, name);

	(void)arg, (void)ret;
	if (ev == RTE_ETH_EVENT_DESTROY) {
		CHECK_EQ(rte_eth_dev_get_port_by_name(name, &id), 0);
		CHECK_EQ(id, port);
		CHECK_EQ(rte_eth_dev_get_name_by_port((uint16_t)(port + 1), next), -ENODEV);
	}
	t_tell("%s %u %s %d", ev == RTE_ETH_EVENT_NEW ? "new" : "destroy", port, name, r);
	return 0;
}

ROLE(listener)
{
	char line[64];

	INIT(argv[1], NULL);
	CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, names, NULL), 0);
	CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_DESTROY, names, NULL), 0);
	t_tell("ready");
	while (t_hear(line, sizeof(line)) && strcmp(line, "end") != 0)
		if (strncmp(line, "add ", 4) == 0)
			CHECK_EQ(rte_eal_hotplug_add("vdev", line + 4, ""), 0);
		else
			CHECK_EQ(rte_eal_hotplug_remove("vdev", line + 4), 0);
	return rte_eal_cleanup();
}

TEST(a_port_has_its_name_while_its_end_is_told_in_every_process)
{
	struct t_proc *p[3];

	for (unsigned i = 0; i < N(p); i++) {
		p[i] = t_spawn("listener", i == 0 ? "primary" : "secondary", NULL);
		t_expect(p[i], "ready");
	}
	for (unsigned by = 0; by < 2; by++) { /* by the primary, by a secondary */
		t_say(p[by], "add net_null0");
		for (unsigned i = 0; i < N(p); i++)
			CHECK_STR(t_expect(p[i], "new"), "new 0 net_null0 0");
		t_say(p[by], "del net_null0");
		for (unsigned i = 0; i < N(p); i++)
			CHECK_STR(t_expect(p[i], "destroy"), "destroy 0 net_null0 0");
	}
	for (unsigned i = N(p); i-- > 0;) {
		t_say(p[i], "end");
		CHECK_EQ(t_wait(p[i]), 0);
	}
}

static char ended[RTE_ETH_NAME_MAX_LEN];

static int note_name(uint16_t port, enum rte_eth_event_type ev, void *arg, void *ret)
{
	(void)ev, (void)ret, (void)arg;
	CHECK_EQ(rte_eth_dev_get_name_by_port(port, ended), 0);
	atomic_fetch_add(&got.n, 1);
	return 0;
}

static void replace(const char *word)
{
	(void)word;
	CHECK_EQ(rte_vdev_uninit(DEVICE), 0);
	CHECK_EQ(rte_vdev_init("net_null2", NULL), 0);
	CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_DESTROY, note_name, NULL), 0);
	CHECK_EQ(rte_eth_dev_callback_unregister(RTE_ETH_ALL, RTE_ETH_EVENT_DESTROY, hear, NULL), 0);
	got.then = NULL;
}

TEST(nor_has_it_the_name_of_the_next_one)
{
	int n = 3;

	INIT("primary", "--vdev=" DEVICE);
	got.then = replace;
	listen_to_ports();
	CHECK_EQ(rte_vdev_init("net_null9", NULL), 0); /* in whose callback the other one is replaced */
	t_until(so_many, &n);
	CHECK_STR(ended, DEVICE);
	CHECK_EQ(port_named("net_null2"), 0);
	CHECK_STR(got.word[2], "n0");
	CHECK_EQ(rte_eal_cleanup(), 0);
}
