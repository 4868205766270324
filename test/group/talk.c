/* SPDX-License-Identifier: BSD-3-Clause */
/* talk.c - see talk.h */
#include "talk.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *mp_prog(char which)
{
	const char *e = getenv(which == 'A' ? "MEMBER_A" : "MEMBER_B");

	return e != NULL ? e : MEMBER_PROG;
}

static bool place(const char *arg)
{
	return strncmp(arg, "as=", 3) == 0 || strncmp(arg, "ns=", 3) == 0;
}

struct t_proc *mp_spawn(char which, const char *role, const char *const *args)
{
	const char *av[24] = {mp_prog(which)};
	unsigned n = 1, i;

	for (i = 0; args != NULL && args[i] != NULL && place(args[i]); i++)
		av[n++] = args[i];
	av[n++] = "--proc-type";
	av[n++] = role;
	av[n++] = "-l";
	av[n++] = "0";
	for (; args != NULL && args[i] != NULL && n < 23; i++)
		av[n++] = args[i];
	return t_exec(av);
}

struct mp mp_up(struct t_proc *p)
{
	struct mp m = {.p = p};
	char role[16];
	const char *l = t_expect(p, "");

	if (strncmp(l, "skip ", 5) == 0)
		SKIP("%s", l + 5);
	if (sscanf(l, "up %u %15s", &m.slot, role) != 2)
		t_fail(__FILE__, __LINE__, "not an up line: %s; %.900s", l, t_stderr(p));
	m.primary = strcmp(role, "primary") == 0;
	return m;
}

struct mp mp_start(char which, const char *role, const char *const *args)
{
	return mp_up(mp_spawn(which, role, args));
}

void mp_fails(struct t_proc *p, int err, const char *says)
{
	const char *l = t_expect(p, "");
	char want[32];

	if (strncmp(l, "skip ", 5) == 0)
		SKIP("%s", l + 5);
	snprintf(want, sizeof(want), "failed %d", err);
	CHECK_STR(l, want);
	CHECK_EQ(t_wait(p), 1);
	CHECK_HAS(t_stderr(p), says);
}

void mp_sees(struct mp *m, const char *event, const struct mp *who)
{
	char want[32];

	snprintf(want, sizeof(want), "%s %u", event, who->slot);
	/* a slot is a prefix of others: a member is waited for by its whole line */
	while (strcmp(t_expect(m->p, want), want) != 0)
		;
}

void mp_do(struct mp *m, const char *cmd, const char *answer)
{
	const char *word = strchr(answer, ' ');
	char head[32];

	t_say(m->p, cmd);
	snprintf(head, sizeof(head), "%.*s", word != NULL ? (int)(word - answer) : (int)strlen(answer), answer);
	CHECK_STR(t_expect(m->p, head), answer);
}

static bool two(void *arg)
{
	struct mp *m = arg;

	t_say(m->p, "members");
	return atoi(t_expect(m->p, "members ") + 8) == 2;
}

void mp_talk(struct mp *a, struct mp *b)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/file", getenv("RUNTIME_DIRECTORY"));
	f = fopen(path, "w");
	CHECK(f != NULL && fputs("of one file", f) >= 0 && fclose(f) == 0 && chmod(path, 0644) == 0);
	t_until(two, a);
	t_until(two, b);
	mp_do(b, "ask up", "asked 0 0 1 1 up:-");
	mp_do(a, "ask down", "asked 0 0 1 1 down:-");
	mp_do(b, "askfd file", "asked 0 0 1 1 fd:of one file");
	mp_do(a, "askfd file", "asked 0 0 1 1 fd:of one file");
	mp_do(b, "send hello up", "sent 0 0");
	t_expect(a->p, "got hello up");
	mp_do(a, "send hello down", "sent 0 0");
	t_expect(b->p, "got hello down");
	mp_do(b, "read", "no zone");
	mp_do(a, "write by the primary", "wrote");
	mp_do(b, "read", "zone by the primary");
	mp_do(b, "write by the secondary", "wrote");
	mp_do(a, "read", "zone by the secondary");
}

void mp_kill(struct mp *m)
{
	t_kill(m->p, SIGKILL);
	CHECK_EQ(t_wait(m->p), 128 + SIGKILL);
}

void mp_open_dir(int owner)
{
	const char *dir = getenv("RUNTIME_DIRECTORY");
	char path[300];

	if (geteuid() != 0)
		SKIP("needs two users");
	snprintf(path, sizeof(path), "%s/..", dir);
	CHECK_EQ(chmod(path, 0755), 0);
	CHECK_EQ(chmod(dir, 0755), 0);
	CHECK_EQ(chown(dir, (uid_t)owner, (gid_t)owner), 0);
}
