/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_join.c - packets on a member's listener
 *
 * What passes must be safe to use as it is: a kind there is, strings that end, an id that fits the table, no way out of the
 * runtime directory. Passing again changes nothing.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proc/region.h"
#include "proc/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok)
{
	if (!ok)
		abort();
}

static void one(const void *data, size_t size)
{
	struct sh_hello h, again;
	int r = sh_join_parse(data, size, &h);

	must(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
	if (r != 0)
		return;
	must(h.kind >= SH_HELLO_JOIN && h.kind <= SH_HELLO_LOOK);
	must(memchr(h.name, 0, sizeof(h.name)) != NULL && memchr(h.sock, 0, sizeof(h.sock)) != NULL &&
	     memchr(h.text, 0, sizeof(h.text)) != NULL && strchr(h.sock, '/') == NULL);
	must(sh_id_slot(h.id) < SH_MEMBERS);
	must(h.kind == SH_HELLO_JOIN || h.kind == SH_HELLO_REFUSE || sh_id_gen(h.id) != 0);
	must(sh_join_parse(&h, sizeof(h), &again) == 0 && memcmp(&h, &again, sizeof(h)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sh_hello h;

	one(data, size);
	if (size != sizeof(h))
		return 0;
	/* past the door: the fingerprint changes with every layout, the corpus does not */
	memcpy(&h, data, sizeof(h));
	h.magic = SH_WIRE_MAGIC;
	h.version = SH_WIRE_VERSION;
	h.fingerprint = sh_fingerprint();
	one(&h, sizeof(h));
	return 0;
}
