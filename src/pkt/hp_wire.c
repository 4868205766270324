/* SPDX-License-Identifier: BSD-3-Clause */
/* hp_wire.c - the bytes of hotplug between runtimes, checked. Pure. See hotplug.h. */
#include <errno.h>
#include <string.h>

#include "pkt/dev.h"
#include "pkt/hotplug.h"

int sh_hp_req_parse(const void *buf, size_t len, struct sh_hp_req *out)
{
	if (len != sizeof(*out))
		return -EBADMSG;
	memcpy(out, buf, sizeof(*out));
	if (out->op == 0 || out->op >= SH_HP_OPS || out->id >= SH_PORTS)
		return -EBADMSG;
	if (out->op != SH_HP_MAKE)
		return out->text == 0 && out->len == 0 ? 0 : -EBADMSG;
	if (out->text % 8 != 0 || out->len <= sizeof(struct sh_hp_text) || out->len > SH_HP_TEXT_MAX ||
	    out->text + out->len < out->text)
		return -EBADMSG;
	return 0;
}

static uint64_t sum_of(const struct sh_hp_text *t, size_t len)
{
	const unsigned char *p = (const unsigned char *)t;
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = offsetof(struct sh_hp_text, name_len); i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h;
}

int sh_hp_text_parse(const struct sh_hp_text *t, size_t len, const char **name, const char **args)
{
	size_t room;

	if (len <= sizeof(*t) || len > SH_HP_TEXT_MAX || t->magic != SH_HP_MAGIC)
		return -EBADMSG;
	room = len - sizeof(*t);
	if (t->name_len == 0 || t->args_len == 0 || t->name_len > room || t->args_len != room - t->name_len)
		return -EBADMSG;
	*name = t->text;
	*args = t->text + t->name_len;
	if (memchr(*name, '\0', t->name_len) != *name + t->name_len - 1 ||
	    memchr(*args, '\0', t->args_len) != *args + t->args_len - 1)
		return -EBADMSG;
	if (t->name_len == 1 || t->name_len > SH_PORT_NAME || sum_of(t, len) != t->sum)
		return -EBADMSG;
	return 0;
}

size_t sh_hp_text_size(const char *name, const char *args)
{
	return sizeof(struct sh_hp_text) + strlen(name) + strlen(args) + 2;
}

void sh_hp_text_fill(struct sh_hp_text *t, const char *name, const char *args)
{
	t->name_len = (uint32_t)strlen(name) + 1;
	t->args_len = (uint32_t)strlen(args) + 1;
	memcpy(t->text, name, t->name_len);
	memcpy(t->text + t->name_len, args, t->args_len);
	t->sum = sum_of(t, sizeof(*t) + t->name_len + t->args_len);
	t->magic = SH_HP_MAGIC;
}
