/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fd_silent_test.c - descriptors of ports that only a stopped process has: a burst does not wait for it, nor for a call that does;
 * packets flow when that process goes on, or another one can open them
 *
 * The owner makes and starts the ports while the newcomer is stopped, and is stopped before that one goes on: so it has none.
 */
#include "silent_help.h"
#include "tap_help.h"

#define PORTS 2
#define QUEUES 4

ROLE(owner)
{
	struct rte_mempool *mp;
	char name[32], args[32], line[32];

	INIT("primary", NULL);
	mp = make_pool("mp", 4095);
	t_tell("ready");
	CHECK(t_hear(line, sizeof(line)));
	for (unsigned i = 0; i < PORTS; i++) {
		snprintf(name, sizeof(name), "net_tap%u", i);
		snprintf(args, sizeof(args), "iface=t%u", i);
		CHECK_EQ(rte_vdev_init(name, args), 0);
		start_port(port_named(name), QUEUES, mp);
	}
	t_tell("started");
	(void)t_hear(line, sizeof(line));
	return 0;
}

ROLE(newcomer)
{
	char line[32];

	come_in_vain(PORTS, QUEUES);
	t_tell("go");
	for (uint16_t port = 0; port < PORTS; port++)
		await_frames(port, QUEUES, 20, 5);
	t_tell("got");
	(void)t_hear(line, sizeof(line));
	return rte_eal_cleanup();
}

/* the newcomer has done its first bursts, in vain */
static struct t_proc *in_vain(struct t_proc **owner)
{
	struct t_proc *p;

	need_tap();
	for (unsigned i = 0; i < PORTS; i++) {
		make_tap(i == 0 ? "t0" : "t1"); /* they stay when their users are gone */
		set_up(i == 0 ? "t0" : "t1", true);
	}
	*owner = t_spawn("owner", NULL);
	t_expect(*owner, "ready");
	p = t_spawn("newcomer", NULL);
	t_expect(p, "ready");
	t_kill(p, SIGSTOP);
	t_say(*owner, "start");
	t_expect(*owner, "started");
	t_kill(*owner, SIGSTOP);
	t_kill(p, SIGCONT);
	t_say(p, "burst");
	t_expect(p, "done");
	return p;
}

static void receives(struct t_proc *p)
{
	t_say(p, "receive");
	t_expect(p, "go");
	for (unsigned i = 0; i < PORTS; i++) {
		int s = raw_socket(i == 0 ? "t0" : "t1");

		send_frames(s, 20, 100, 5);
		(void)close(s);
	}
	t_expect(p, "got");
}

TEST_T(a_first_burst_waits_neither_for_who_is_stopped_nor_for_who_waits_for_it, 60)
{
	struct t_proc *owner, *p = in_vain(&owner);

	t_kill(owner, SIGCONT);
	receives(p);
}

TEST_T(who_had_none_opens_them_when_the_stopped_one_dies, 60)
{
	struct t_proc *owner, *p = in_vain(&owner);

	t_kill(owner, SIGKILL);
	(void)t_wait(owner);
	receives(p);
}
