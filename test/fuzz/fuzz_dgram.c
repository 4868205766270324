/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_dgram.c - any bytes as a datagram of a foreign peer
 *
 * The first byte is the number of fds that came along, the rest the datagram. What is taken obeys the table in dgram.h and,
 * built again in either layout that can hold it, is parsed to the same.
 */
#include <string.h>

#include "chan/dgram.h"
#include "help_must.h"

static void check_taken(const struct sh_dgram *d, size_t len, unsigned nfds)
{
	MUST((size_t)d->layout == len && d->type >= 0 && d->type <= 3);
	MUST(memchr(d->name, '\0', sizeof(d->name)) != NULL && d->name[0] != '\0');
	MUST(d->len_param >= 0 && d->len_param <= 256);
	MUST(d->num_fds >= 0 && (unsigned)d->num_fds == nfds && nfds <= (d->layout == SH_DPDK_22 ? 8u : 253u));
	for (int i = d->len_param; i < 256; i++)
		MUST(d->param[i] == 0);
}

static void check_built(const struct sh_dgram *d, enum sh_layout layout)
{
	struct sh_dgram in = *d, out;
	unsigned char buf[340], *exact;
	size_t n;

	in.layout = layout;
	n = sh_dgram_build(&in, buf);
	if (n == 0) {
		MUST(layout == SH_DPDK_22 && d->num_fds > 8);
		return;
	}
	MUST(n == (size_t)layout);
	exact = malloc(n);
	if (exact == NULL)
		return;
	memcpy(exact, buf, n);
	MUST(sh_dgram_parse(exact, n, (unsigned)d->num_fds, &out) == NULL);
	free(exact);
	MUST(out.type == d->type && out.len_param == d->len_param && out.num_fds == d->num_fds);
	MUST(strcmp(out.name, d->name) == 0 && memcmp(out.param, d->param, sizeof(out.param)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sh_dgram d;
	unsigned char buf[340];
	const char *why;

	if (size == 0)
		return 0;
	why = sh_dgram_parse(data + 1, size - 1, data[0], &d);
	if (why != NULL) {
		MUST(strlen(why) > 5);
	} else {
		check_taken(&d, size - 1, data[0]);
		check_built(&d, SH_DPDK_22);
		check_built(&d, SH_DPDK_26);
	}
	/* build checks its fields, too: these come as they are */
	if (size > sizeof(d)) {
		memcpy(&d, data + 1, sizeof(d));
		d.layout = (data[0] & 1) != 0 ? SH_DPDK_22 : SH_DPDK_26;
		(void)sh_dgram_build(&d, buf);
	}
	return 0;
}
