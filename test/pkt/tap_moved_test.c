/* SPDX-License-Identifier: BSD-3-Clause */
/* tap_moved_test.c - net_tap's interface in another network namespace than the port's: packets, its move, its end */
#include "tap_help.h"

static bool is_gone(void *arg)
{
	(void)arg;
	return if_nametoindex("t0") == 0;
}

/* a host in a network of its own, to which t0 comes */
ROLE(elsewhere)
{
	char line[32];
	int s = -1;

	if (unshare(CLONE_NEWNET) < 0) {
		t_tell("cannot");
		return 0;
	}
	t_tell("pid %d", (int)getpid());
	while (t_hear(line, sizeof(line))) {
		if (strcmp(line, "up") == 0) {
			set_up("t0", true);
			s = raw_socket("t0");
		} else if (strcmp(line, "send") == 0) {
			send_frames(s, 20, 100, 6);
		} else if (strcmp(line, "get") == 0) {
			host_gets(s, 5, 4);
		} else if (strcmp(line, "delete") == 0) {
			delete_link("t0");
		} else {
			t_until(is_gone, NULL);
		}
		t_tell("done");
	}
	return 0;
}

static void does(struct t_proc *h, const char *what)
{
	t_say(h, what);
	t_expect(h, "done");
}

/* t0 is the host's from here on, and packets pass as before */
static struct t_proc *moved(uint16_t id)
{
	struct t_proc *h = t_spawn("elsewhere", NULL);
	const char *line = t_expect(h, "");
	int pid;

	if (sscanf(line, "pid %d", &pid) != 1)
		SKIP("no second network namespace here");
	move_to("t0", pid);
	does(h, "up");
	does(h, "send");
	await_frames(id, 2, 20, 6);
	send_from(id, 1, 5, 4, 1);
	does(h, "get");
	CHECK_EQ(rte_eth_dev_is_removed(id), 0);
	return h;
}

struct polled {
	uint16_t id;
	int event;
};

/* nobody tells of what happens there: a queue that is polled sees it */
static bool polled_and_heard(void *arg)
{
	struct polled *x = arg;
	struct rte_mbuf *m;

	if (rte_eth_rx_burst(x->id, 0, &m, 1) == 1)
		rte_pktmbuf_free(m);
	return has_heard(&x->event);
}

TEST(the_end_of_an_interface_that_was_moved_is_an_event)
{
	struct polled x = {begin("", 2), RTE_ETH_EVENT_INTR_RMV};
	struct t_proc *p = t_spawn("listener", NULL), *h;
	char line[32];

	t_expect(p, "ready");
	hear_all();
	h = moved(x.id);
	does(h, "delete");
	t_until(polled_and_heard, &x);
	snprintf(line, sizeof(line), "await %d", x.event);
	t_say(p, line);
	t_expect(p, "heard");
	CHECK_EQ(rte_eth_dev_is_removed(x.id), 1);
	CHECK_EQ(rte_eth_dev_stop(x.id), 0);
	CHECK_EQ(rte_eth_dev_close(x.id), 0);
}

#define MOVES 24

/* it is between two namespaces for a moment, and in none */
TEST(no_interface_is_taken_for_gone_while_it_is_moved)
{
	struct polled x = {.id = begin("", 1), .event = RTE_ETH_EVENT_INTR_RMV};
	struct t_proc *h = t_spawn("elsewhere", NULL);
	const char *line = t_expect(h, "");
	char dev[32], args[32];
	int pid;

	if (sscanf(line, "pid %d", &pid) != 1)
		SKIP("no second network namespace here");
	for (unsigned i = 0; i < 3; i++) /* each looks for itself */
		t_expect(t_spawn("listener", NULL), "ready");
	hear_all();
	for (unsigned i = 1; i <= MOVES; i++) {
		snprintf(dev, sizeof(dev), "net_tap%u", i);
		snprintf(args, sizeof(args), "iface=t%u", i);
		CHECK_EQ(rte_vdev_init(dev, args), 0);
		set_up(args + 6, true); /* so that its end here begins with an event */
		move_to(args + 6, pid);
	}
	delete_link("t0"); /* who has heard of this has heard of all that was before */
	t_until(has_heard, &x.event);
	CHECK_EQ(rte_eth_dev_is_removed(x.id), 1);
	for (unsigned i = 1; i <= MOVES; i++) {
		snprintf(dev, sizeof(dev), "net_tap%u", i);
		CHECK_EQ(rte_eth_dev_is_removed(port_named(dev)), 0);
	}
}

static int queues_open(void)
{
	int n = 0;

	for (int fd = 3; fd < 200; fd++) {
		char path[32], is[32] = "";

		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n += readlink(path, is, sizeof(is) - 1) > 0 && strcmp(is, "/dev/net/tun") == 0;
	}
	return n;
}

/* also when somebody has queues that it does not poll any more: here both processes */
TEST(an_interface_that_was_moved_goes_with_its_port)
{
	uint16_t id = begin("", 2);
	struct t_proc *p = t_spawn("member", NULL), *h;

	t_expect(p, "ready");
	h = moved(id);
	t_say(p, "send 0 5 4");
	t_expect(p, "sent");
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_close(id), 0);
	does(h, "await the end");
	CHECK_EQ(queues_open(), 0);
	/* another port in the same row: the queues are its own */
	CHECK_EQ(rte_eal_hotplug_add("vdev", "net_tap0", "iface=t0"), 0);
	CHECK_EQ(port_named("net_tap0"), id);
	start_port(id, 2, rte_mempool_lookup("mp"));
	t_say(p, "send 0 5 4");
	t_expect(p, "sent");
	send_from(id, 1, 5, 4, 1);
	t_kill(p, SIGKILL);
	(void)t_wait(p);
}

/* uses both queues */
ROLE(both)
{
	struct rte_eth_link l;
	uint16_t id;
	char line[32];

	INIT("secondary", NULL);
	id = port_named("net_tap0");
	CHECK_EQ(rte_eth_link_get_nowait(id, &l), 0); /* this process uses the port from now on */
	t_tell("ready");
	while (t_hear(line, sizeof(line))) {
		for (uint16_t q = 0; q < 2; q++)
			send_from(id, q, 2, 4, 1);
		send_from(id, 1, 1, 4, 1);
		await_frames(id, 2, 20, 6);
		t_tell("done");
	}
	return rte_eal_cleanup();
}

ROLE(owner)
{
	INIT("primary", "--vdev=net_tap0,iface=t0");
	start_port(port_named("net_tap0"), 2, make_pool("mp", 1023));
	t_tell("ready");
	(void)t_hear((char[8]){0}, 8);
	return 0;
}

/* nobody can open a queue of it: those who are left must have them all */
TEST(queues_of_an_interface_that_was_moved_outlive_all_who_used_them)
{
	struct t_proc *h, *p;
	const char *line;
	int pid;

	need_tap();
	h = t_spawn("elsewhere", NULL);
	line = t_expect(h, "");
	if (sscanf(line, "pid %d", &pid) != 1)
		SKIP("no second network namespace here");
	p = t_spawn("owner", NULL);
	t_expect(p, "ready");
	move_to("t0", pid);
	does(h, "up");
	for (unsigned i = 0; i < 3; i++) {
		struct t_proc *next = t_spawn("both", NULL);

		t_expect(next, "ready");
		t_kill(p, SIGKILL);
		(void)t_wait(p);
		p = next;
		if (i == 1)
			continue; /* it dies without having used any */
		does(h, "send");
		does(p, "use");
		does(h, "get");
	}
}

ROLE(adder)
{
	INIT("secondary", NULL);
	CHECK_EQ(rte_eal_hotplug_add("vdev", "net_tap0", "iface=t0"), 0);
	start_port(port_named("net_tap0"), 3, rte_mempool_lookup("mp"));
	t_tell("ready");
	(void)t_hear((char[8]){0}, 8);
	return 0;
}

static bool no_queue(void *arg)
{
	(void)arg;
	return queues_open() == 0;
}

TEST(a_dead_secondarys_port_is_removed_with_its_files)
{
	need_tap();
	INIT("primary", NULL);
	(void)make_pool("mp", 1023);
	for (unsigned i = 0; i < 2; i++) {
		struct t_proc *p = t_spawn("adder", NULL);

		t_expect(p, "ready");
		CHECK(queues_open() >= 3);
		t_kill(p, SIGKILL);
		(void)t_wait(p);
		CHECK_EQ(rte_eal_hotplug_remove("vdev", "net_tap0"), 0);
		t_until(no_queue, NULL);
		CHECK_EQ(queues_open(), 0);
	}
}
