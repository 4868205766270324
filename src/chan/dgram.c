/* SPDX-License-Identifier: BSD-3-Clause */
/* dgram.c - DPDK's two datagram layouts. Pure. See dgram.h for the table. */
#include "chan/dgram.h"

#include <string.h>

#define NAME_LEN 64
#define PARAM_LEN 256

/* where the message starts: 22.11 packs it behind the type, 26.11 aligns it to 8 */
static size_t msg_off(enum sh_layout l)
{
	return l == SH_DPDK_22 ? 4 : 8;
}

const char *sh_dgram_parse(const void *buf, size_t len, unsigned nfds, struct sh_dgram *d)
{
	const unsigned char *p = buf;
	int max_fds;

	if (len != SH_DPDK_22 && len != SH_DPDK_26)
		return "neither of DPDK's lengths, 332 and 340 bytes";
	d->layout = (enum sh_layout)len;
	memcpy(&d->type, p, sizeof(d->type));
	p += msg_off(d->layout);
	memcpy(d->name, p, NAME_LEN);
	memcpy(&d->len_param, p + NAME_LEN, 4);
	memcpy(&d->num_fds, p + NAME_LEN + 4, 4);
	max_fds = d->layout == SH_DPDK_22 ? 8 : 253;
	if (d->type < 0 || d->type > 3)
		return "type is none of 0..3";
	if (memchr(d->name, '\0', NAME_LEN) == NULL)
		return "name has no end";
	if (d->name[0] == '\0')
		return "name is empty";
	if (d->len_param < 0 || d->len_param > PARAM_LEN)
		return "len_param is out of range";
	if (d->num_fds < 0 || d->num_fds > max_fds)
		return "num_fds is out of range";
	if ((unsigned)d->num_fds != nfds)
		return "num_fds is not the number of fds that came";
	memset(d->param, 0, PARAM_LEN);
	memcpy(d->param, p + NAME_LEN + 8, (size_t)d->len_param);
	return NULL;
}

size_t sh_dgram_build(const struct sh_dgram *d, unsigned char buf[340])
{
	unsigned char *p = buf;

	if (d->len_param < 0 || d->len_param > PARAM_LEN || d->num_fds < 0 ||
	    d->num_fds > (d->layout == SH_DPDK_22 ? 8 : 253) || memchr(d->name, '\0', NAME_LEN) == NULL)
		return 0;
	memset(buf, 0, SH_DPDK_26);
	memcpy(p, &d->type, 4);
	p += msg_off(d->layout);
	memcpy(p, d->name, strlen(d->name));
	memcpy(p + NAME_LEN, &d->len_param, 4);
	memcpy(p + NAME_LEN + 4, &d->num_fds, 4);
	memcpy(p + NAME_LEN + 8, d->param, (size_t)d->len_param);
	return (size_t)d->layout;
}
