/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_hpwire.c - any bytes as what one process' runtime asks of another about devices
 *
 *   byte 0     1: the bytes are a block of text, whose sum is made right; 2: and is left as it is; else a request
 *
 * What is let through is held against the tables in hotplug.h once more.
 */
#include <string.h>

#include "help_must.h"
#include "pkt/dev.h"
#include "pkt/hotplug.h"

static void request(const uint8_t *data, size_t size)
{
	struct sh_hp_req q;

	if (sh_hp_req_parse(data, size, &q) != 0)
		return;
	MUST(size == sizeof(q) && memcmp(data, &q, size) == 0);
	MUST(q.op >= SH_HP_LOOK && q.op <= SH_HP_UNMAKE && q.id < SH_PORTS);
	if (q.op == SH_HP_MAKE)
		MUST(q.text % 8 == 0 && q.len > sizeof(struct sh_hp_text) && q.len <= SH_HP_TEXT_MAX &&
		     q.text <= UINT64_MAX - q.len);
	else
		MUST(q.text == 0 && q.len == 0);
}

static void text(const uint8_t *data, size_t size, bool mend)
{
	struct sh_hp_text *t = aligned_alloc(8, (size + 15) / 8 * 8), *again;
	const char *name = NULL, *args = NULL;
	size_t n;

	MUST(t != NULL);
	memcpy(t, data, size);
	if (mend && size > sizeof(*t)) { /* what the sender would have made of these strings */
		const char *s = (const char *)data + sizeof(*t);
		size_t room = size - sizeof(*t);
		char *copy = malloc(room + 2);

		MUST(copy != NULL);
		memcpy(copy, s, room);
		copy[room] = copy[room + 1] = '\0';
		n = sh_hp_text_size(copy, copy + strlen(copy) + 1);
		again = malloc(n);
		MUST(again != NULL);
		sh_hp_text_fill(again, copy, copy + strlen(copy) + 1);
		if (copy[0] != '\0' && strlen(copy) < SH_PORT_NAME) {
			MUST(sh_hp_text_parse(again, n, &name, &args) == 0);
			MUST(strcmp(name, copy) == 0 && strcmp(args, copy + strlen(copy) + 1) == 0);
			again->text[0] ^= 1;
		}
		MUST(sh_hp_text_parse(again, n, &name, &args) != 0);
		free(again);
		free(copy);
	}
	if (size >= sizeof(*t) && sh_hp_text_parse(t, size, &name, &args) == 0) {
		MUST(strlen(name) + 1 == t->name_len && strlen(args) + 1 == t->args_len);
		MUST(name[0] != '\0' && strlen(name) < SH_PORT_NAME);
		MUST(size == sizeof(*t) + t->name_len + t->args_len);
	}
	free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	if (data[0] == 1 || data[0] == 2)
		text(data + 1, size - 1, data[0] == 1);
	else
		request(data + 1, size - 1);
	return 0;
}
