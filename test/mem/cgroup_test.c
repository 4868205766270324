/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cgroup_test.c - a real cgroup with a limit: memory ends in NULL and ENOMEM in a group that goes on, and nobody is killed,
 * whether one member takes all of it or all take at once
 *
 * Both versions, each where this machine has its memory controller there and we may make a cgroup; else it is said why not.
 * limit_test.c has the files of both made up, so what is read in them is tested everywhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#include "check.h"

#define MIB (1ull << 20)
#define LIMIT (128 * MIB)
#define BLOCK (4 * MIB)
#define SMALL (256 * 1024)
#define CROWD 4
#define GROUPS 8

/* ---- a member: it joins when it is told to, and takes what it can ---- */

ROLE(m)
{
	char prog[] = "m", type[32], lcores[] = "--lcores=0@0", huge[] = "--huge=never", decay[] = "--mem-decay=0";
	char prefix[48], *av[] = {prog, type, lcores, huge, decay, prefix, NULL}, line[64];
	static void *b[64], *small[LIMIT / SMALL];
	int n = 0, k = 0;

	t_tell("here");
	CHECK(t_hear(line, sizeof(line)));
	snprintf(type, sizeof(type), "--proc-type=%s", argv[1]);
	snprintf(prefix, sizeof(prefix), "--file-prefix=%s", argv[2]);
	CHECK(rte_eal_init(6, av) >= 0);
	t_tell("up");
	while (t_hear(line, sizeof(line))) {
		if (strcmp(line, "take") == 0) {
			for (; n < 64 && (b[n] = rte_malloc(NULL, BLOCK, 0)) != NULL; n++)
				memset(b[n], n, BLOCK);
			t_tell("took %d, %d", n, n < 64 ? rte_errno : 0);
		} else if (strcmp(line, "give") == 0) {
			for (int i = 0; i < n; i++) {
				CHECK_EQ(((unsigned char *)b[i])[BLOCK - 1], i);
				rte_free(b[i]);
			}
			n = 0;
			t_tell("gave");
		} else if (strcmp(line, "take small") == 0) {
			for (; k < (int)(LIMIT / SMALL) && (small[k] = rte_malloc(NULL, SMALL, 0)) != NULL; k++)
				;
			t_tell("took %d, %d", k, k < (int)(LIMIT / SMALL) ? rte_errno : 0);
		} else if (strcmp(line, "give small") == 0) {
			while (k > 0)
				rte_free(small[--k]);
			t_tell("gave");
		} else if (strcmp(line, "one") == 0) {
			void *one = rte_malloc(NULL, BLOCK, 0);

			t_tell("one %d", one != NULL);
			rte_free(one);
		}
	}
	return rte_eal_cleanup();
}

/* ---- a cgroup of two levels: the limit is on the upper one, members are in the lower one ---- */

static bool put(const char *dir, const char *file, const char *text)
{
	char path[700];
	int fd;
	bool ok;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* a line of a file that begins with key; the first one for "" */
static bool get(const char *dir, const char *file, const char *key, char *line, size_t cap)
{
	char path[700];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "re");
	while (f != NULL && !found && fgets(line, (int)cap, f) != NULL)
		found = strncmp(line, key, strlen(key)) == 0;
	if (f != NULL)
		fclose(f);
	line[found ? strcspn(line, "\n") : 0] = '\0';
	return found;
}

/* where the hierarchy with the memory controller is mounted */
static bool mounted(bool v2, char *at, size_t cap)
{
	char line[1024], dir[512], type[64], opts[512];
	bool found = false;
	FILE *f = fopen("/proc/self/mountinfo", "re");

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
		const char *rest = strstr(line, " - ");

		if (rest == NULL || sscanf(line, "%*s %*s %*s %*s %511s", dir) != 1 ||
		    sscanf(rest, " - %63s %*s %511s", type, opts) != 2 || strncmp(dir, "/sys/fs/cgroup", 14) != 0)
			continue;
		if (v2)
			found = strcmp(type, "cgroup2") == 0 &&
				get(dir, "cgroup.controllers", "", line, sizeof(line)) && strstr(line, "memory");
		else
			found = strcmp(type, "cgroup") == 0 && strstr(opts, "memory") != NULL;
	}
	if (f != NULL)
		fclose(f);
	snprintf(at, cap, "%s", dir);
	return found;
}

struct cgroup {
	char upper[560], lower[600];
	bool v2;
};

static void unmake(const struct cgroup *c)
{
	(void)rmdir(c->lower);
	(void)rmdir(c->upper);
}

static void make(struct cgroup *c, bool v2)
{
	char root[512], limit[32];
	bool ok;

	if (geteuid() != 0)
		SKIP("only root can make a cgroup");
	if (!mounted(v2, root, sizeof(root)))
		SKIP("no cgroup hierarchy of version %d has the memory controller on this machine", v2 ? 2 : 1);
	c->v2 = v2;
	snprintf(c->upper, sizeof(c->upper), "%s/shoal-test-%d", root, (int)getpid());
	snprintf(c->lower, sizeof(c->lower), "%s/members", c->upper);
	snprintf(limit, sizeof(limit), "%llu", LIMIT);
	ok = !v2 || put(root, "cgroup.subtree_control", "+memory");
	ok = ok && mkdir(c->upper, 0755) == 0 && mkdir(c->lower, 0755) == 0;
	ok = ok && put(c->upper, v2 ? "memory.max" : "memory.limit_in_bytes", limit);
	if (!ok) {
		int err = errno;

		unmake(c);
		SKIP("cannot make a cgroup with a limit in %s: %s", root, strerror(err));
	}
	(void)put(c->upper, "memory.use_hierarchy", "1"); /* version 1 of old; else it is so anyway */
}

static struct t_proc *member_of(const struct cgroup *c, const char *type, const char *group)
{
	struct t_proc *p = t_spawn("m", type, group, NULL);
	char pid[16];

	t_expect(p, "here");
	snprintf(pid, sizeof(pid), "%d", (int)p->pid);
	CHECK(put(c->lower, "cgroup.procs", pid));
	t_say(p, "join");
	t_expect(p, "up");
	return p;
}

static struct t_proc *member(const struct cgroup *c, const char *type)
{
	return member_of(c, type, "one");
}

static void nobody_was_killed(const struct cgroup *c)
{
	char line[64];

	/* version 2 counts what happened below, version 1 each by itself */
	if (get(c->v2 ? c->upper : c->lower, c->v2 ? "memory.events" : "memory.oom_control", "oom_kill ", line,
		sizeof(line)))
		CHECK_STR(line, "oom_kill 0");
}

static int took(struct t_proc *p)
{
	int n = -1, err = 0;

	t_say(p, "take");
	CHECK_EQ(sscanf(t_expect(p, "took"), "took %d, %d", &n, &err), 2);
	CHECK_EQ(err, ENOMEM);
	return n;
}

static void order(struct t_proc *p, const char *cmd, const char *answer)
{
	t_say(p, cmd);
	CHECK_STR(t_expect(p, ""), answer);
}

static void end(struct t_proc *p)
{
	close(p->in);
	p->in = -1;
	CHECK_EQ(t_wait(p), 0);
}

static void to_the_limit(bool v2)
{
	struct t_proc *p, *s;
	struct cgroup c;
	int n, again;

#if T_SANITIZED
	SKIP("a sanitizer's own memory counts in the cgroup");
#endif
	make(&c, v2);
	p = member(&c, "primary");
	s = member(&c, "secondary");
	n = took(s);
	/* not above the limit, and not far below: what programs need themselves and the margin of a twentieth */
	CHECK(n >= (int)(LIMIT / 2 / BLOCK) && n <= (int)((LIMIT - LIMIT / 20) / BLOCK));
	order(p, "one", "one 0");
	order(s, "give", "gave");
	order(p, "one", "one 1");
	again = took(p);
	CHECK(again >= n - 2 && again <= n + 2);
	order(p, "give", "gave");
	nobody_was_killed(&c);
	end(s);
	end(p);
	unmake(&c);
}

static uint64_t bytes(const char *dir, const char *file, const char *key)
{
	char line[64];

	CHECK(get(dir, file, key, line, sizeof(line)));
	return strtoull(line + strlen(key), NULL, 10);
}

/* half of the margin at least, which is for others: what many take on one look has its place in the other half */
static void margin_is_left(const struct cgroup *c)
{
	uint64_t used = bytes(c->upper, c->v2 ? "memory.current" : "memory.usage_in_bytes", "");
	uint64_t files = bytes(c->upper, "memory.stat", c->v2 ? "inactive_file " : "total_inactive_file ") +
			 bytes(c->upper, "memory.stat", c->v2 ? "active_file " : "total_active_file ");

	if (used - files > LIMIT - LIMIT / 40)
		t_fail(__FILE__, __LINE__, "%llu KiB of a limit of %llu KiB are taken",
		       (unsigned long long)(used - files) >> 10, LIMIT >> 10);
}

/* each of them sees the same room, before any of the others has taken it */
static void crowd(bool v2, int n_groups, int n_members)
{
	static const char *const group[] = {"one", "two", "three", "four", "five", "six", "seven", "eight"};
	int n = n_groups * n_members;
	struct t_proc *p[GROUPS > CROWD ? GROUPS : CROWD];
	struct cgroup c;

#if T_SANITIZED
	SKIP("a sanitizer's own memory counts in the cgroup");
#endif
	make(&c, v2);
	for (int i = 0; i < n; i++)
		p[i] = member_of(&c, i < n_groups ? "primary" : "secondary", group[i % n_groups]);
	for (int round = 0; round < 12; round++) {
		int all = 0;

		for (int i = 0; i < n; i++)
			t_say(p[i], "take small");
		for (int i = 0; i < n; i++) {
			int k = -1, err = 0;

			CHECK_EQ(sscanf(t_expect(p[i], "took"), "took %d, %d", &k, &err), 2);
			CHECK_EQ(err, ENOMEM);
			all += k;
		}
		/* several groups may take some of the margin, which is there for that */
		CHECK(all >= (int)(LIMIT / 2 / SMALL));
		CHECK(all <= (int)((n_groups > 1 ? LIMIT : LIMIT - LIMIT / 20) / SMALL));
		margin_is_left(&c);
		for (int i = 0; i < n; i++)
			t_say(p[i], "give small");
		for (int i = 0; i < n; i++)
			CHECK_STR(t_expect(p[i], ""), "gave");
	}
	nobody_was_killed(&c);
	for (int i = n; i-- > 0;)
		end(p[i]);
	unmake(&c);
}

static void all_at_once(bool v2)
{
	crowd(v2, 1, CROWD);
}

TEST(version_1_limits_above_the_members_are_kept)
{
	to_the_limit(false);
}

TEST(version_1_all_members_grow_at_once)
{
	all_at_once(false);
}

/* groups do not know of one another: what they take at once is within what each leaves alone */
TEST(version_1_groups_grow_at_once)
{
	crowd(false, 2, 1);
	crowd(false, GROUPS, 1);
}

TEST(version_2_groups_grow_at_once)
{
	crowd(true, 2, 1);
	crowd(true, GROUPS, 1);
}

TEST(version_2_all_members_grow_at_once)
{
	all_at_once(true);
}

TEST(version_2_limits_above_the_members_are_kept)
{
	to_the_limit(true);
}
