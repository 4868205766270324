/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * member_api.c - shoal_member_*: the member table and its events, for programs
 *
 * The callbacks lie in sh_proc.cbs, under sh_proc.lock; the watcher calls a copy of each pair without the lock and notes
 * which one in cb_running, so that unregister can wait for its end.
 */
#include <errno.h>
#include <rte_errno.h>
#include <shoal_member.h>
#include <string.h>

#include "base/export.h"
#include "base/log.h"
#include "proc/priv.h"

_Static_assert((int)SHOAL_MEMBER_JOIN == (int)SH_EV_JOIN && (int)SHOAL_MEMBER_PRIMARY == (int)SH_EV_PRIMARY &&
		       (int)SHOAL_MEMBER_DEATH == (int)SH_EV_DEATH && (int)SHOAL_MEMBER_ACTIVE == (int)SH_ACTIVE &&
		       (int)SHOAL_MEMBER_INIT == (int)SH_INIT && (int)SHOAL_MEMBER_LEAVING == (int)SH_LEAVING,
	       "the public numbers are the internal ones");

static int fail(int err)
{
	rte_errno = err;
	return -1;
}

/* may this process ask? NULL with rte_errno set */
static struct sh_proc *asked(const char *call)
{
	struct sh_proc *p = sh_proc_of();

	if (p != NULL && !sh_here(p)) {
		sh_err("%s: this is a forked child, no member of the group; rte_eal_init() would make it one", call);
		rte_errno = EPERM;
		return NULL;
	}
	if (p == NULL || p->r == NULL || p->id == 0) {
		sh_err("%s: not a member of a group; call rte_eal_init() first", call);
		rte_errno = ENOTSUP;
		return NULL;
	}
	return p;
}

SH_EXPORT uint64_t shoal_member_self(void)
{
	return sh_self();
}

SH_EXPORT uint64_t shoal_member_primary(void)
{
	return sh_self() != 0 ? sh_primary_id() : 0;
}

SH_EXPORT int shoal_member_list(uint64_t *ids, unsigned int cap)
{
	struct sh_proc *p = asked("shoal_member_list");
	unsigned n = 0;

	if (p == NULL)
		return -1;
	if (ids == NULL && cap != 0) {
		sh_err("shoal_member_list: the list is NULL and has room for %u ids; give NULL with 0 to count", cap);
		return fail(EINVAL);
	}
	for (unsigned i = 0; i < p->r->max_members; i++) {
		enum sh_state st;
		sh_id_t id = sh_member_at(i, &st);

		if (id == 0 || st != SH_ACTIVE)
			continue;
		if (n < cap)
			ids[n] = id;
		n++;
	}
	return (int)n;
}

SH_EXPORT int shoal_member_count(void)
{
	return asked("shoal_member_count") != NULL ? shoal_member_list(NULL, 0) : -1;
}

SH_EXPORT int shoal_member_info(uint64_t id, struct shoal_member_info *info)
{
	struct sh_proc *p = asked("shoal_member_info");
	const struct sh_member *m;
	enum sh_state st;

	if (p == NULL)
		return -1;
	if (info == NULL)
		return fail(EINVAL);
	memset(info, 0, sizeof(*info));
	if (id == 0 || sh_member_at(sh_id_slot(id), &st) != id)
		return fail(ENOENT);
	m = sh_member_of(p, id);
	info->id = id;
	info->slot = sh_id_slot(id);
	info->generation = sh_id_gen(id);
	info->pid = (int32_t)m->pid;
	info->uid = m->uid;
	info->state = (int32_t)st;
	info->is_primary = sh_primary_id() == id;
	info->start_ns = m->start_ns;
	memcpy(info->name, m->name, sizeof(info->name) - 1);
	memcpy(info->socket, m->sock, sizeof(info->socket) - 1);
	/* it may have ended and its place been given away while I read */
	return sh_member_at(sh_id_slot(id), NULL) == id ? 0 : fail(ENOENT);
}

SH_EXPORT int shoal_member_is_alive(uint64_t id)
{
	struct sh_proc *p = asked("shoal_member_is_alive");

	if (p == NULL)
		return -1;
	if (id == 0 || sh_id_slot(id) >= SH_MEMBERS)
		return fail(EINVAL);
	/* without a card the table is all there is to ask */
	return sh_member_probe(id) == 1 ? 0 : sh_member_alive(id);
}

/* ---- events ---- */

static int find(const struct sh_proc *p, shoal_member_cb cb, const void *arg)
{
	for (unsigned i = 0; i < SH_CALLBACKS; i++)
		if (p->cbs[i].fn == cb && p->cbs[i].arg == arg)
			return (int)i;
	return -1;
}

SH_EXPORT int shoal_member_event_register(shoal_member_cb cb, void *arg)
{
	struct sh_proc *p = asked("shoal_member_event_register");
	int free_at = -1, err = 0;

	if (p == NULL)
		return -1;
	if (cb == NULL)
		return fail(EINVAL);
	pthread_mutex_lock(&p->lock);
	for (int i = SH_CALLBACKS - 1; i >= 0; i--)
		if (p->cbs[i].fn == NULL)
			free_at = i;
	if (find(p, cb, arg) >= 0)
		err = EEXIST;
	else if (free_at < 0)
		err = ENOSPC;
	else {
		p->cbs[free_at].fn = cb;
		p->cbs[free_at].arg = arg;
	}
	pthread_mutex_unlock(&p->lock);
	return err != 0 ? fail(err) : 0;
}

SH_EXPORT int shoal_member_event_unregister(shoal_member_cb cb, void *arg)
{
	struct sh_proc *p = asked("shoal_member_event_unregister");
	int at;

	if (p == NULL)
		return -1;
	pthread_mutex_lock(&p->lock);
	at = cb != NULL ? find(p, cb, arg) : -1;
	if (at >= 0) {
		p->cbs[at].fn = NULL;
		while (p->cb_running == at + 1 && !sh_in_watcher(p))
			pthread_cond_wait(&p->idle, &p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return at < 0 ? fail(ENOENT) : 0;
}

void sh_member_quiet(void)
{
	struct sh_proc *p = sh_proc_of();

	if (!sh_here(p))
		return;
	pthread_mutex_lock(&p->lock);
	p->cb_over = true;
	while (p->cb_running != 0 && !sh_in_watcher(p))
		pthread_cond_wait(&p->idle, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

/* the watcher, after the rooms have been told */
void sh_member_tell(struct sh_proc *p, enum sh_event ev, sh_id_t id)
{
	for (int i = 0; i < SH_CALLBACKS; i++) {
		shoal_member_cb fn;
		void *arg;

		pthread_mutex_lock(&p->lock);
		fn = p->cb_over ? NULL : p->cbs[i].fn;
		arg = p->cbs[i].arg;
		p->cb_running = fn != NULL ? i + 1 : 0;
		pthread_mutex_unlock(&p->lock);
		if (fn == NULL)
			continue;
		fn(arg, (enum shoal_member_event)ev, id);
		pthread_mutex_lock(&p->lock);
		p->cb_running = 0;
		pthread_cond_broadcast(&p->idle);
		pthread_mutex_unlock(&p->lock);
	}
}

SH_EXPORT const char *shoal_member_event_name(enum shoal_member_event event)
{
	static const char *const names[] = {"JOIN", "LEAVE", "DEATH", "DISCONNECT", "PRIMARY"};

	return (unsigned)event < sizeof(names) / sizeof(names[0]) ? names[event] : "?";
}
