/* SPDX-License-Identifier: BSD-3-Clause */
/* tmp_test.c - several ordinary users whom nothing tells a runtime directory but /tmp: each has a group */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "check.h"

/* a /tmp of our own, or that of another role */
static bool enter(int pid)
{
	char path[64];
	int fd;

	if (pid == 0)
		return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		       mount("none", "/tmp", "tmpfs", 0, "mode=1777") == 0;
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && setns(fd, CLONE_NEWNS) == 0;
}

/* user UID TYPE PID: a program of that user, in the /tmp of the role PID, or with a new one */
ROLE(user)
{
	const uid_t uid = (uid_t)atoi(argv[1]);
	char prog[] = "user", type[64], line[64];
	char *args[] = {prog, type, NULL};

	CHECK_EQ(argc, 4);
	if (!enter(atoi(argv[3]))) {
		t_tell("skip");
		return 0;
	}
	CHECK(unsetenv("RUNTIME_DIRECTORY") == 0 && unsetenv("XDG_RUNTIME_DIR") == 0 && chdir("/") == 0);
	CHECK(setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0);
	snprintf(type, sizeof(type), "--proc-type=%s", argv[2]);
	if (rte_eal_init(2, args) < 0) {
		t_tell("failed %d", rte_errno);
		return 0;
	}
	t_tell("dir %s", rte_eal_get_runtime_dir());
	while (t_hear(line, sizeof(line))) {
		CHECK_EQ(mkdir(line, 0777), 0);
		t_tell("made");
	}
	return rte_eal_cleanup();
}

TEST(each_user_has_a_group_in_tmp)
{
	struct t_proc *one = t_spawn("user", "2001", "primary", "0", NULL), *two, *p;
	const char *said = t_expect(one, "");
	char pid[16];

	if (strcmp(said, "skip") == 0)
		SKIP("no mount namespace to be had");
	CHECK_STR(said, "dir /tmp/dpdk/rte"); /* as DPDK has it */
	snprintf(pid, sizeof(pid), "%d", (int)one->pid);
	two = t_spawn("user", "2002", "primary", pid, NULL);
	CHECK_STR(t_expect(two, ""), "dir /tmp/shoal-2002/dpdk/rte");
	CHECK_STR(t_expect(t_spawn("user", "2002", "secondary", pid, NULL), ""), "dir /tmp/shoal-2002/dpdk/rte");
	CHECK_STR(t_expect(t_spawn("user", "2001", "secondary", pid, NULL), ""), "dir /tmp/dpdk/rte");
	p = t_spawn("user", "2003", "secondary", pid, NULL);
	CHECK_STR(t_expect(p, ""), "failed 2");
	CHECK_HAS(t_stderr(p), "no primary in /tmp/shoal-2003/dpdk/rte");
	/* what another user has made is not trusted */
	t_say(one, "/tmp/shoal-2004");
	t_expect(one, "made");
	p = t_spawn("user", "2004", "primary", pid, NULL);
	CHECK_STR(t_expect(p, ""), "failed 13");
	CHECK_HAS(t_stderr(p), "is not this user's alone");
}
