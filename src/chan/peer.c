/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer.c - the peer string: "<socket path>#<member id>.<request>", for a foreign peer "<socket path>#x<layout>.<request>"
 *
 * Numbers are hexadecimal (so none starts with an x). Made on the hot path, hence by hand. Parsing is pure and fuzzed:
 * programs keep the string and hand it back, perhaps damaged.
 */
#include <errno.h>
#include <string.h>

#include "chan/chan_int.h"

static char *hex(char *p, uint64_t v)
{
	unsigned shift = v != 0 ? (unsigned)(63 - __builtin_clzll(v)) / 4 * 4 : 0;

	for (;; shift -= 4) {
		*p++ = "0123456789abcdef"[(v >> shift) & 15];
		if (shift == 0)
			return p;
	}
}

static char *text(char *p, const char *s, size_t max)
{
	size_t n = strnlen(s, max);

	memcpy(p, s, n);
	return p + n;
}

/* a member's string without the request: kept, for the next one is often from the same */
static char *member(struct sh_chan *c, sh_id_t from, char *out)
{
	if (c->peer_of != from) {
		const struct sh_member *who = &sh_region()->members[sh_id_slot(from)];
		char *p = text(c->peer, c->dir, sizeof(c->dir));

		*p++ = '/';
		p = text(p, who->sock, sizeof(who->sock));
		*p++ = '#';
		p = hex(p, from);
		c->peer_len = (size_t)(p - c->peer);
		c->peer_of = from;
	}
	memcpy(out, c->peer, c->peer_len);
	return out + c->peer_len;
}

void sh_peer_make(struct sh_chan *c, const struct sh_msg *m, char out[SH_PEER_MAX])
{
	char *p = out;

	if (m->from != 0) {
		p = member(c, m->from, p);
	} else {
		p = text(p, m->foreign->sa.sun_path, sizeof(m->foreign->sa.sun_path));
		*p++ = '#';
		*p++ = 'x';
		p = hex(p, m->foreign->layout);
	}
	*p++ = '.';
	p = hex(p, m->req);
	*p = '\0';
}

/* one hexadecimal number of 1..16 digits, up to end: 0 or -EINVAL */
static int number(const char **s, char end, uint64_t *v)
{
	const char *p = *s;

	*v = 0;
	for (; *p != '\0' && *p != end; p++) {
		unsigned d;

		if (*p >= '0' && *p <= '9')
			d = (unsigned)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			d = (unsigned)(*p - 'a') + 10;
		else
			return -EINVAL;
		if (p - *s >= 16)
			return -EINVAL;
		*v = *v << 4 | d;
	}
	if (p == *s || *p != end)
		return -EINVAL;
	*s = p + (end != '\0');
	return 0;
}

int sh_peer_parse(const char *s, struct sh_peer *p)
{
	const char *at = strrchr(s, '#');
	uint64_t v;

	memset(p, 0, sizeof(*p));
	if (at == NULL || at == s || (size_t)(at - s) >= sizeof(p->path))
		return -EINVAL;
	memcpy(p->path, s, (size_t)(at - s));
	at++;
	if (*at == 'x') {
		at++;
		if (number(&at, '.', &v) < 0 || (v != SH_DPDK_22 && v != SH_DPDK_26))
			return -EINVAL;
		p->layout = (enum sh_layout)v;
	} else {
		if (number(&at, '.', &v) < 0 || v == 0 || sh_id_slot(v) >= SH_MEMBERS || v >> 48 != 0)
			return -EINVAL;
		p->from = v;
	}
	return number(&at, '\0', &p->req);
}
