/* SPDX-License-Identifier: BSD-3-Clause */
/* role_test.c - exactly one primary; and each way in which a start cannot work has its own line, in bounded time. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "member.h"
#include "proc/wire.h"

/* a start that must fail with that errno and say that */
static void fails(struct t_proc *p, int err, const char *says)
{
	char want[32];

	snprintf(want, sizeof(want), "failed %d", err);
	CHECK_STR(t_expect(p, "failed "), want);
	CHECK_EQ(t_wait(p), 1);
	CHECK_HAS(t_stderr(p), says);
}

static const char *first(struct t_proc *p)
{
	return t_expect(p, "");
}

TEST(of_twenty_that_race_with_auto_one_is_primary)
{
	struct t_proc *p[20];
	struct m m[20];
	unsigned primaries = 0;

	for (unsigned i = 0; i < 20; i++)
		p[i] = t_spawn("member", "auto", NULL);
	for (unsigned i = 0; i < 20; i++) {
		m[i] = m_read(p[i]);
		primaries += m[i].primary;
	}
	CHECK_EQ(primaries, 1);
	m_table(&m[0], 20);
}

TEST(of_twenty_that_race_as_primary_one_gets_it)
{
	struct t_proc *p[20];
	unsigned up = 0;

	for (unsigned i = 0; i < 20; i++)
		p[i] = t_spawn("member", "primary", NULL);
	for (unsigned i = 0; i < 20; i++) {
		const char *l = first(p[i]);

		if (strncmp(l, "up ", 3) == 0)
			up++;
		else
			CHECK_STR(l, "failed 17");
	}
	CHECK_EQ(up, 1);
}

TEST(a_primary_that_dropped_its_lock_stays_the_only_one)
{
	struct m a = m_up("primary"), b = m_up("secondary"), c;

	m_sees(&a, "JOIN", &b);
	m_ask(&a, "droplock", "dropped 1");
	fails(t_spawn("member", "primary", NULL), EEXIST, "another primary runs in ");
	c = m_up("auto");
	CHECK(!c.primary);
	/* and when it dies the group is taken over as ever */
	m_sees(&b, "JOIN", &c);
	m_kill(&a);
	m_sees(&b, "DEATH", &a);
	c = m_up("primary");
	m_sees(&b, "PRIMARY", &c);
}

TEST(a_primary_in_init_that_dropped_its_lock_stays_the_only_one)
{
	struct m a = m_read(t_spawn("member", "primary", "init=1", NULL));

	m_ask(&a, "droplock", "dropped 1");
	fails(t_spawn("member", "primary", NULL), EEXIST, "another primary runs in ");
}

#define CLOSED "lives, but its program has closed the library's file descriptors"

/* no socket, no lock and no other member tell of it; a child that outlives it is not taken for it */
TEST(a_lone_primary_that_closed_all_fds_stays_the_only_one)
{
	struct m a = m_up("primary"), b;

	m_ask(&a, "closeall", "closed");
	m_ask(&a, "rawfork", "child ");
	fails(t_spawn("member", "primary", NULL), EEXIST, CLOSED);
	fails(t_spawn("member", "auto", NULL), ECONNREFUSED, CLOSED);
	fails(t_spawn("member", "secondary", NULL), ECONNREFUSED, CLOSED);
	m_ask(&a, "ping", "pong");
	m_kill(&a);
	b = m_up("primary");
	CHECK(b.primary);
	m_ask(&b, "droplock", "dropped 1");
	m_ask(&b, "closeall", "closed");
	fails(t_spawn("member", "auto", NULL), ECONNREFUSED, CLOSED);
	m_ask(&b, "leave", "left"); /* it lives on, but is no member */
	a = m_up("auto");
	CHECK(a.primary);
}

TEST(who_adopted_a_group_is_as_hard_to_lose)
{
	struct m a = m_up("primary"), b = m_up("secondary"), c;

	m_sees(&a, "JOIN", &b);
	m_kill(&a);
	m_sees(&b, "DEATH", &a);
	c = m_up("primary");
	m_sees(&b, "PRIMARY", &c);
	m_leave(&b);
	m_sees(&c, "LEAVE", &b);
	m_ask(&c, "closeall", "closed");
	fails(t_spawn("member", "auto", NULL), ECONNREFUSED, CLOSED);
}

TEST(a_secondary_waits_for_a_primary_in_init)
{
	struct m a = m_read(t_spawn("member", "primary", "init=1", NULL)), b;
	struct t_proc *p = t_spawn("member", "secondary", NULL), *late;

	/* one that waits less long is told so */
	late = t_spawn("member", "secondary", "wait=200", NULL);
	fails(late, ETIMEDOUT, "did not finish its init within 200 ms");
	m_ask(&a, "table", "table 1");
	m_ask(&a, "announce", "announced 0");
	b = m_read(p);
	m_sees(&a, "JOIN", &b);
}

TEST(a_secondary_waits_no_longer_than_asked_for_a_primary_stopped_in_init)
{
	struct m a = m_read(t_spawn("member", "primary", "init=1", NULL));

	t_kill(a.p, SIGSTOP);
	fails(t_spawn("member", "secondary", "wait=300", NULL), ETIMEDOUT, "did not finish its init within 300 ms");
	t_kill(a.p, SIGCONT);
}

TEST(a_primary_that_is_stopped_after_init_is_told_as_that)
{
	struct m a = m_up("primary");

	m_until_names("join", 2);
	t_kill(a.p, SIGSTOP);
	fails(t_spawn("member", "secondary", "wait=300", NULL), ETIMEDOUT, "does not answer; is it stopped?");
	fails(t_spawn("member", "auto", "wait=300", NULL), ETIMEDOUT, "does not answer; is it stopped?");
	t_kill(a.p, SIGCONT);
}

TEST(a_secondary_joins_past_a_stopped_member)
{
	struct m a = m_up("primary"), b = m_up("secondary"), c;

	m_sees(&a, "JOIN", &b);
	m_sees(&b, "JOIN", &a);
	t_kill(a.p, SIGSTOP);
	c = m_up("secondary");
	m_sees(&b, "JOIN", &c);
	t_kill(a.p, SIGCONT);
	m_sees(&a, "JOIN", &c);
	m_kill(&c);
	m_sees(&a, "DEATH", &c);
}

TEST(when_a_primary_dies_in_init_the_next_auto_takes_its_place)
{
	struct m a = m_read(t_spawn("member", "primary", "init=1", NULL)), b;
	struct t_proc *p = t_spawn("member", "auto", NULL);

	m_ask(&a, "ping", "pong");
	m_kill(&a);
	b = m_read(p);
	CHECK(b.primary);
	m_ask(&b, "table", "table 1");
}

TEST(a_dead_primary_whose_child_keeps_the_listener_is_in_nobodys_way)
{
	struct m a = m_up("primary"), b;

	m_ask(&a, "rawfork", "child ");
	m_kill(&a);
	b = m_up("primary");
	CHECK(b.primary);
	fails(t_spawn("member", "primary", NULL), EEXIST, "another primary runs in ");
}

/* a DPDK runtime as others see it: its config, locked */
ROLE(dpdk)
{
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = atoi(argv[1]), .l_len = 17408};
	uint32_t magic = 19820526;
	char path[300], line[16];
	int fd;

	snprintf(path, sizeof(path), "%s/dpdk", getenv("RUNTIME_DIRECTORY"));
	mkdir(path, 0700);
	mkdir(m_dir(), 0700);
	snprintf(path, sizeof(path), "%s/config", m_dir());
	fd = open(path, O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0 && ftruncate(fd, 25344) == 0 && pwrite(fd, &magic, 4, 0) == 4);
	CHECK(fcntl(fd, F_SETLK, &fl) == 0);
	t_tell("runs");
	while (t_hear(line, sizeof(line)))
		;
	return 0;
}

static void foreign(const char *offset)
{
	struct t_proc *d = t_spawn("dpdk", offset, NULL);
	struct m a;

	t_expect(d, "runs");
	fails(t_spawn("member", "secondary", NULL), EPROTONOSUPPORT, "a DPDK runtime that is not shoal lives in ");
	fails(t_spawn("member", "primary", NULL), EPROTONOSUPPORT, "a DPDK runtime that is not shoal lives in ");
	fails(t_spawn("member", "auto", NULL), EPROTONOSUPPORT, "a DPDK runtime that is not shoal lives in ");
	/* what it leaves behind is nobody's */
	t_kill(d, SIGKILL);
	t_wait(d);
	fails(t_spawn("member", "secondary", NULL), ENOENT, "no primary in ");
	a = m_up("primary");
	m_ask(&a, "ping", "pong");
}

TEST(a_dpdk_runtime_in_the_directory)
{
	foreign("136");
}

TEST(a_newer_dpdk_runtime_in_the_directory)
{
	foreign("144");
}

TEST(a_real_dpdk_secondary_ends_with_its_own_version_mismatch)
{
	const char *const argv[] = {"/usr/bin/dpdk-proc-info", "--file-prefix", "rte", NULL};
	struct m a;
	struct t_proc *p;

	if (access(argv[0], X_OK) != 0)
		SKIP("no dpdk-proc-info here");
	a = m_up("primary");
	p = t_exec(argv);
	CHECK(t_wait(p) != 0);
	CHECK_HAS(t_stderr(p), "DPDK version mismatch");
	m_ask(&a, "ping", "pong");
	fails(t_spawn("member", "primary", NULL), EEXIST, "another primary runs in ");
}

TEST(a_taken_address_range_is_named)
{
	struct m a, b;

	fails(t_spawn("member", "primary", "block=550000001000", NULL), EEXIST, "--base-virtaddr");
	a = m_read(t_spawn("member", "primary", "base=560000000000", NULL));
	fails(t_spawn("member", "secondary", "block=560000001000", NULL), EEXIST,
	      "is taken in this process by 560000001000-560000002000 (anonymous memory)");
	b = m_read(t_spawn("member", "secondary", "block=550000001000", NULL));
	m_sees(&a, "JOIN", &b);
	m_table(&a, 2);
}

TEST(somebody_elses_directory)
{
	char path[300];

	if (geteuid() != 0)
		SKIP("needs two users");
	CHECK_EQ(chmod(t_tmpdir(), 0755), 0);
	snprintf(path, sizeof(path), "%s/..", t_tmpdir());
	(void)chmod(path, 0755);
	snprintf(path, sizeof(path), "%s/..", getenv("RUNTIME_DIRECTORY"));
	CHECK_EQ(chmod(path, 0755), 0);
	CHECK_EQ(chmod(getenv("RUNTIME_DIRECTORY"), 0755), 0);
	snprintf(path, sizeof(path), "%s/dpdk", getenv("RUNTIME_DIRECTORY"));
	CHECK_EQ(mkdir(path, 0755), 0);
	fails(t_spawn("member", "primary", "uid=65534", NULL), EACCES, "point RUNTIME_DIRECTORY to a directory");
	CHECK_EQ(mkdir(m_dir(), 0755), 0);
	fails(t_spawn("member", "primary", "uid=65534", NULL), EACCES, "belongs to user 0, this is user 65534");
	fails(t_spawn("member", "secondary", "uid=65534", NULL), EACCES, "belongs to user 0, this is user 65534");
}

TEST(another_user_is_let_in_by_name_only)
{
	struct m a, b;
	char path[300];

	if (geteuid() != 0)
		SKIP("needs two users");
	snprintf(path, sizeof(path), "%s/..", getenv("RUNTIME_DIRECTORY"));
	CHECK_EQ(chmod(path, 0755), 0);
	CHECK_EQ(chmod(getenv("RUNTIME_DIRECTORY"), 0755), 0);
	a = m_read(t_spawn("member", "primary", "allow=1", NULL));
	/* the directory lets it look, the kernel's word on who it is does not let it in; it must allow root as well */
	fails(t_spawn("member", "secondary", "uid=2", "allow=0", NULL), EACCES, "does not let user 2 in");
	b = m_read(t_spawn("member", "secondary", "uid=1", "allow=0", NULL));
	m_sees(&a, "JOIN", &b);
	m_kill(&b);
	m_sees(&a, "DEATH", &b);
}

TEST(a_full_table_is_told)
{
	struct m a = m_read(t_spawn("member", "primary", "max=4", NULL)), b[3], c;

	for (unsigned i = 0; i < 3; i++)
		b[i] = m_up("secondary");
	fails(t_spawn("member", "secondary", NULL), ENOSPC, "all 4 places of the member table are taken");
	m_leave(&b[1]);
	c = m_up("secondary");
	CHECK_EQ(c.slot, b[1].slot);
	CHECK(c.gen > b[2].gen);
	m_sees(&a, "LEAVE", &b[1]);
	m_sees(&a, "JOIN", &c);
}

TEST(the_largest_table_when_full_is_told)
{
	struct m a = m_up("primary");
	struct t_proc *p;

	m_ask(&a, "fill", "filled 255");
	p = t_spawn("member", "secondary", NULL);
	fails(p, ENOSPC, "all 256 places of the member table are taken; no group has more, end one of them");
}

TEST(a_long_path_is_told)
{
	char dir[200];

	snprintf(dir, sizeof(dir), "%s/%0100d", t_tmpdir(), 1);
	CHECK_EQ(mkdir(dir, 0700), 0);
	CHECK_EQ(setenv("RUNTIME_DIRECTORY", dir, 1), 0);
	fails(t_spawn("member", "primary", NULL), ENAMETOOLONG, "too long for a socket's name");
}

TEST(alone_has_no_sockets_and_is_primary)
{
	struct m a = m_read(t_spawn("member", "primary", "alone=1", NULL));
	struct m b = m_read(t_spawn("member", "secondary", "alone=1", NULL));
	char path[300];

	CHECK(a.primary && b.primary);
	snprintf(path, sizeof(path), "%s/dpdk", getenv("RUNTIME_DIRECTORY"));
	CHECK(access(path, F_OK) != 0);
	m_leave(&a);
	m_leave(&b);
}

TEST(stale_names_are_swept_by_the_next_primary)
{
	struct m a = m_up("primary"), b = m_up("secondary");

	m_sees(&a, "JOIN", &b);
	m_until_names("join", 3);
	t_kill(b.p, SIGSTOP); /* so that neither cleans up after the other */
	m_kill(&a);
	t_kill(b.p, SIGKILL);
	t_wait(b.p);
	CHECK_EQ(m_names("join"), 3);
	a = m_up("primary");
	m_until_names("join", 2);
}

/* answers every join with a packet of another version */
ROLE(other_version)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct sh_hello h;
	char line[16];
	int s = socket(AF_UNIX, SOCK_SEQPACKET, 0), c;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/join_0_1", m_dir());
	CHECK_EQ(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	CHECK_EQ(listen(s, 8), 0);
	t_tell("runs");
	c = accept(s, NULL, NULL);
	sh_hello_init(&h, SH_HELLO_WELCOME, SH_ID(1, 2));
	h.version++;
	CHECK(read(c, &h, 0) == 0 && write(c, &h, sizeof(h)) == sizeof(h));
	(void)t_hear(line, sizeof(line));
	return 0;
}

TEST(another_layout_is_refused_on_both_sides)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct m a = m_up("primary");
	struct sh_hello h;
	struct t_proc *o;
	int s = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	m_until_names("join", 2);
	snprintf(to.sun_path, sizeof(to.sun_path), "%s/join", m_dir());
	CHECK_EQ(connect(s, (struct sockaddr *)&to, sizeof(to)), 0);
	sh_hello_init(&h, SH_HELLO_JOIN, 0);
	h.fingerprint++;
	snprintf(h.name, sizeof(h.name), "x");
	CHECK_EQ(write(s, &h, sizeof(h)), sizeof(h));
	CHECK_EQ(read(s, &h, sizeof(h)), sizeof(h));
	CHECK_EQ(h.kind, SH_HELLO_REFUSE);
	CHECK_EQ(h.refusal, SH_REFUSE_LAYOUT);
	m_ask(&a, "table", "table 1");
	m_leave(&a);
	o = t_spawn("other_version", NULL);
	t_expect(o, "runs");
	fails(t_spawn("member", "secondary", NULL), EPROTONOSUPPORT, "another version of the library");
}

static void with_limit(int what, rlim_t soft, rlim_t hard, int err, const char *says)
{
	struct rlimit old, l = {soft, hard};
	struct t_proc *p;

	CHECK_EQ(getrlimit(what, &old), 0);
	l.rlim_max = hard < old.rlim_max ? hard : old.rlim_max;
	CHECK_EQ(setrlimit(what, &l), 0);
	p = t_spawn("member", "primary", NULL);
	fails(p, err, says);
}

TEST(too_little_address_space_is_told)
{
	if (T_SANITIZED)
		SKIP("sanitizers take all there is");
	with_limit(RLIMIT_AS, 6 << 20, RLIM_INFINITY, ENOMEM, "ulimit -v");
}

TEST(a_refused_memfd_is_told)
{
	fails(t_spawn("member", "primary", "refuse=memfd", NULL), EPERM, "memfd_create is refused");
}

TEST(without_pidfds_deaths_are_seen_by_hang_up)
{
	struct m a = m_read(t_spawn("member", "primary", "refuse=pidfd", NULL)), b, c;

	CHECK_HAS(t_stderr(a.p), "pidfd_open is refused");
	b = m_read(t_spawn("member", "secondary", "refuse=pidfd", NULL));
	c = m_up("secondary");
	m_sees(&a, "JOIN", &b);
	m_sees(&a, "JOIN", &c);
	m_sees(&c, "JOIN", &a);
	m_kill(&b);
	m_sees(&a, "DEATH", &b);
	m_kill(&a);
	m_sees(&c, "DEATH", &a);
}

TEST(too_few_file_descriptors_are_told)
{
	struct m a = m_up("primary"), b[12];

	fails(t_spawn("member", "secondary", "nofile=10", NULL), EMFILE, "; raise ulimit -n");
	for (unsigned i = 0; i < 12; i++)
		b[i] = m_up("secondary");
	/* 13 members need 39 */
	fails(t_spawn("member", "secondary", "nofile=40", NULL), EMFILE, "out of file descriptors while joining");
	m_table(&a, 13);
	m_ask(&b[11], "ping", "pong");
}

TEST_T(two_hundred_simultaneous_starts_all_succeed, 60)
{
	static struct t_proc *p[200];
	static struct m m[200];
	unsigned primaries = 0;

	for (unsigned i = 0; i < 200; i++)
		p[i] = t_spawn("member", "auto", NULL);
	for (unsigned i = 0; i < 200; i++) {
		m[i] = m_read(p[i]);
		primaries += m[i].primary;
	}
	CHECK_EQ(primaries, 1);
	for (unsigned i = 0; i < 199; i++)
		m_sees(&m[i], "JOIN", &m[199]);
	m_table(&m[0], 200);
	/* everybody hears of the death of one, whoever served it */
	m_kill(&m[199]);
	for (unsigned i = 0; i < 199; i++)
		m_sees(&m[i], "DEATH", &m[199]);
}
