/* SPDX-License-Identifier: BSD-3-Clause */
/* lcore_api.c - what programs ask about lcores, callbacks about them, and threads that become one. */
#include <rte_errno.h>
#include <rte_lcore.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/export.h"
#include "base/fault.h"
#include "base/log.h"
#include "proc/lcore_int.h"

SH_EXPORT RTE_DEFINE_PER_LCORE(unsigned int, _lcore_id) = LCORE_ID_ANY;

static __thread struct {
	int node;   /* valid when known */
	bool known; /* it is, or was, a lcore */
	bool registered;
	uint32_t epoch; /* of sh_lc when it registered */
} me;

/* A forked child is alone and may have been born while another thread held a lock: it goes without. */
static bool lock(pthread_mutex_t *m)
{
	if (sh_lc.pid != 0 && sh_lc.pid != getpid())
		return false;
	pthread_mutex_lock(m);
	return true;
}

static void unlock(pthread_mutex_t *m, bool locked)
{
	if (locked)
		pthread_mutex_unlock(m);
}

static bool cb_lock(void)
{
	return lock(&sh_lc.cb);
}

static void cb_unlock(bool locked)
{
	unlock(&sh_lc.cb, locked);
}

/* ---- facts ---- */

void sh_lcore_self(unsigned id, const cpu_set_t *cpus)
{
	bool locked = lock(&sh_lc.facts);

	me.node = sh_lcore_node(cpus);
	me.known = true;
	if (id < SH_LCORES) {
		sh_lc.l[id].cpus = *cpus;
		sh_lc.l[id].node = me.node;
	}
	unlock(&sh_lc.facts, locked);
	RTE_PER_LCORE(_lcore_id) = id;
}

SH_EXPORT enum rte_lcore_role_t rte_eal_lcore_role(unsigned int lcore_id)
{
	return lcore_id < SH_LCORES ? sh_lcore_role(lcore_id) : ROLE_OFF;
}

SH_EXPORT int rte_lcore_has_role(unsigned int lcore_id, enum rte_lcore_role_t role)
{
	return lcore_id < SH_LCORES ? sh_lcore_role(lcore_id) == role : -EINVAL;
}

SH_EXPORT int rte_lcore_is_enabled(unsigned int lcore_id)
{
	return rte_eal_lcore_role(lcore_id) == ROLE_RTE;
}
SH_EXPORT unsigned int rte_get_main_lcore(void)
{
	return sh_load_rlx(&sh_lc.main);
}
SH_EXPORT unsigned int rte_lcore_count(void)
{
	return sh_load_rlx(&sh_lc.count);
}

SH_EXPORT int rte_lcore_index(int lcore_id)
{
	unsigned id = lcore_id < 0 ? rte_lcore_id() : (unsigned)lcore_id;

	return id < SH_LCORES && sh_lcore_role(id) == ROLE_RTE ? sh_lc.l[id].index : -1;
}

SH_EXPORT unsigned int rte_socket_id(void)
{
	return me.known ? (unsigned)me.node : (unsigned)-1;
}
SH_EXPORT unsigned int rte_socket_count(void)
{
	return sh_lc.n_nodes;
}

SH_EXPORT int rte_socket_id_by_idx(unsigned int idx)
{
	if (idx < sh_lc.n_nodes)
		return sh_lc.node_id[idx];
	rte_errno = EINVAL;
	return -1;
}

SH_EXPORT unsigned int rte_lcore_to_socket_id(unsigned int lcore_id)
{
	bool locked;
	int node;

	if (rte_eal_lcore_role(lcore_id) == ROLE_OFF)
		return 0;
	locked = lock(&sh_lc.facts);
	node = sh_lc.l[lcore_id].node;
	unlock(&sh_lc.facts, locked);
	return (unsigned)node;
}

SH_EXPORT rte_cpuset_t rte_lcore_cpuset(unsigned int lcore_id)
{
	rte_cpuset_t set;
	bool locked;

	CPU_ZERO(&set);
	if (rte_eal_lcore_role(lcore_id) == ROLE_OFF)
		return set;
	locked = lock(&sh_lc.facts);
	set = sh_lc.l[lcore_id].cpus;
	unlock(&sh_lc.facts, locked);
	return set;
}

SH_EXPORT int rte_lcore_to_cpu_id(int lcore_id)
{
	cpu_set_t set = rte_lcore_cpuset(lcore_id < 0 ? rte_lcore_id() : (unsigned)lcore_id);
	int cpu = 0, core = -1;
	char path[80];
	FILE *f;

	while (cpu < CPU_SETSIZE && !CPU_ISSET(cpu, &set))
		cpu++;
	if (cpu == CPU_SETSIZE)
		return -1;
	(void)snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/core_id", cpu);
	f = fopen(path, "re");
	if (f == NULL || fscanf(f, "%d", &core) != 1)
		core = 0;
	if (f != NULL)
		fclose(f);
	return core;
}

SH_EXPORT unsigned int rte_get_next_lcore(unsigned int i, int skip_main, int wrap)
{
	/* one full turn is enough: also when nothing is enabled */
	for (unsigned turn = 0; turn <= SH_LCORES; turn++) {
		i++;
		if (wrap)
			i %= SH_LCORES;
		if (i >= SH_LCORES)
			break;
		if (rte_lcore_is_enabled(i) && !(skip_main && i == rte_get_main_lcore()))
			return i;
	}
	return SH_LCORES;
}

/* ---- callbacks ---- */

struct listener {
	struct listener *next;
	rte_lcore_init_cb init;
	rte_lcore_uninit_cb uninit;
	void *arg;
	char name[];
};

static struct {
	struct listener *first;
	rte_lcore_usage_cb usage;
} cbs; /* under sh_lc.cb */

/* ask l about lcore id; a refusal is logged by name */
static int tell_init(const struct listener *l, unsigned id)
{
	int r = l->init != NULL ? l->init(id, l->arg) : 0;

	if (r != 0)
		sh_dbg("callback \"%s\" refused lcore %u (%d)", l->name, id, r);
	return r;
}

static void tell_uninit(const struct listener *l, unsigned id)
{
	if (l->uninit != NULL)
		l->uninit(id, l->arg);
}

/* tell l about all lcores below end, enabled or registered */
static void uninit_below(const struct listener *l, unsigned end)
{
	for (unsigned id = 0; id < end; id++)
		if (sh_lcore_role(id) != ROLE_OFF)
			tell_uninit(l, id);
}

static int init_all(const struct listener *l)
{
	for (unsigned id = 0; id < SH_LCORES; id++) {
		if (sh_lcore_role(id) == ROLE_OFF || tell_init(l, id) == 0)
			continue;
		uninit_below(l, id);
		return -ECANCELED;
	}
	return 0;
}

static void uninit_until(const struct listener *end, unsigned id)
{
	for (const struct listener *l = cbs.first; l != end; l = l->next)
		tell_uninit(l, id);
}

/* all listeners about one lcore; who agreed before a refusal is told that it is not to be */
static int init_one(unsigned id)
{
	for (const struct listener *l = cbs.first; l != NULL; l = l->next)
		if (tell_init(l, id) != 0) {
			uninit_until(l, id);
			return -ECANCELED;
		}
	return 0;
}

SH_EXPORT void *rte_lcore_callback_register(const char *name, rte_lcore_init_cb init, rte_lcore_uninit_cb uninit,
					    void *arg)
{
	struct listener *l, **at;
	bool locked;
	size_t n;

	if (name == NULL) {
		rte_errno = EINVAL;
		return NULL;
	}
	n = strlen(name) + 1;
	l = malloc(sizeof(*l) + n);
	if (l == NULL) {
		rte_errno = ENOMEM;
		return NULL;
	}
	*l = (struct listener){.init = init, .uninit = uninit, .arg = arg};
	memcpy(l->name, name, n);
	locked = cb_lock();
	if (sh_lcore_here() && init_all(l) != 0) {
		free(l);
		l = NULL;
	} else {
		for (at = &cbs.first; *at != NULL; at = &(*at)->next)
			continue;
		*at = l;
	}
	cb_unlock(locked);
	return l;
}

SH_EXPORT void rte_lcore_callback_unregister(void *handle)
{
	struct listener *l = handle, **at;
	bool locked;

	if (l == NULL)
		return;
	locked = cb_lock();
	for (at = &cbs.first; *at != NULL && *at != l; at = &(*at)->next)
		continue;
	if (*at != NULL) {
		*at = l->next;
		if (sh_lcore_here())
			uninit_below(l, SH_LCORES);
		free(l);
	}
	cb_unlock(locked);
}

int sh_lcore_tell_start(void)
{
	bool locked = cb_lock();
	int err = 0;

	for (const struct listener *l = cbs.first; l != NULL && err == 0; l = l->next) {
		err = init_all(l);
		if (err == 0)
			continue;
		sh_err("callback \"%s\" of rte_lcore_callback_register() refused a lcore", l->name);
		for (const struct listener *m = cbs.first; m != l; m = m->next)
			uninit_below(m, SH_LCORES);
	}
	cb_unlock(locked);
	return err;
}

void sh_lcore_tell_stop(void)
{
	bool locked = cb_lock();

	for (const struct listener *l = cbs.first; l != NULL; l = l->next)
		uninit_below(l, SH_LCORES);
	/* registered threads lose their number; their next rte_thread_unregister() finds another epoch and does nothing */
	for (unsigned id = 0; id < SH_LCORES; id++)
		if (sh_lcore_role(id) == ROLE_NON_EAL) {
			sh_store_rel(&sh_lc.l[id].role, ROLE_OFF); /* R:ROLE */
			sh_add_rlx(&sh_lc.count, (uint32_t)-1);
		}
	cb_unlock(locked);
	SH_STEP("lcore_told");
}

SH_EXPORT int rte_lcore_iterate(rte_lcore_iterate_cb cb, void *arg)
{
	bool locked = cb_lock();
	int r = 0;

	for (unsigned id = 0; id < SH_LCORES && r == 0; id++)
		if (sh_lcore_role(id) != ROLE_OFF)
			r = cb(id, arg);
	cb_unlock(locked);
	return r;
}

SH_EXPORT void rte_lcore_register_usage_cb(rte_lcore_usage_cb cb)
{
	bool locked = cb_lock();

	cbs.usage = cb;
	cb_unlock(locked);
}

static void set_print(FILE *f, const cpu_set_t *set)
{
	const char *comma = "";

	for (int a = 0; a < CPU_SETSIZE; a++) {
		int b = a;

		if (!CPU_ISSET(a, set))
			continue;
		while (b + 1 < CPU_SETSIZE && CPU_ISSET(b + 1, set))
			b++;
		fprintf(f, b > a ? "%s%d-%d" : "%s%d", comma, a, b);
		comma = ",";
		a = b;
	}
}

static int dump_one(unsigned id, void *arg)
{
	static const char *const role[] = {"RTE", "OFF", "SERVICE", "NON_EAL"};
	struct rte_lcore_usage u = {0};
	cpu_set_t set = rte_lcore_cpuset(id);
	FILE *f = arg;

	fprintf(f, "lcore %u, socket %d, role %s, cpuset ", id, (int)rte_lcore_to_socket_id(id),
		role[sh_lcore_role(id) % 4]);
	set_print(f, &set);
	if (cbs.usage != NULL && cbs.usage(id, &u) == 0)
		fprintf(f, ", busy cycles %ju/%ju", (uintmax_t)u.busy_cycles, (uintmax_t)u.total_cycles);
	fputc('\n', f);
	return 0;
}

SH_EXPORT void rte_lcore_dump(FILE *f)
{
	(void)rte_lcore_iterate(dump_one, f);
}

/* ---- threads that become a lcore ---- */

static pthread_once_t end_once = PTHREAD_ONCE_INIT;
static pthread_key_t end_key; /* its destructor gives the number of a thread back that ends without saying so */

static void at_end(void *arg)
{
	(void)arg;
	rte_thread_unregister();
}

static void end_make(void)
{
	(void)pthread_key_create(&end_key, at_end);
}

static int slot_take(const cpu_set_t *cpus)
{
	unsigned id = 0;

	while (id < SH_LCORES && (sh_lcore_role(id) != ROLE_OFF || sh_load_rlx(&sh_lc.l[id].state) != SH_L_NONE))
		id++;
	if (id == SH_LCORES) {
		sh_err("rte_thread_register: all %d lcore numbers are taken; rte_thread_unregister() gives one back",
		       SH_LCORES);
		return -ENOMEM;
	}
	sh_lcore_self(id, cpus);
	sh_store_rel(&sh_lc.l[id].role, ROLE_NON_EAL); /* R:ROLE */
	sh_add_rlx(&sh_lc.count, 1);
	if (init_one(id) == 0)
		return 0;
	sh_store_rel(&sh_lc.l[id].role, ROLE_OFF); /* R:ROLE */
	sh_add_rlx(&sh_lc.count, (uint32_t)-1);
	RTE_PER_LCORE(_lcore_id) = LCORE_ID_ANY;
	return -ENOMEM;
}

SH_EXPORT int rte_thread_register(void)
{
	cpu_set_t cpus;
	int err = 0;

	if (sh_lc.pid != 0 && sh_lc.pid != getpid()) {
		sh_err("rte_thread_register: not in a child of fork(); rte_eal_init() would make it a member of its "
		       "own");
		rte_errno = EPERM;
		return -1;
	}
	pthread_once(&end_once, end_make);
	pthread_mutex_lock(&sh_lc.cb);
	if (!sh_lcore_here()) {
		sh_err("rte_thread_register: call rte_eal_init() first");
		err = -EINVAL;
	} else if (rte_lcore_id() == LCORE_ID_ANY || (me.registered && me.epoch != sh_load_rlx(&sh_lc.epoch))) {
		CPU_ZERO(&cpus);
		(void)sched_getaffinity(0, sizeof(cpus), &cpus);
		err = slot_take(&cpus);
		me.registered = err == 0;
		me.epoch = sh_load_rlx(&sh_lc.epoch);
		if (err == 0)
			(void)pthread_setspecific(end_key, &me);
	}
	pthread_mutex_unlock(&sh_lc.cb);
	if (err == 0)
		return 0;
	rte_errno = -err;
	return -1;
}

SH_EXPORT void rte_thread_unregister(void)
{
	unsigned id = rte_lcore_id();
	bool locked;

	if (!me.registered)
		return;
	SH_STEP("lcore_ends");
	locked = cb_lock();
	/* without the role it has been told of by sh_lcore_tell_stop(), just now */
	if (sh_lcore_here() && me.epoch == sh_load_rlx(&sh_lc.epoch) && sh_lcore_role(id) == ROLE_NON_EAL) {
		uninit_until(NULL, id);
		sh_store_rel(&sh_lc.l[id].role, ROLE_OFF); /* R:ROLE */
		sh_add_rlx(&sh_lc.count, (uint32_t)-1);
	}
	me.registered = false;
	RTE_PER_LCORE(_lcore_id) = LCORE_ID_ANY;
	(void)pthread_setspecific(end_key, NULL);
	cb_unlock(locked);
	SH_STEP("lcore_ended");
}
