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
	was_told("n0 d0 n0 n1"); /* as it was done */
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

/* ---- in order for a name ---- */

#define NAMES 4

/* what a watcher was told: "+1" net_null1 began, "-1" it ended; of devices, of ports */
static struct {
	atomic_int n;
	char dev[256], eth[256];
	atomic_bool hold;
	atomic_uint there;    /* devices, by the numbers in their names */
	atomic_bool disorder; /* twice the same of one name */
} watch;

static unsigned number(const char *name)
{
	unsigned i = NAMES;

	CHECK_EQ(sscanf(name, "net_null%u", &i), 1);
	CHECK(i < NAMES);
	return i;
}

static void word(char *line, size_t cap, bool began, unsigned i)
{
	size_t at = strlen(line);

	if (at + 4 < cap)
		snprintf(line + at, cap - at, "%s%c%u", at > 0 ? " " : "", began ? '+' : '-', i);
}

static void watch_dev(const char *name, enum rte_dev_event_type ev, void *arg)
{
	unsigned i = number(name), bit = 1u << i;
	bool began = ev == RTE_DEV_EVENT_ADD;

	(void)arg;
	if (atomic_exchange(&watch.hold, false)) {
		t_tell("held");
		sem_wait(&got.go_on);
	}
	if (((atomic_load(&watch.there) & bit) != 0) == began)
		atomic_store(&watch.disorder, true);
	if (began)
		atomic_fetch_or(&watch.there, bit);
	else
		atomic_fetch_and(&watch.there, ~bit);
	word(watch.dev, sizeof(watch.dev), began, i);
	atomic_fetch_add(&watch.n, 1);
}

static int watch_eth(uint16_t port, enum rte_eth_event_type ev, void *arg, void *ret)
{
	char name[RTE_ETH_NAME_MAX_LEN];

	(void)arg, (void)ret;
	if (rte_eth_dev_get_name_by_port(port, name) == 0) /* else it began, and is not there any more */
		word(watch.eth, sizeof(watch.eth), ev == RTE_ETH_EVENT_NEW, number(name));
	atomic_fetch_add(&watch.n, 1);
	return 0;
}

static void watch_all(void)
{
	sem_init(&got.go_on, 0, 0);
	CHECK_EQ(rte_dev_event_callback_register(NULL, watch_dev, NULL), 0);
	CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, watch_eth, NULL), 0);
	CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_DESTROY, watch_eth, NULL), 0);
}

static bool watched(void *n)
{
	return atomic_load(&watch.n) >= *(int *)n;
}

static bool none_there(void *arg)
{
	(void)arg;
	return atomic_load(&watch.there) == 0;
}

/* hold: the next callback waits for go. told N: after so many: "told DEVICES, PORTS". churn N: so many devices come and go */
ROLE(watcher)
{
	unsigned long k = (unsigned long)getpid();
	char line[64], name[32];
	int n;

	INIT(argv[1], NULL);
	watch_all();
	t_tell("ready");
	while (t_hear(line, sizeof(line)) && strcmp(line, "end") != 0)
		if (strcmp(line, "hold") == 0) {
			atomic_store(&watch.hold, true);
			t_tell("did 0");
		} else if (strcmp(line, "go") == 0) {
			sem_post(&got.go_on);
		} else if (sscanf(line, "told %d", &n) == 1) {
			t_until(watched, &n);
			t_tell("told %s, %s", watch.dev, watch.eth);
		} else if (sscanf(line, "churn %d", &n) == 1) {
			for (; n > 0; n--, k = k * 6364136223846793005ul + 1442695040888963407ul) {
				snprintf(name, sizeof(name), "net_null%lu", (k >> 33) % NAMES);
				(void)((k >> 40) % 2 == 0 ? rte_vdev_init(name, NULL) : rte_vdev_uninit(name));
			}
			t_tell("churned");
		} else if (strcmp(line, "quiet") == 0) {
			t_until(none_there, NULL);
			t_tell("quiet %d", atomic_load(&watch.disorder));
		}
	return rte_eal_cleanup();
}

/* in a row that is looked at before its former one; while a callback is at work, so that all of it is found at one look. Ports: the
 * end of net_null0 is found before net_null2 is told, whose device was told before */
TEST(a_name_that_comes_back_in_another_row_has_ended_first)
{
	struct t_proc *w[2], *m;

	for (unsigned i = 0; i < N(w); i++) {
		w[i] = t_spawn("watcher", i == 0 ? "primary" : "secondary", NULL);
		t_expect(w[i], "ready");
	}
	m = t_spawn("other", NULL);
	t_expect(m, "ready");
	does(m, "make net_null0");
	does(m, "make net_null1");
	for (unsigned i = 0; i < N(w); i++) {
		t_say(w[i], "told 4");
		t_expect(w[i], "told");
		does(w[i], "hold");
	}
	does(m, "make net_null2");
	for (unsigned i = 0; i < N(w); i++)
		t_expect(w[i], "held");
	does(m, "remove net_null0");
	does(m, "remove net_null1");
	does(m, "make net_null1");
	for (unsigned i = 0; i < N(w); i++) {
		t_say(w[i], "go");
		t_say(w[i], "told 12");
		CHECK_STR(t_expect(w[i], "told"), "told +0 +1 +2 -0 -1 +1, +0 +1 -0 -1 +2 +1");
		t_say(w[i], "end");
		CHECK_EQ(t_wait(w[i]), 0);
	}
	t_say(m, "end");
	CHECK_EQ(t_wait(m), 0);
}

TEST(each_name_ends_and_begins_by_turns_while_two_processes_change_them)
{
	struct t_proc *w[4];
	char name[32];

	for (unsigned i = 0; i < N(w); i++) {
		w[i] = t_spawn("watcher", i == 0 ? "primary" : "secondary", NULL);
		t_expect(w[i], "ready");
	}
	for (unsigned i = 1; i < 3; i++)
		t_say(w[i], "churn 400");
	for (unsigned i = 1; i < 3; i++)
		t_expect(w[i], "churned");
	INIT("secondary", NULL);
	for (unsigned i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "net_null%u", i);
		(void)rte_vdev_uninit(name);
	}
	for (unsigned i = N(w); i-- > 0;) {
		t_say(w[i], "quiet");
		CHECK_STR(t_expect(w[i], "quiet"), "quiet 0");
		t_say(w[i], "end");
		CHECK_EQ(t_wait(w[i]), 0);
	}
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
