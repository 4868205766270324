/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hotplug.h - devices made and removed for the whole group: what goes from one process' runtime to another's
 *
 * Over the internal lane, service SH_SVC_PORTS: struct sh_hp_req, or nothing ("look at the table"). Text of any length goes by
 * reference: a block of the shared heap, struct sh_hp_text. It is the asker's, who may give it up at any time; so the receiver
 * copies it first and believes the copy only if its sum is right. All checks are in hp_wire.c, pure and fuzzed.
 */
#ifndef SH_PKT_HOTPLUG_H
#define SH_PKT_HOTPLUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctx.h"

#define SH_HP_TEXT_MAX (16u << 20) /* bytes of devargs */
#define SH_HP_MAGIC 0x7478657468ull

enum sh_hp_op {
	SH_HP_LOOK = 1, /* something came, went, or changed */
	SH_HP_ATTACH,	/* can you use port id, which has this serial? */
	SH_HP_MAKE,	/* to the primary: make the device of this text */
	SH_HP_UNMAKE,	/* to the primary: remove port id, which has this serial */
	SH_HP_OPS
};

struct sh_hp_req {
	uint32_t op;
	uint32_t id;
	uint64_t serial;
	uint64_t text; /* MAKE: where a struct sh_hp_text lies, and its length */
	uint64_t len;
};

struct sh_hp_text {
	uint64_t magic;
	uint64_t sum;	   /* of what follows */
	uint32_t name_len; /* with its NUL */
	uint32_t args_len; /* the same */
	char text[];	   /* name, arguments */
};

/* 0 and *out, or -EBADMSG */
int sh_hp_req_parse(const void *buf, size_t len, struct sh_hp_req *out);
/* t is a private copy of len bytes: 0, *name and *args point into it; or -EBADMSG */
int sh_hp_text_parse(const struct sh_hp_text *t, size_t len, const char **name, const char **args);
size_t sh_hp_text_size(const char *name, const char *args);
void sh_hp_text_fill(struct sh_hp_text *t, const char *name, const char *args);

/* before announce: 0 or -errno; its end */
int sh_hotplug_start(void);
void sh_hotplug_stop(void);

/* dev_event.c: devices that came and went since the last look, for rte_dev_event_callback_register() */
struct sh_ports;
void sh_dev_events(struct sh_ports *s, uint64_t last); /* last: as sh_seen_next() */
void sh_dev_events_forget(struct sh_ports *s);

#endif
