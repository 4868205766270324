/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proc.c - the room's life: start, announce, retire, stop; and what a forked child keeps
 *
 * A forked child has a copy of everything private, but it is nobody: the identity page reads zero there. It keeps no end of
 * what others take for a sign of the member's life: the listener and the pipe's write end are closed in it.
 */
#include "proc/priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"

#define OVERFLOW_UID 65534u
#define FDS_LONE 31u /* what a program without files needs for a group of one, and some for those who knock */

struct sh_proc *sh_proc_of(void)
{
	return sh_ctx.proc;
}

struct sh_region *sh_region(void)
{
	return sh_ctx.proc != NULL ? sh_ctx.proc->r : NULL;
}

int sh_group_fd(enum sh_group_fd which)
{
	return sh_ctx.proc != NULL ? sh_ctx.proc->gfd[which] : -1;
}

const char *sh_rundir(void)
{
	return sh_ctx.proc != NULL ? sh_ctx.proc->dir : "";
}

bool sh_uid_allowed(uint32_t uid)
{
	const struct sh_proc *p = sh_ctx.proc;

	if (p == NULL)
		return false;
	for (unsigned i = 0; i < p->o.n_allow_uid; i++)
		if (p->o.allow_uid[i] == uid)
			return true;
	/* whom this user namespace has no number for looks like 65534: not to be taken for this user */
	return uid == geteuid() && (uid != OVERFLOW_UID || p->all_uids_mapped);
}

/* does every uid have a number here, so that 65534 is a user like any other? */
static bool all_uids_mapped(void)
{
	unsigned long in = 1, out = 1, n = 0;
	FILE *f = fopen("/proc/self/uid_map", "re");

	if (f == NULL)
		return false;
	if (fscanf(f, "%lu %lu %lu", &in, &out, &n) != 3)
		n = 0;
	fclose(f);
	return in == 0 && out == 0 && n == 4294967295ul;
}

/* ---- my own fds ---- */

static void own_add(struct sh_proc *p, int fd)
{
	struct stat st;

	if (fd >= 0 && p->n_own < SH_OWN && fstat(fd, &st) == 0)
		p->own[p->n_own++] = (struct sh_own){fd, st.st_dev, st.st_ino};
}

bool sh_own_is(const struct sh_proc *p, int fd)
{
	struct stat st;

	for (unsigned i = 0; i < p->n_own; i++)
		if (p->own[i].fd == fd) {
			if (fstat(fd, &st) <
			    0) /* open, but nobody says what it is: a leave that gave it up would hang */
				return errno != EBADF;
			return st.st_dev == p->own[i].dev && st.st_ino == p->own[i].ino;
		}
	return fd >= 0;
}

void sh_own_close(struct sh_proc *p, int *fd)
{
	if (!sh_own_is(p, *fd))
		*fd = -1;
	sh_close(fd);
}

bool sh_fds_lost(const struct sh_proc *p)
{
	return !sh_own_is(p, p->kick) || !sh_own_is(p, p->kick_wr) || !sh_own_is(p, p->ep);
}

bool sh_fds_gone(void)
{
	return sh_ctx.proc != NULL && sh_fds_lost(sh_ctx.proc);
}

bool sh_was_primary(void)
{
	return sh_here(sh_ctx.proc) ? sh_is_primary() : sh_ctx.proc != NULL && sh_ctx.proc->primary;
}

/* all that live as long as the room. Those of others' cards and of connections are closed when sh_fds_lost() says no. */
static void own_all(struct sh_proc *p)
{
	const int fd[] = {p->ep,    p->kick,   p->kick_wr,   p->cfg,	  p->lsn,
			  p->spare, p->hup_wr, p->mine.live, p->mine.hup, p->mine.pidfd};

	for (unsigned i = 0; i < sizeof(fd) / sizeof(fd[0]); i++)
		own_add(p, fd[i]);
	for (unsigned i = 0; i < SH_GROUP_FDS; i++)
		own_add(p, p->gfd[i]);
}

/* ---- fork ---- */

static void in_child(void)
{
	struct sh_proc *p = sh_ctx.proc;

	if (p == NULL || sh_here(p))
		return;
	sh_own_close(p, &p->lsn);
	sh_own_close(p, &p->hup_wr);
	sh_close(&p->alive);
}

static void guard_fork(void)
{
	static _Atomic bool once;

	if (!sh_xchg(&once, true))
		(void)pthread_atfork(NULL, NULL, in_child);
}

static int ident_make(struct sh_proc *p)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *at = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED || madvise(at, page, MADV_WIPEONFORK) != 0) {
		int err = -errno;

		sh_err("cannot make the identity page: %s; raise ulimit -v to %llu KiB, a kernel of at least 4.14 is "
		       "needed",
		       strerror(-err), (unsigned long long)sh_as_need_kib(SH_REGION_ROOM));
		if (at != MAP_FAILED)
			munmap(at, page);
		return err;
	}
	p->ident = at;
	p->ident->here = 1;
	return 0;
}

/* ---- birth ---- */

static struct sh_proc *make(const struct sh_opts *o)
{
	struct sh_proc *p = calloc(1, sizeof(*p));
	pthread_condattr_t ca;

	if (p == NULL)
		return NULL;
	p->o = *o;
	if (p->o.max_members == 0 || p->o.max_members > SH_MEMBERS)
		p->o.max_members = SH_MEMBERS;
	if (p->o.join_timeout_ms == 0)
		p->o.join_timeout_ms = 10000;
	p->alone = o->no_shconf || o->in_memory;
	p->all_uids_mapped = all_uids_mapped();
	p->cfg = p->alive = p->hup_wr = p->lsn = p->spare = p->ep = p->kick = p->kick_wr = -1;
	p->mine = (struct sh_card){-1, -1, -1};
	for (unsigned i = 0; i < SH_GROUP_FDS; i++)
		p->gfd[i] = -1;
	for (unsigned i = 0; i < SH_MEMBERS; i++)
		p->peers[i].card = (struct sh_card){-1, -1, -1};
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&ca);
	pthread_condattr_setclock(&ca, CLOCK_MONOTONIC);
	pthread_cond_init(&p->idle, &ca);
	pthread_condattr_destroy(&ca);
	return p;
}

/* three fds for each other member; the hard limit is ours to use */
static void raise_nofile(struct sh_proc *p)
{
	rlim_t need = 3ull * p->o.max_members + 64;
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return;
	if (l.rlim_cur < l.rlim_max) {
		p->nofile_was = l.rlim_cur;
		p->nofile_set = l.rlim_cur = l.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &l);
		(void)getrlimit(RLIMIT_NOFILE, &l);
	}
	if (l.rlim_cur < FDS_LONE)
		sh_warn("ulimit -n is %llu: hardly enough to start, a member needs about %u: raise it",
			(unsigned long long)l.rlim_cur, FDS_LONE);
	else if (l.rlim_cur < need && !p->alone)
		sh_warn("ulimit -n is %llu: enough for about %llu members; a full group of %u needs %llu, raise it or "
			"lower --max-members",
			(unsigned long long)l.rlim_cur, (unsigned long long)(1 + (l.rlim_cur - FDS_LONE) / 3),
			p->o.max_members, (unsigned long long)need);
}

/* as it was, unless somebody else has set it meanwhile */
static void restore_nofile(const struct sh_proc *p)
{
	struct rlimit l;

	if (p->nofile_set == 0 || getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur != p->nofile_set)
		return;
	l.rlim_cur = SH_MIN(p->nofile_was, l.rlim_max);
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

static int start_alone(struct sh_proc *p)
{
	int err = sh_region_make(p);

	if (err == 0 && !sh_word_move(p, p->id, SH_JOINING, SH_INIT))
		err = -EPROTO;
	p->primary = true;
	return err;
}

static int start(struct sh_proc *p)
{
	int err = ident_make(p);

	if (err != 0)
		return err;
	sh_ctx.proc = p;
	sh_ctx.self = &p->ident->id;
	guard_fork();
	raise_nofile(p);
	err = sh_watcher_open(p);
	if (err == 0)
		err = sh_card_make(p);
	if (err == 0 && !p->alone)
		err = sh_rundir_open(p);
	if (err != 0)
		return err;
	err = p->alone ? start_alone(p) : sh_role_settle(p);
	if (err != 0)
		return err;
	p->ident->id = p->id;
	SH_STEP("start_init");
	if (!p->alone) {
		err = sh_listen_start(p);
		if (err != 0)
			return err;
	}
	own_all(p);
	return sh_watcher_start(p);
}

/* a forked child starts anew: what it inherited is closed, nothing shared is touched */
static void forget(struct sh_proc *p)
{
	bool lost = sh_fds_lost(p);

	for (unsigned i = 0; i < SH_MEMBERS && !lost; i++)
		sh_card_close(&p->peers[i].card);
	for (struct sh_conn *c = p->conns, *next; c != NULL; c = next) {
		next = c->next;
		if (!lost)
			sh_close(&c->fd);
		free(c);
	}
	sh_own_close(p, &p->mine.live);
	sh_own_close(p, &p->mine.hup);
	sh_own_close(p, &p->mine.pidfd);
	sh_own_close(p, &p->hup_wr);
	sh_own_close(p, &p->lsn);
	sh_own_close(p, &p->spare);
	sh_own_close(p, &p->cfg);
	if (!lost) { /* an epoll has no inode of its own: only with the others it is known to be mine */
		sh_close(&p->ep);
		sh_close(&p->kick);
		sh_close(&p->kick_wr);
	}
	sh_region_drop(p);
	if (p->ident != NULL)
		munmap(p->ident, (size_t)sysconf(_SC_PAGESIZE));
	free(p->watch);
	free(p);
	sh_ctx.proc = NULL;
	sh_ctx.self = NULL;
}

int sh_proc_start(const struct sh_opts *o)
{
	struct sh_proc *p = sh_ctx.proc;
	int err;

	if (p != NULL && sh_here(p))
		return -EALREADY;
	if (p != NULL)
		forget(p);
	p = make(o);
	if (p == NULL) {
		sh_err("no memory for the state of a member: raise ulimit -v to %llu KiB, or the cgroup's limit",
		       (unsigned long long)sh_as_need_kib(SH_REGION_ROOM));
		return -ENOMEM;
	}
	err = start(p);
	if (err == 0)
		return 0;
	if (sh_ctx.proc == p)
		sh_proc_stop();
	else
		free(p);
	return err;
}

/* ---- life ---- */

int sh_proc_announce(void)
{
	struct sh_proc *p = sh_ctx.proc;
	struct sh_member *m;

	if (!sh_here(p) || p->id == 0)
		return -EPERM;
	m = sh_member_of(p, p->id);
	p->told_primary = sh_primary_id();
	if (sh_is_primary())
		p->told_primary = p->id;
	sh_store_rel(&m->ready_ns, sh_now_ns()); /* published by the word */
	SH_STEP("announce");
	sh_born_skip(p);
	sh_born_set(p, false);
	sh_store_rel(&p->announced, true); /* R:ANNOUNCED before the watcher may be told to scan */
	if (!sh_word_move(p, p->id, SH_INIT, SH_ACTIVE)) {
		sh_err("this member's place in the group was taken back: it was thought dead; start again");
		return -ESTALE;
	}
	SH_STEP("announce_active");
	if (!p->alone) {
		if (sh_is_primary())
			sh_join_name_set(p);
		SH_STEP("announce_named");
		sh_send_cards(p);
	}
	sh_kick(p);
	return 0;
}

/* without the pipe nobody is woken by my leaving */
static void tell_look(struct sh_proc *p)
{
	for (unsigned i = 0; i < p->r->max_members; i++) {
		sh_id_t id = sh_member_at(i, NULL);

		if (id != p->id)
			sh_send_look(p, id, p->id);
	}
}

void sh_proc_retire(void)
{
	struct sh_proc *p = sh_ctx.proc;
	struct sh_member *m;

	if (!sh_here(p) || p->id == 0 || sh_load_acq(&p->leaving)) /* A:LEAVING */
		return;
	m = sh_member_of(p, p->id);
	sh_store_rel(&p->leaving, true); /* R:LEAVING */
	/* "it left", for who has no card of mine; who was never ACTIVE was never there */
	if (sh_load_acq(&m->ready_ns) != 0)
		sh_store_rel(&m->ready_ns, UINT64_MAX);
	if (sh_load_acq(&p->announced)) /* A:ANNOUNCED */
		sh_born_set(p, true);
	if (!p->alone) /* before others can see that I leave: the caretaker sets the name for itself then */
		sh_join_name_drop(p);
	(void)(sh_word_move(p, p->id, SH_ACTIVE, SH_LEAVING) || sh_word_move(p, p->id, SH_INIT, SH_LEAVING));
	SH_STEP("retire_leaving");
	if (sh_own_is(p, p->hup_wr) && sh_own_is(p, p->mine.hup)) /* else they have hung up already */
		while (write(p->hup_wr, "L", 1) < 0 && errno == EINTR)
			;
	else
		tell_look(p);
	SH_STEP("retire_told");
	if (!p->alone)
		sh_listen_end(p);
	SH_STEP("retire_unlinked");
}

void sh_proc_stop(void)
{
	struct sh_proc *p = sh_ctx.proc;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!sh_here(p))
		return;
	if (p->r != NULL && p->id != 0)
		sh_proc_retire();
	sh_watcher_stop(p);
	if (p->r != NULL && p->id != 0) {
		sh_conns_close(p);
		SH_STEP("stop");
		(void)(sh_word_move(p, p->id, SH_LEAVING, SH_FREE) || sh_word_move(p, p->id, SH_JOINING, SH_FREE));
		SH_STEP("stop_free");
	}
	for (unsigned i = 0; i < SH_MEMBERS; i++)
		sh_peer_drop(p, i);
	sh_listen_stop(p);
	sh_ctx.self = NULL;
	sh_region_drop(p);
	SH_STEP("stop_dropped");
	sh_card_unmake(p);
	sh_alive_drop(p);
	sh_own_close(p, &p->cfg); /* the lock goes with it */
	sh_own_close(p, &p->spare);
	if (!sh_fds_lost(p)) {
		sh_close(&p->ep);
		sh_close(&p->kick);
		sh_close(&p->kick_wr);
	}
	munmap(p->ident, page);
	restore_nofile(p);
	sh_ctx.proc = NULL;
	if (p->lost)
		return;
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->idle);
	free(p->watch);
	free(p);
}
