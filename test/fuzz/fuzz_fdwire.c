/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_fdwire.c - any bytes as a packet with an fd, a request of another runtime, an entry of the table of names
 *
 *   byte 0     how many fds came with the packet
 *   then       the bytes, taken as each of the three
 *
 * What is let through is held against the tables in fdwire.h once more.
 */
#include <string.h>

#include "chan/fdwire.h"
#include "help_must.h"

static bool good_name(const char *s, size_t cap)
{
	size_t n = 0;

	while (n < cap && s[n] != '\0')
		if (s[n] < ' ' || s[n++] > '~')
			return false;
	return n > 0 && n < cap;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sh_fd_pkt p;
	struct sh_fd_req q;
	struct sh_fd_what w;
	char name[SHOAL_FD_NAME_LEN + 1] = "";

	if (size < 1)
		return 0;
	size--;
	if (sh_fd_pkt_parse(data + 1, size, data[0], &p) == 0)
		MUST(size == sizeof(p) && memcmp(data + 1, &p, sizeof(p)) == 0 && data[0] == 1 && p.offer <= 1 &&
		     p.index < SHOAL_FD_NAMES && p.serial < 1u << 28 && p.magic == SH_FD_MAGIC);
	if (sh_fd_req_parse(data + 1, size, &q) == 0)
		MUST(size == sizeof(q) && memcmp(data + 1, &q, sizeof(q)) == 0 && q.op >= SH_FD_SEND &&
		     q.op <= SH_FD_LOOK && q.index < SHOAL_FD_NAMES && q.serial < 1u << 28 && q.zero == 0);
	memset(&w, 0, sizeof(w));
	memcpy(&w, data + 1, size < sizeof(w) ? size : sizeof(w));
	MUST(sh_fd_what_ok(&w) == (good_name(w.name, sizeof(w.name)) && w.blob.len <= SHOAL_FD_BLOB_MAX));
	memcpy(name, data + 1, size < sizeof(name) - 1 ? size : sizeof(name) - 1);
	MUST((sh_fd_name_check(name) == 0) == good_name(name, SHOAL_FD_NAME_LEN));
	return 0;
}
