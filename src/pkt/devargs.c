/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * devargs.c - devices as text, and this process' list of them. See rte_devargs.h.
 *
 * The list is private to the process and changed under sh_ports.cb_lock; before rte_eal_init() there is none.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <rte_bus.h>
#include <rte_devargs.h>
#include <rte_kvargs.h>

#include "base/export.h"
#include "base/log.h"
#include "pkt/port.h"
#include "pkt/vdev.h"

RTE_TAILQ_HEAD(sh_devlist_head, rte_devargs);
struct sh_devlist {
	struct sh_devlist_head head;
};

static int bad(const char *dev, const char *why, int err)
{
	sh_err("failed to parse device \"%s\": %s", dev, why);
	return err;
}

static int set_name(struct rte_devargs *da, const char *dev, const char *name, size_t n)
{
	if (n == 0)
		return bad(dev, "there is no name of a device in it", -EINVAL);
	if (n >= sizeof(da->name))
		return bad(dev, "the name has more than 63 characters", -EINVAL);
	memcpy(da->name, name, n);
	da->name[n] = '\0';
	return 0;
}

/* "vdev:net_null0,copy=1", "net_null0,copy=1" */
static int parse_plain(struct rte_devargs *da, const char *dev)
{
	bool bus = strncmp(dev, "vdev:", 5) == 0 || strncmp(dev, "vdev,", 5) == 0;
	const char *name = bus ? dev + 5 : dev, *comma;
	int r;

	if (bus && (*name == '\0' || *name == ','))
		return bad(dev, "there is no name of a device in it", -EFAULT);
	r = set_name(da, dev, name, strcspn(name, ","));
	if (r < 0)
		return r;
	if (sh_driver_of(da->name) == NULL)
		return bad(dev, "no driver makes a device of this name (and there is no PCI bus)", -EFAULT);
	comma = name + strlen(da->name);
	da->data = strdup(*comma == ',' ? comma + 1 : "");
	if (da->data == NULL)
		return -ENOMEM;
	da->args = da->data;
	da->bus = sh_vdev_bus();
	return 0;
}

/* one layer, "bus=vdev,name=x"; the text after the layer's own key */
static int layer(struct rte_devargs *da, const char *dev, char *text)
{
	char *rest = strchr(text, ',');
	struct rte_kvargs *kv;
	const char *name;
	int r = 0;

	if (rest != NULL)
		*rest++ = '\0';
	if (strncmp(text, "bus=", 4) == 0) {
		if (strcmp(text + 4, "vdev") != 0)
			return bad(dev, "there is no bus but vdev", -EFAULT);
		da->bus = sh_vdev_bus();
		da->bus_str = rest != NULL ? rest : "";
		kv = rte_kvargs_parse(da->bus_str, NULL);
		name = rte_kvargs_get(kv, "name");
		if (name != NULL)
			r = set_name(da, dev, name, strlen(name));
		rte_kvargs_free(kv);
	} else if (strncmp(text, "class=", 6) == 0) {
		if (strcmp(text + 6, "eth") != 0)
			return bad(dev, "there is no class of devices but eth", -EFAULT);
		da->cls_str = rest != NULL ? rest : "";
	} else if (strncmp(text, "driver=", 7) == 0) {
		da->args = rest != NULL ? rest : "";
	} else {
		r = bad(dev, "a part that begins neither with bus= nor class= nor driver=", -EINVAL);
	}
	return r;
}

/* "bus=vdev,name=x/class=eth,.../driver=y,..." */
static int parse_layers(struct rte_devargs *da, const char *dev)
{
	char *save = NULL;
	int r = 0;

	da->data = strdup(dev);
	if (da->data == NULL)
		return -ENOMEM;
	da->args = "";
	for (char *s = strtok_r(da->data, "/", &save); s != NULL && r == 0; s = strtok_r(NULL, "/", &save))
		r = layer(da, dev, s);
	return r;
}

SH_EXPORT int rte_devargs_parse(struct rte_devargs *da, const char *dev)
{
	int r;

	if (da == NULL || dev == NULL)
		return -EINVAL;
	memset(da, 0, sizeof(*da));
	if (strncmp(dev, "bus=", 4) == 0 || strncmp(dev, "class=", 6) == 0 || strncmp(dev, "driver=", 7) == 0)
		r = parse_layers(da, dev);
	else
		r = parse_plain(da, dev);
	if (r < 0)
		rte_devargs_reset(da);
	return r;
}

SH_EXPORT int rte_devargs_parsef(struct rte_devargs *da, const char *format, ...)
{
	va_list ap;
	char *text;
	int r;

	if (da == NULL || format == NULL)
		return -EINVAL;
	va_start(ap, format);
	r = vasprintf(&text, format, ap);
	va_end(ap);
	if (r < 0)
		return -ENOMEM;
	r = rte_devargs_parse(da, text);
	free(text);
	return r;
}

SH_EXPORT void rte_devargs_reset(struct rte_devargs *da)
{
	if (da == NULL)
		return;
	free(da->data);
	da->data = NULL;
	da->args = NULL;
	da->bus_str = da->cls_str = NULL;
}

/* ---- the list ---- */

/* with cb_lock; NULL: the room is not started, or no memory */
static struct sh_devlist *devlist(struct sh_ports *s)
{
	if (s->devs == NULL) {
		s->devs = calloc(1, sizeof(*s->devs));
		if (s->devs != NULL)
			TAILQ_INIT(&s->devs->head);
	}
	return s->devs;
}

static void forget(struct rte_devargs *da)
{
	rte_devargs_reset(da);
	free(da);
}

void sh_devargs_forget(struct sh_ports *s)
{
	struct rte_devargs *da;

	while (s->devs != NULL && (da = TAILQ_FIRST(&s->devs->head)) != NULL) {
		TAILQ_REMOVE(&s->devs->head, da, next);
		forget(da);
	}
	free(s->devs);
	s->devs = NULL;
}

/* with cb_lock */
static struct rte_devargs *like(struct sh_devlist *l, const struct rte_devargs *da)
{
	struct rte_devargs *at;

	TAILQ_FOREACH(at, &l->head, next)
	{
		if (at == da || (at->bus == da->bus && strcmp(at->name, da->name) == 0))
			return at;
	}
	return NULL;
}

/* the entry gets the new one's text */
static void renew(struct rte_devargs *at, struct rte_devargs *da)
{
	struct rte_devargs keep = *at;

	rte_devargs_reset(at);
	*at = *da;
	at->next = keep.next;
	free(da);
}

SH_EXPORT int rte_devargs_insert(struct rte_devargs **da)
{
	struct sh_ports *s = sh_ports();
	struct rte_devargs *at;
	struct sh_devlist *l;
	int r = 0;

	if (da == NULL || *da == NULL || s == NULL)
		return -1;
	sh_lock_calm(&s->cb_lock);
	l = devlist(s);
	at = l != NULL ? like(l, *da) : NULL;
	if (l == NULL || at == *da) {
		r = l == NULL ? -1 : 0;
	} else if (at != NULL) {
		renew(at, *da);
		*da = at;
	} else {
		TAILQ_INSERT_TAIL(&l->head, *da, next);
	}
	sh_unlock_calm(&s->cb_lock);
	return r;
}

SH_EXPORT int rte_devargs_add(enum rte_devtype devtype, const char *devargs_str)
{
	struct rte_devargs *da = calloc(1, sizeof(*da));

	if (da == NULL)
		return -1;
	if (rte_devargs_parse(da, devargs_str) < 0) {
		free(da);
		return -1;
	}
	da->type = devtype;
	da->policy = devtype == RTE_DEVTYPE_BLOCKED ? RTE_DEV_BLOCKED : RTE_DEV_ALLOWED;
	if (rte_devargs_insert(&da) == 0)
		return 0;
	forget(da);
	return -1;
}

SH_EXPORT int rte_devargs_remove(struct rte_devargs *devargs)
{
	struct sh_ports *s = sh_ports();
	struct rte_devargs *at = NULL;

	if (devargs == NULL || devargs->bus == NULL)
		return -1;
	if (s == NULL)
		return 1;
	sh_lock_calm(&s->cb_lock);
	if (s->devs != NULL)
		at = like(s->devs, devargs);
	if (at != NULL)
		TAILQ_REMOVE(&s->devs->head, at, next);
	sh_unlock_calm(&s->cb_lock);
	if (at == NULL)
		return 1;
	forget(at);
	return 0;
}

SH_EXPORT struct rte_devargs *rte_devargs_next(const char *busname, const struct rte_devargs *start)
{
	struct sh_ports *s = sh_ports();
	struct rte_devargs *at = NULL;

	if (s == NULL || (busname != NULL && strcmp(busname, "vdev") != 0))
		return NULL;
	sh_lock_calm(&s->cb_lock);
	if (s->devs != NULL)
		at = start != NULL ? TAILQ_NEXT(start, next) : TAILQ_FIRST(&s->devs->head);
	sh_unlock_calm(&s->cb_lock);
	return at;
}

SH_EXPORT unsigned int rte_devargs_type_count(enum rte_devtype devtype)
{
	struct rte_devargs *da;
	unsigned n = 0;

	RTE_EAL_DEVARGS_FOREACH(NULL, da)
	n += da->type == devtype;
	return n;
}

SH_EXPORT void rte_devargs_dump(FILE *f)
{
	struct rte_devargs *da;

	if (f == NULL)
		return;
	fprintf(f, "devices named by this process:\n");
	RTE_EAL_DEVARGS_FOREACH(NULL, da)
	fprintf(f, "  [vdev]: %s,%s\n", da->name, da->args != NULL ? da->args : "");
}
