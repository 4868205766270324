/* SPDX-License-Identifier: BSD-3-Clause */
/* fdwire.c - see fdwire.h. Pure: no system call, no state. */
#include "chan/fdwire.h"

#include <errno.h>
#include <string.h>

static bool printable(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < 0x20 || s[i] > 0x7e)
			return false;
	return true;
}

int sh_fd_name_check(const char *name)
{
	size_t n;

	if (name == NULL || name[0] == '\0')
		return -EINVAL;
	n = strnlen(name, SHOAL_FD_NAME_LEN);
	if (n == SHOAL_FD_NAME_LEN)
		return -E2BIG;
	return printable(name, n) ? 0 : -EINVAL;
}

bool sh_fd_what_ok(const struct sh_fd_what *w)
{
	return sh_fd_name_check(w->name) == 0 && w->blob.len <= SHOAL_FD_BLOB_MAX;
}

static bool entry_ok(uint32_t index, uint32_t serial)
{
	return index < SHOAL_FD_NAMES && serial <= SH_FD_SERIAL;
}

int sh_fd_pkt_parse(const void *buf, size_t len, unsigned nfds, struct sh_fd_pkt *out)
{
	if (len != sizeof(*out))
		return -EBADMSG;
	memcpy(out, buf, sizeof(*out));
	if (out->magic != SH_FD_MAGIC || out->offer > 1 || nfds != 1 || !entry_ok(out->index, out->serial))
		return -EBADMSG;
	return 0;
}

int sh_fd_req_parse(const void *buf, size_t len, struct sh_fd_req *out)
{
	if (len != sizeof(*out))
		return -EBADMSG;
	memcpy(out, buf, sizeof(*out));
	if (out->op == 0 || out->op >= SH_FD_OPS || out->zero != 0 || !entry_ok(out->index, out->serial))
		return -EBADMSG;
	return 0;
}
