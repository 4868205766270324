/* SPDX-License-Identifier: BSD-3-Clause */
/* observe_api.c - memory events and validators of rte_memory.h: checks, lines, rte_errno. No state. */
#include <errno.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_memory.h>

#include "base/export.h"
#include "base/log.h"
#include "mem/observe.h"

#define NAME_MAX_LEN (RTE_MEM_EVENT_CALLBACK_NAME_LEN - 1)
_Static_assert(RTE_MEM_EVENT_CALLBACK_NAME_LEN == RTE_MEM_ALLOC_VALIDATOR_NAME_LEN, "one struct for both");

static const char *kind(const struct sh_callback *c)
{
	return c->validator ? "validator" : "callback";
}

static int fail(int err, const struct sh_callback *c, const char *name, const char *why)
{
	sh_err("memory %s \"%.64s\": %s", kind(c), name != NULL ? name : "(null)", why);
	rte_errno = err;
	return -1;
}

/* 0, or -1 and all said */
static int check(struct sh_callback *c, const char *name)
{
	if (name == NULL || name[0] == '\0')
		return fail(EINVAL, c, name, "a name is needed");
	if (strnlen(name, NAME_MAX_LEN + 1) > NAME_MAX_LEN)
		return fail(ENAMETOOLONG, c, name, "a name has at most 63 characters");
	if (c->validator && c->socket < 0)
		return fail(EINVAL, c, name, "a socket is needed: 0 is that of all memory");
	if (sh_ctx.mem == NULL)
		return fail(E_RTE_NO_CONFIG, c, name, "call rte_eal_init() first");
	if (sh_self() == 0)
		return fail(EPERM, c, name,
			    "a forked child is not a member of the group; rte_eal_init() would make it one");
	memcpy(c->name, name, strlen(name) + 1);
	return 0;
}

static int add(struct sh_callback *c, const char *name)
{
	int r = check(c, name);

	if (r < 0)
		return r;
	if (c->fn == NULL)
		return fail(EINVAL, c, name, "a function is needed");
	r = sh_callback_add(c);
	if (r == -EEXIST)
		return fail(EEXIST, c, name,
			    c->validator ? "there is one of this name for this socket: unregister it first"
					 : "there is one of this name with this argument: unregister it first");
	return r < 0 ? fail(-r, c, name, strerror(-r)) : 0;
}

static int del(struct sh_callback *c, const char *name)
{
	int r = check(c, name);

	if (r < 0)
		return r;
	r = sh_callback_del(c);
	if (r == -ENOENT)
		return fail(ENOENT, c, name,
			    c->validator ? "none of this name is registered for this socket"
					 : "none of this name is registered with this argument");
	return r < 0 ? fail(-r, c, name, strerror(-r)) : 0;
}

SH_EXPORT int rte_mem_event_callback_register(const char *name, rte_mem_event_callback_t clb, void *arg)
{
	struct sh_callback c = {.fn = (void *)(uintptr_t)clb, .arg = arg};

	return add(&c, name);
}

SH_EXPORT int rte_mem_event_callback_unregister(const char *name, void *arg)
{
	struct sh_callback c = {.arg = arg};

	return del(&c, name);
}

SH_EXPORT int rte_mem_alloc_validator_register(const char *name, rte_mem_alloc_validator_t clb, int socket_id,
					       size_t limit)
{
	struct sh_callback c = {.validator = true, .fn = (void *)(uintptr_t)clb, .socket = socket_id, .limit = limit};

	return add(&c, name);
}

SH_EXPORT int rte_mem_alloc_validator_unregister(const char *name, int socket_id)
{
	struct sh_callback c = {.validator = true, .socket = socket_id};

	return del(&c, name);
}
