/* SPDX-License-Identifier: BSD-3-Clause */
/* msg.c - messages in private memory: one block, and what they own beside it (fds, a mapping). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "chan/chan_int.h"

struct sh_msg *sh_msg_new(const char *name, size_t name_len, size_t len, unsigned nfds)
{
	size_t head = (sizeof(struct sh_msg) + nfds * sizeof(int) + 15) & ~(size_t)15;
	struct sh_msg *m;

	m = malloc(head + len);
	if (m == NULL)
		return NULL;
	memset(m, 0, sizeof(*m));
	memcpy(m->name, name, name_len);
	m->fds = (int *)(void *)(m + 1);
	m->len = len;
	m->data = len != 0 ? (unsigned char *)m + head : NULL;
	return m;
}

void sh_msg_free(struct sh_msg *m)
{
	if (m == NULL)
		return;
	for (unsigned i = 0; i < m->nfds; i++)
		sh_close(&m->fds[i]);
	if (m->piece != 0)
		sh_piece_return(sh_chan(), m->piece);
	if (m->map_len != 0)
		munmap(m->data, m->map_len);
	free(m->foreign);
	free(m);
}
