/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * afp_left_test.c - net_af_packet: what is left when those die who opened its sockets: no socket too many, none missing, none of
 * another network namespace
 */
#include <dirent.h>

#include "afp_help.h"
#include "silent_help.h"

/* the primary, which has the port and starts it when it is told to */
ROLE(owner)
{
	struct rte_mempool *mp;
	char line[32];
	unsigned n;

	INIT("primary", "--vdev=net_af_packet0,iface=" NEAR);
	mp = make_pool("mp", 4095);
	t_tell("ready");
	while (t_hear(line, sizeof(line))) {
		CHECK_EQ(sscanf(line, "start %u", &n), 1);
		start_port(port_named("net_af_packet0"), (uint16_t)n, mp);
		t_tell("started");
	}
	return 0;
}

ROLE(member)
{
	char line[128];
	unsigned n;

	INIT("secondary", NULL);
	t_tell("ready");
	while (t_hear(line, sizeof(line))) {
		if (sscanf(line, "restart %u", &n) == 1) {
			uint16_t id = port_named("net_af_packet0");

			CHECK_EQ(rte_eth_dev_stop(id), 0);
			start_port(id, (uint16_t)n, rte_mempool_lookup("mp"));
		} else if (sscanf(line, "await %u", &n) == 1) {
			await_frames(port_named("net_af_packet0"), 2, n, 6);
		} else if (strcmp(line, "add") == 0) {
			CHECK_EQ(rte_eal_hotplug_add("vdev", "net_af_packet0", "iface=" NEAR), 0);
			start_port(port_named("net_af_packet0"), 3, rte_mempool_lookup("mp"));
		} else if (strcmp(line, "remove") == 0) {
			listen_to_log();
			CHECK_EQ(rte_eal_hotplug_remove("vdev", "net_af_packet0"), 0);
			CHECK_EQ(said("registered it"), 0); /* what others have to end they do */
			log_as_before();
		}
		t_tell("done");
	}
	return rte_eal_cleanup();
}

static void does(struct t_proc *p, const char *what)
{
	t_say(p, what);
	t_expect(p, "done");
}

static void dies(struct t_proc *p)
{
	t_kill(p, SIGKILL);
	(void)t_wait(p);
}

static struct t_proc *owner(void)
{
	struct t_proc *p;

	network();
	p = t_spawn("owner", NULL);
	t_expect(p, "ready");
	return p;
}

static struct t_proc *member(void)
{
	struct t_proc *p = t_spawn("member", NULL);

	t_expect(p, "ready");
	return p;
}

/* ---- none missing ---- */

static int open_sockets(void)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *e;
	int n = 0;

	CHECK(d != NULL);
	while ((e = readdir(d)) != NULL) {
		socklen_t len = sizeof(int);
		int domain = 0;

		n += getsockopt(atoi(e->d_name), SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_PACKET;
	}
	(void)closedir(d);
	return n;
}

static bool are_open(void *arg)
{
	return open_sockets() == *(int *)arg;
}

static int left(int want)
{
	t_until(are_open, &want);
	return open_sockets();
}

TEST(who_came_after_the_start_and_has_not_used_the_port_goes_on_after_the_starters_death)
{
	struct t_proc *p = owner();
	int s = raw_socket(FAR);
	uint16_t id;

	t_say(p, "start 2");
	t_expect(p, "started");
	INIT("secondary", NULL);
	CHECK_EQ(open_sockets(), 6); /* already: this test's, one to ask, two to receive, two to send */
	dies(p);
	id = port_named("net_af_packet0");
	send_frames(s, 40, 100, 5);
	await_frames(id, 2, 40, 5);
	send_from(id, 1, 3, 4);
	host_gets(s, 3, 4);
}

TEST(who_was_there_before_the_start_goes_on_after_the_starters_death)
{
	struct t_proc *p = owner();
	int s = raw_socket(FAR);
	uint16_t id;

	INIT("secondary", NULL);
	id = port_named("net_af_packet0");
	t_say(p, "start 2");
	t_expect(p, "started");
	dies(p);
	send_frames(s, 40, 100, 5);
	await_frames(id, 2, 40, 5);
	send_from(id, 1, 3, 4);
	host_gets(s, 3, 4);
}

TEST(sockets_that_only_the_dead_had_are_opened_anew_by_a_start)
{
	struct t_proc *p = owner(), *m = member();
	int s = raw_socket(FAR);

	t_kill(m, SIGSTOP); /* so that it has no copy */
	t_say(p, "start 2");
	t_expect(p, "started");
	dies(p);
	t_kill(m, SIGCONT);
	does(m, "restart 2");
	send_frames(s, 40, 100, 6);
	does(m, "await 40");
}

/* ---- none too many ---- */

TEST_T(those_of_former_starts_are_closed_whoever_had_made_them, 60)
{
	uint16_t id;

	network();
	INIT("primary", "--vdev=net_af_packet0,iface=" NEAR);
	id = port_named("net_af_packet0");
	start_port(id, 1, make_pool("mp", 1023));
	CHECK_EQ(open_sockets(), 8); /* one to ask, one to receive, two to send: its own, and what it offers */
	for (unsigned i = 0; i < 4; i++) {
		struct t_proc *p = member();

		does(p, i % 2 == 0 ? "restart 4" : "restart 2");
		dies(p);
		CHECK_EQ(left(i % 2 == 0 ? 16 : 10), i % 2 == 0 ? 16 : 10); /* 6 of it as before, and what it keeps */
	}
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_close(id), 0);
	CHECK_EQ(left(0), 0);
}

TEST_T(a_dead_secondarys_port_is_removed_with_its_sockets, 60)
{
	network();
	INIT("primary", NULL);
	(void)make_pool("mp", 1023);
	for (unsigned i = 0; i < 2; i++) {
		struct t_proc *p = member();

		does(p, "add");
		dies(p);
		CHECK(open_sockets() > 0);
		CHECK_EQ(rte_eal_hotplug_remove("vdev", "net_af_packet0"), 0);
		CHECK_EQ(left(0), 0);
	}
}

TEST(another_secondary_removes_a_port_in_silence)
{
	struct t_proc *maker, *other;

	network();
	INIT("primary", NULL);
	(void)make_pool("mp", 1023);
	maker = member();
	other = member();
	does(maker, "add");
	CHECK(open_sockets() > 0);
	does(other, "remove");
	CHECK_EQ(left(0), 0);
}

/* ---- none of another namespace ---- */

ROLE(elsewhere)
{
	struct rte_eth_conf conf = {.rxmode = {.mtu = 0}};
	uint64_t cookie;
	socklen_t len = sizeof(cookie);
	char line[32];
	uint16_t id;
	int s;

	if (unshare(CLONE_NEWNET) < 0)
		return t_tell("cannot"), 0;
	make_pair(); /* the same numbers, another interface */
	set_up(NEAR, true);
	set_up(FAR, true);
	s = raw_socket(FAR);
	if (getsockopt(s, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) != 0)
		return t_tell("cannot"), 0;
	INIT("secondary", NULL);
	id = port_named("net_af_packet0");
	t_tell("ready");
	CHECK(t_hear(line, sizeof(line)));
	send_from(id, 1, 3, 4); /* what is open already is right */
	await_frames(id, 2, 20, 3);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_configure(id, 3, 3, &conf), 0);
	for (uint16_t q = 0; q < 3; q++) {
		CHECK_EQ(rte_eth_rx_queue_setup(id, q, 64, 0, NULL, rte_mempool_lookup("mp")), 0);
		CHECK_EQ(rte_eth_tx_queue_setup(id, q, 64, 0, NULL), 0);
	}
	listen_to_log();
	CHECK(rte_eth_dev_start(id) < 0);
	CHECK(said("another network namespace") > 0);
	log_as_before();
	t_tell("done");
	return 0;
}

TEST(no_socket_is_opened_in_another_namespace)
{
	struct t_proc *p = owner(), *e = t_spawn("elsewhere", NULL);
	int s = raw_socket(FAR);

	if (strcmp(t_expect(e, ""), "ready") != 0)
		SKIP("this kernel does not tell network namespaces apart, or makes no second one here");
	t_say(p, "start 2");
	t_expect(p, "started");
	dies(p);
	send_frames(s, 20, 100, 3);
	does(e, "go on");
	host_gets(s, 3, 4);
}

/* ---- nobody who is stopped holds up the others ---- */

/* this process is a third one */
static struct t_proc *started_by_two(struct t_proc **member_of, uint16_t *id)
{
	struct t_proc *p = owner();

	*member_of = member();
	INIT("secondary", NULL);
	*id = port_named("net_af_packet0");
	t_say(p, "start 2");
	t_expect(p, "started");
	return p;
}

TEST(who_comes_while_the_primary_is_stopped_sends)
{
	struct t_proc *m, *p;
	int s = -1;
	uint16_t id;

	p = started_by_two(&m, &id);
	s = raw_socket(FAR);
	t_kill(p, SIGSTOP);
	send_from(id, 1, 3, 4); /* no burst is in vain */
	host_gets(s, 3, 4);
	t_kill(p, SIGCONT);
}

static bool has_copies(void *arg)
{
	return open_sockets() >= *(int *)arg;
}

TEST(who_may_open_nothing_has_copies_of_sockets_to_send_on)
{
	static struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	static struct __user_cap_data_struct none[2];
	struct t_proc *m, *p;
	int s, want = 5; /* to ask; to receive and to send, two of each */
	uint16_t id;

	p = started_by_two(&m, &id);
	s = raw_socket(FAR);
	(void)link_is(id);
	want += 1; /* s */
	t_until(has_copies, &want);
	CHECK_EQ(syscall(SYS_capset, &h, none), 0);
	t_kill(p, SIGSTOP);
	t_kill(m, SIGSTOP);
	send_from(id, 1, 3, 4);
	host_gets(s, 3, 4);
	t_kill(p, SIGCONT);
	t_kill(m, SIGCONT);
}

ROLE(late_owner)
{
	char line[32];

	INIT("primary", NULL);
	(void)make_pool("mp", 4095);
	t_tell("ready");
	CHECK(t_hear(line, sizeof(line)));
	CHECK_EQ(rte_vdev_init("net_af_packet0", "iface=" NEAR), 0);
	start_port(port_named("net_af_packet0"), 2, rte_mempool_lookup("mp"));
	t_tell("started");
	(void)t_hear(line, sizeof(line));
	return 0;
}

ROLE(newcomer)
{
	char line[32];

	come_in_vain(1, 2);
	await_frames(0, 2, 20, 5);
	t_tell("got");
	(void)t_hear(line, sizeof(line));
	return rte_eal_cleanup();
}

TEST_T(a_first_burst_waits_neither_for_who_is_stopped_nor_for_who_waits_for_it, 60)
{
	struct t_proc *p, *m;
	int s;

	network();
	s = raw_socket(FAR);
	p = t_spawn("late_owner", NULL);
	t_expect(p, "ready");
	m = t_spawn("newcomer", NULL);
	t_expect(m, "ready");
	t_kill(m, SIGSTOP); /* so that it has no copy */
	t_say(p, "start");
	t_expect(p, "started");
	t_kill(p, SIGSTOP);
	t_kill(m, SIGCONT);
	t_say(m, "burst");
	t_expect(m, "done");
	t_kill(p, SIGCONT);
	send_frames(s, 20, 100, 5);
	t_say(m, "receive");
	t_expect(m, "got");
}
