/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tmp_test.c - several ordinary users whom nothing tells a runtime directory but /tmp: each has a group; and users who are root in a
 * user namespace
 */
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

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		(void)close(fd);
	return done;
}

/* a user namespace whose root is this user */
static bool be_root(void)
{
	unsigned uid = geteuid();
	char map[32];

	snprintf(map, sizeof(map), "0 %u 1", uid);
	return unshare(CLONE_NEWUSER) == 0 && write_text("/proc/self/uid_map", map);
}

/* rooted TYPE HOW: of an ordinary user; HOW is in: in a namespace whose root he is. Told where to by XDG_RUNTIME_DIR */
ROLE(rooted)
{
	char prog[] = "rooted", type[64], line[64];
	char *args[] = {prog, type, NULL};

	CHECK_EQ(argc, 3);
	CHECK_EQ(unsetenv("RUNTIME_DIRECTORY"), 0);
	if (geteuid() == 0) {
		CHECK(chown(getenv("XDG_RUNTIME_DIR"), 2001, 2001) == 0 && chdir("/") == 0);
		CHECK(setresgid(2001, 2001, 2001) == 0 && setresuid(2001, 2001, 2001) == 0);
		CHECK_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
	}
	if (strcmp(argv[2], "in") == 0 && !be_root()) {
		t_tell("skip");
		return 0;
	}
	if (access("/var/run", W_OK) == 0) {
		t_tell("skip");
		return 0;
	}
	snprintf(type, sizeof(type), "--proc-type=%s", argv[1]);
	if (rte_eal_init(2, args) < 0) {
		t_tell("failed %d", rte_errno);
		return 0;
	}
	t_tell("uid %u, %s", (unsigned)geteuid(), rte_eal_get_runtime_dir());
	while (t_hear(line, sizeof(line)))
		;
	return rte_eal_cleanup();
}

/* /var/run is not his: a program has what XDG_RUNTIME_DIR says, as outside */
TEST(root_of_a_namespace_has_the_users_directory)
{
	char dir[200], want[300];
	const char *said;

	snprintf(dir, sizeof(dir), "%s/xdg", t_tmpdir());
	CHECK_EQ(mkdir(dir, 0700), 0);
	for (char *up = dir + 1; geteuid() == 0 && (up = strchr(up, '/')) != NULL;
	     up++) { /* those of ours: may be entered */
		*up = '\0';
		if (strlen(dir) > strlen("/tmp"))
			(void)chmod(dir, 0755);
		*up = '/';
	}
	CHECK_EQ(setenv("XDG_RUNTIME_DIR", dir, 1), 0);
	snprintf(want, sizeof(want), "uid 0, %s/dpdk/rte", dir);
	said = t_expect(t_spawn("rooted", "primary", "in", NULL), "");
	if (strcmp(said, "skip") == 0)
		SKIP("no user namespaces here, or everybody may write /var/run");
	CHECK_STR(said, want);
	CHECK_STR(t_expect(t_spawn("rooted", "secondary", "in", NULL), ""), want);
	/* a namespace of its own for each of them, and one outside: one group */
	CHECK_HAS(t_expect(t_spawn("rooted", "secondary", "out", NULL), ""), want + strlen("uid 0"));
}
