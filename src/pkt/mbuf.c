/* SPDX-License-Identifier: BSD-3-Clause */
/* mbuf.c - start and stop of the mbufs' part. See README.md, "Mbufs". */
#include "pkt/priv.h"

int sh_mbuf_start(const struct sh_opts *o)
{
	(void)o;
	return 0;
}

void sh_mbuf_stop(void) {}
