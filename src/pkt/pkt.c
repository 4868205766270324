/* SPDX-License-Identifier: BSD-3-Clause */
/* pkt.c - starts the room's parts in order, stops them in reverse. See README.md. */
#include "pkt/pkt.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "pkt/priv.h"

/* a stop is called if its start was, also if that failed; and in a forked child, where sh_self() is 0 */
static const struct part {
	int (*start)(const struct sh_opts *o); /* 0 or -errno, with a line */
	void (*stop)(void);
} parts[] = {
	{sh_mbuf_start, sh_mbuf_stop},
	{sh_port_start, sh_port_stop},
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

static void stop_parts(unsigned n)
{
	while (n > 0)
		parts[--n].stop();
	free(sh_ctx.pkt);
	sh_ctx.pkt = NULL;
}

int sh_pkt_start(const struct sh_opts *o)
{
	sh_ctx.pkt = calloc(1, sizeof(*sh_ctx.pkt));
	if (sh_ctx.pkt == NULL) {
		sh_err("no memory to start the room of packets");
		return -ENOMEM;
	}
	for (unsigned i = 0; i < PARTS; i++) {
		int r = parts[i].start(o);

		if (r < 0) {
			stop_parts(i + 1);
			return r;
		}
	}
	return 0;
}

void sh_pkt_settle(void)
{
	sh_port_settle();
}

void sh_pkt_stop(void)
{
	if (sh_ctx.pkt != NULL)
		stop_parts(PARTS);
}
