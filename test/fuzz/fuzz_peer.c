/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_peer.c - any text as a peer string: what a program hands back may be cut, damaged, or none of ours
 *
 * What is taken names a member that can exist or a foreign peer with a layout and a path, never both.
 */
#include <errno.h>
#include <string.h>

#include "chan/chan_int.h"
#include "help_must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);
	struct sh_peer p;
	int r;

	if (s == NULL)
		return 0;
	memcpy(s, data, size);
	s[size] = '\0';
	r = sh_peer_parse(s, &p);
	MUST(r == 0 || r == -EINVAL);
	if (r == 0) {
		size_t n = strlen(p.path);
		char again[SH_PEER_MAX + 64];
		struct sh_peer q;

		MUST(n > 0 && n < sizeof(p.path) && strncmp(s, p.path, n) == 0 && s[n] == '#');
		MUST((p.from == 0) == (p.layout != 0));
		MUST(p.from == 0 || (sh_id_slot(p.from) < SH_MEMBERS && p.from >> 48 == 0));
		MUST(p.from != 0 || p.layout == SH_DPDK_22 || p.layout == SH_DPDK_26);
		/* written as peer.c writes it, it says the same */
		if (p.from != 0)
			snprintf(again, sizeof(again), "%s#%llx.%llx", p.path, (unsigned long long)p.from,
				 (unsigned long long)p.req);
		else
			snprintf(again, sizeof(again), "%s#x%x.%llx", p.path, (unsigned)p.layout,
				 (unsigned long long)p.req);
		MUST(sh_peer_parse(again, &q) == 0 && q.from == p.from && q.req == p.req && q.layout == p.layout);
		MUST(strcmp(q.path, p.path) == 0);
	}
	free(s);
	return 0;
}
