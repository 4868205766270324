/* SPDX-License-Identifier: BSD-3-Clause */
/* member.c - the role "member" and how a test talks to it; see member.h. */
#include "member.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "member_do.h"
#include "proc/opts.h"

static void on_event(void *arg, enum sh_event ev, sh_id_t id)
{
	static const char *const name[] = {"JOIN", "LEAVE", "DEATH", "DISCONNECT", "PRIMARY"};

	if (ev != SH_EV_LOOK)
		t_tell("%s %u %u", name[ev], sh_id_slot(id), sh_id_gen(id));
}

static void set(struct sh_opts *o, bool *init, const char *kv)
{
	const char *v = strchr(kv, '=') + 1;

	if (strncmp(kv, "max=", 4) == 0)
		o->max_members = (unsigned)atoi(v);
	else if (strncmp(kv, "wait=", 5) == 0)
		o->join_timeout_ms = (unsigned)atoi(v);
	else if (strncmp(kv, "base=", 5) == 0)
		o->base_virtaddr = strtoull(v, NULL, 16);
	else if (strncmp(kv, "allow=", 6) == 0)
		o->allow_uid[o->n_allow_uid++] = (uid_t)atoi(v);
	else if (strncmp(kv, "prefix=", 7) == 0)
		snprintf(o->prefix, sizeof(o->prefix), "%s", v);
	else if (strncmp(kv, "alone=", 6) == 0)
		o->no_shconf = true;
	else if (strncmp(kv, "init=", 5) == 0)
		*init = true;
	else if (strncmp(kv, "ns=", 3) == 0)
		member_in_namespace(v);
	else if (strncmp(kv, "refuse=", 7) == 0)
		member_refuse(v);
	else if (strncmp(kv, "nofile=", 7) == 0)
		member_nofile((unsigned)atoi(v));
	else if (strncmp(kv, "block=", 6) == 0)
		member_block(strtoull(v, NULL, 16));
	else if (strncmp(kv, "uid=", 4) == 0 && setuid((uid_t)atoi(v)) != 0)
		abort();
}

ROLE(member)
{
	static struct sh_opts o = {.prefix = "rte", .max_members = 256, .join_timeout_ms = 10000};
	bool stay = false;
	char line[256];
	int err;

	o.role = strcmp(argv[1], "primary") == 0     ? SH_ROLE_PRIMARY
		 : strcmp(argv[1], "secondary") == 0 ? SH_ROLE_SECONDARY
						     : SH_ROLE_AUTO;
	for (int i = 2; i < argc; i++)
		set(&o, &stay, argv[i]);
	err = sh_proc_start(&o);
	if (err == 0)
		err = sh_on_event(on_event, NULL);
	member_up();
	if (err == 0) /* said before announce, so that every event comes after it */
		t_tell("up %u %u %s", sh_id_slot(sh_self()), sh_id_gen(sh_self()),
		       sh_is_primary() ? "primary" : "secondary");
	if (err == 0 && !stay)
		err = sh_proc_announce();
	if (err != 0) {
		t_tell("failed %d", -err);
		return 1;
	}
	while (t_hear(line, sizeof(line))) {
		if (strcmp(line, "announce") == 0) {
			err = sh_proc_announce();
			t_tell("announced %d", err);
		} else if (strcmp(line, "leave") == 0) {
			sh_proc_retire();
			sh_proc_stop();
			t_tell("left");
		} else if (strcmp(line, "again") == 0) {
			err = sh_proc_start(&o);
			if (err == 0)
				err = sh_on_event(on_event, NULL);
			t_tell("up %u %u %s", sh_id_slot(sh_self()), sh_id_gen(sh_self()),
			       sh_is_primary() ? "primary" : "secondary");
			if (err == 0)
				err = sh_proc_announce();
			if (err != 0)
				t_tell("failed %d", -err);
		} else if (strcmp(line, "exit") == 0) {
			exit(0);
		} else {
			member_do(line);
		}
	}
	return 0;
}

struct m m_read(struct t_proc *p)
{
	char role[16];
	struct m m = {.p = p};
	const char *l = t_expect(p, "up ");

	if (sscanf(l, "up %u %u %15s", &m.slot, &m.gen, role) != 3)
		t_fail(__FILE__, __LINE__, "not an up line: %s", l);
	m.primary = strcmp(role, "primary") == 0;
	return m;
}

struct m m_up(const char *role)
{
	return m_read(t_spawn("member", role, NULL));
}

void m_sees(struct m *m, const char *event, const struct m *who)
{
	char want[64];

	snprintf(want, sizeof(want), "%s %u %u", event, who->slot, who->gen);
	t_expect(m->p, want);
}

void m_ask(struct m *m, const char *cmd, const char *answer)
{
	t_say(m->p, cmd);
	t_expect(m->p, answer);
}

struct table {
	struct m *m;
	unsigned n;
};

static bool table_has(void *arg)
{
	struct table *t = arg;

	t_say(t->m->p, "table");
	return (unsigned)atoi(t_expect(t->m->p, "table ") + 6) == t->n;
}

void m_table(struct m *m, unsigned n)
{
	struct table t = {m, n};

	t_until(table_has, &t);
}

void m_leave(struct m *m)
{
	m_ask(m, "leave", "left");
	t_say(m->p, "exit");
	CHECK_EQ(t_wait(m->p), 0);
}

void m_kill(struct m *m)
{
	t_kill(m->p, SIGKILL);
	CHECK_EQ(t_wait(m->p), 128 + SIGKILL);
}

const char *m_dir(void)
{
	static char dir[256];

	snprintf(dir, sizeof(dir), "%s/dpdk/rte", getenv("RUNTIME_DIRECTORY"));
	return dir;
}

unsigned m_names(const char *prefix)
{
	DIR *d = opendir(m_dir());
	struct dirent *e;
	unsigned n = 0;

	CHECK(d != NULL);
	while ((e = readdir(d)) != NULL)
		n += strncmp(e->d_name, prefix, strlen(prefix)) == 0 && e->d_name[0] != '.';
	closedir(d);
	return n;
}

struct names {
	const char *prefix;
	unsigned n;
};

static bool names_are(void *arg)
{
	const struct names *w = arg;

	return m_names(w->prefix) == w->n;
}

void m_until_names(const char *prefix, unsigned n)
{
	struct names w = {prefix, n};

	t_until(names_are, &w);
}
