/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tap_shared_test.c - net_tap: an interface whose queues somebody else has is refused: another group, another port, another
 * program; it may be had when they are dead
 */
#include "tap_help.h"

#define IN_USE "net_tap0: interface t0 is in use: another program, group or port has queues of it"

/* a member of the group argv[2]; what it is told to do it tells of */
ROLE(one)
{
	char prefix[64], line[64];
	bool primary = strcmp(argv[1], "primary") == 0;

	snprintf(prefix, sizeof(prefix), "--file-prefix=%s", argv[2]);
	INIT(argv[1], prefix);
	if (primary)
		(void)make_pool("mp", 1023);
	else
		CHECK_EQ(rte_eth_rx_burst(port_named("net_tap0"), 1, NULL, 0), 0); /* it has the port, and a queue */
	t_tell("ready");
	while (t_hear(line, sizeof(line))) {
		if (strcmp(line, "take") == 0) {
			int r = rte_vdev_init("net_tap0", "iface=t0");

			if (r == 0)
				start_port(port_named("net_tap0"), 2, rte_mempool_lookup("mp"));
			t_tell("took %d", r);
		} else if (strcmp(line, "leave") == 0) {
			CHECK_EQ(rte_eth_dev_stop(port_named("net_tap0")), 0);
			t_tell("left %d", rte_vdev_uninit("net_tap0"));
		} else {
			await_frames(port_named("net_tap0"), 2, 30, 7);
			t_tell("got");
		}
	}
	return rte_eal_cleanup();
}

static struct t_proc *one(const char *kind, const char *group)
{
	struct t_proc *p = t_spawn("one", kind, group, NULL);

	t_expect(p, "ready");
	return p;
}

static const char *does(struct t_proc *p, const char *what)
{
	t_say(p, what);
	return t_expect(p, "");
}

static void dies(struct t_proc *p)
{
	t_kill(p, SIGKILL);
	(void)t_wait(p);
}

static void receives(struct t_proc *p)
{
	int s = raw_socket("t0");

	send_frames(s, 30, 100, 7);
	CHECK_STR(does(p, "await"), "got");
	(void)close(s);
}

static void start_network(void)
{
	need_tap();
	make_tap("t0"); /* which stays when its users are gone */
	set_up("t0", true);
}

TEST_T(a_second_group_may_have_it_when_the_first_is_dead, 60)
{
	struct t_proc *a, *member, *b;

	start_network();
	a = one("primary", "first");
	b = one("primary", "second");
	CHECK_STR(does(a, "take"), "took 0");
	member = one("secondary", "first");
	CHECK_STR(does(b, "take"), "took -16");
	CHECK_HAS(t_stderr(b), IN_USE);
	receives(a); /* all of them */
	dies(a);
	CHECK_STR(does(b, "take"), "took -16"); /* its group goes on */
	dies(member);
	CHECK_STR(does(b, "take"), "took 0");
	receives(b);
}

TEST(a_group_that_leaves_it_makes_room)
{
	struct t_proc *a, *b;

	start_network();
	a = one("primary", "first");
	b = one("primary", "second");
	CHECK_STR(does(a, "take"), "took 0");
	CHECK_STR(does(a, "leave"), "left 0");
	CHECK_STR(does(b, "take"), "took 0");
	receives(b);
	CHECK_STR(does(a, "take"), "took -16");
	CHECK_STR(does(b, "leave"), "left 0");
	CHECK_STR(does(a, "take"), "took 0");
	receives(a);
}

TEST(two_ports_of_one_group_do_not_share_it)
{
	start_network();
	INIT("primary", "--vdev=net_tap1,iface=t0");
	listen_to_log();
	CHECK_EQ(rte_vdev_init("net_tap0", "iface=t0"), -EBUSY);
	CHECK_EQ(said(IN_USE), 1);
	log_as_before();
	CHECK_EQ(rte_vdev_uninit("net_tap1"), 0);
	CHECK_EQ(rte_vdev_init("net_tap0", "iface=t0"), 0);
}

TEST(another_programs_queue_is_not_shared)
{
	int fd;

	start_network();
	fd = open_tap("t0");
	INIT("primary", NULL);
	listen_to_log();
	CHECK_EQ(rte_vdev_init("net_tap0", "iface=t0"), -EBUSY);
	CHECK_EQ(said(IN_USE), 1);
	log_as_before();
	(void)close(fd);
	CHECK_EQ(rte_vdev_init("net_tap0", "iface=t0"), 0);
}

static bool has_queues(void *arg)
{
	unsigned n = 0;

	for (int fd = 3; fd < 100; fd++) {
		struct ifreq req;

		n += ioctl(fd, TUNGETIFF, &req) == 0;
	}
	return n >= *(unsigned *)arg;
}

TEST(who_came_after_the_start_keeps_the_interface_when_the_starter_dies)
{
	struct t_proc *a;
	unsigned queues = 2;

	need_tap();
	a = one("primary", "first");
	CHECK_STR(does(a, "take"), "took 0"); /* made here: it goes with the last who has it */
	INIT("secondary", "--file-prefix=first");
	CHECK(has_queues(&queues)); /* already */
	dies(a);
	CHECK(if_nametoindex("t0") != 0);
	CHECK_EQ(rte_eth_dev_is_removed(port_named("net_tap0")), 0);
}

/* who had a queue of a port that was removed keeps it until it bursts again: that is not in the group's own way */
TEST(a_port_that_is_made_again_is_not_refused_for_what_the_group_has_left)
{
	struct t_proc *a, *member;

	start_network();
	a = one("primary", "first");
	CHECK_STR(does(a, "take"), "took 0");
	member = one("secondary", "first");
	t_kill(member, SIGSTOP);
	CHECK_STR(does(a, "leave"), "left 0");
	CHECK_STR(does(a, "take"), "took 0");
	t_kill(member, SIGCONT);
	dies(member);
}
