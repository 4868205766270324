/* SPDX-License-Identifier: BSD-3-Clause */
/* wire.c - the packets of join, checked byte by byte. Pure: no system call, no state. See wire.h. */
#include "proc/wire.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "proc/proc.h"
#include "proc/region.h"

#define FNV_START 0xcbf29ce484222325ull
#define FNV_PRIME 0x100000001b3ull

uint64_t sh_fingerprint(void)
{
	const uint64_t shape[] = {
		SH_REGION_LAYOUT,
		SH_MEMBERS,
		SH_INBOX_SIZE,
		SH_BORN,
		SH_CHAN_SIZE,
		sizeof(struct sh_slot),
		offsetof(struct sh_slot, internal),
		offsetof(struct sh_slot, rings),
		offsetof(struct sh_slot, pieces),
		SH_GROUP_FDS,
		SH_RANGE_MEM,
		sizeof(void *),
		sizeof(struct sh_region),
		offsetof(struct sh_region, max_members),
		offsetof(struct sh_region, fingerprint),
		offsetof(struct sh_region, primary),
		offsetof(struct sh_region, epoch),
		offsetof(struct sh_region, next_gen),
		offsetof(struct sh_region, next_slot),
		offsetof(struct sh_region, members),
		offsetof(struct sh_region, born),
		offsetof(struct sh_region, chan),
		offsetof(struct sh_region, slots),
		offsetof(struct sh_region, lanes),
		offsetof(struct sh_region, fds),
		sizeof(struct sh_member),
		offsetof(struct sh_member, pid),
		offsetof(struct sh_member, start_ns),
		offsetof(struct sh_member, ready_ns),
		offsetof(struct sh_member, name),
		offsetof(struct sh_member, sock),
		offsetof(struct sh_member, cpu),
		offsetof(struct sh_member, count),
		sizeof(struct sh_hello),
	};
	uint64_t h = FNV_START;

	for (size_t i = 0; i < sizeof(shape) / sizeof(shape[0]); i++)
		for (unsigned b = 0; b < 64; b += 8)
			h = (h ^ ((shape[i] >> b) & 0xff)) * FNV_PRIME;
	return h;
}

void sh_hello_init(struct sh_hello *h, enum sh_hello_kind kind, sh_id_t id)
{
	memset(h, 0, sizeof(*h));
	h->magic = SH_WIRE_MAGIC;
	h->version = SH_WIRE_VERSION;
	h->kind = (uint16_t)kind;
	h->fingerprint = sh_fingerprint();
	h->id = id;
}

/* NUL-terminated inside its field, and fit for a log */
static bool text_ok(const char *s, size_t cap)
{
	size_t n = strnlen(s, cap);

	if (n == cap)
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] < 0x20 || s[i] > 0x7e)
			return false;
	return true;
}

/* a file name in the runtime directory: it must not lead out of it */
static bool sock_ok(const char *s)
{
	return strchr(s, '/') == NULL && (s[0] == '\0' || strncmp(s, "mp_socket", 9) == 0);
}

static bool id_ok(sh_id_t id)
{
	return sh_id_slot(id) < SH_MEMBERS && sh_id_gen(id) != 0 && id >> 48 == 0;
}

static bool kind_ok(const struct sh_hello *h)
{
	switch ((enum sh_hello_kind)h->kind) {
	case SH_HELLO_JOIN:
		return h->id == 0 && h->role <= 1 && h->name[0] != '\0';
	case SH_HELLO_WELCOME:
		return id_ok(h->id) && h->base != 0 && h->base % 4096 == 0 && h->size == sizeof(struct sh_region) &&
		       h->max_members >= 1 && h->max_members <= SH_MEMBERS && sh_id_slot(h->id) < h->max_members;
	case SH_HELLO_REFUSE:
		return h->id == 0 && h->refusal > 0 && h->refusal < SH_REFUSE_LAST;
	case SH_HELLO_CARD:
	case SH_HELLO_DONE:
	case SH_HELLO_PULL:
	case SH_HELLO_LOOK:
		return id_ok(h->id);
	case SH_HELLO_LINK:
		return id_ok(h->id) && h->role < SH_LINK_USES;
	}
	return false;
}

int sh_join_parse(const void *buf, size_t len, struct sh_hello *out)
{
	memset(out, 0, sizeof(*out));
	if (len < offsetof(struct sh_hello, kind))
		return -EBADMSG;
	memcpy(out, buf, len < sizeof(*out) ? len : sizeof(*out));
	if (out->magic != SH_WIRE_MAGIC)
		return -EBADMSG;
	if (out->version != SH_WIRE_VERSION)
		return -EPROTONOSUPPORT; /* its length is not ours to judge */
	if (len != sizeof(*out))
		return -EBADMSG;
	/* a refusal may come from a member with another layout: that is what it says */
	if (out->fingerprint != sh_fingerprint() && out->kind != SH_HELLO_REFUSE)
		return -EPROTONOSUPPORT;
	if (!text_ok(out->name, sizeof(out->name)) || !text_ok(out->sock, sizeof(out->sock)) ||
	    !text_ok(out->text, sizeof(out->text)) || !sock_ok(out->sock))
		return -EBADMSG;
	return kind_ok(out) ? 0 : -EBADMSG;
}

int sh_hello_fds_ok(enum sh_hello_kind kind, unsigned n)
{
	switch (kind) {
	case SH_HELLO_JOIN:
	case SH_HELLO_CARD:
		return n == 2 || n == 3; /* the pidfd may be missing */
	case SH_HELLO_WELCOME:
		return n == SH_GROUP_FDS;
	default:
		return n == 0;
	}
}
