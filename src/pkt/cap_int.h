/* SPDX-License-Identifier: BSD-3-Clause */
/* cap_int.h - what cap.c and caplib.c share, and what is in the way of each packet that pcap_rx.c reads */
#ifndef SH_PKT_CAP_INT_H
#define SH_PKT_CAP_INT_H

#include <string.h>
#include <sys/types.h>
#include <time.h>

#include <rte_byteorder.h>

#include "pkt/cap.h"

#define SH_CAP_NS_PER_S UINT64_C(1000000000)

struct sh_caplib; /* caplib.c: libpcap's functions and a handle */

struct sh_cap {
	struct sh_caplib *lib; /* NULL: a file that is read here */
	int fd;		       /* -1: libpcap's */
	int link;
	int broken; /* -errno once it is */
	int read_err;
	bool swapped, nano;
	uint8_t *buf;
	size_t at, have, room; /* bytes of buf: read so far; there; of all of it */
	bool keeps;	       /* buf has room for the whole file, and nothing has left it yet */
	off_t size;	       /* of a file that is kept, and when it was written to last */
	struct timespec written;
	char why[SH_CAP_WHY];
};

static inline uint32_t sh_cap_word(const struct sh_cap *c, const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return c->swapped ? rte_bswap32(v) : v;
}

/* what the header of a record says */
static inline void sh_cap_record(const struct sh_cap *c, const uint8_t *hdr, struct sh_cap_packet *p)
{
	uint32_t frac = sh_cap_word(c, hdr + 4);

	p->ts_ns = sh_cap_word(c, hdr) * SH_CAP_NS_PER_S + (uint64_t)frac * (c->nano ? 1 : 1000);
	p->caplen = sh_cap_word(c, hdr + 8);
	p->len = sh_cap_word(c, hdr + 12);
	p->data = hdr + SH_CAP_REC_HDR;
}

struct sh_cap_bytes {
	const uint8_t *data;
	uint32_t len;
};

/*
 * As many packets as lie ready, at most n, as sh_cap_next() would give them one by one; their bytes stay until the next call. Ends
 * before one that is shorter than min or longer than max, and before whatever needs more than a look: sh_cap_next() has that.
 * What comes behind them is asked for from memory: each header says where the next one is, which else would have to be waited for.
 */
static inline unsigned sh_cap_ready(struct sh_cap *c, struct sh_cap_bytes *p, unsigned n, uint32_t min, uint32_t max)
{
	const uint8_t *at = c->buf + c->at, *end = c->buf + c->have;
	unsigned got = 0;

	if (c->lib != NULL || c->broken != 0)
		return 0;
	for (; got < n && end - at >= SH_CAP_REC_HDR; got++) {
		const uint32_t len = sh_cap_word(c, at + 8);

		if (len < min || len > max || len > (size_t)(end - at) - SH_CAP_REC_HDR)
			break;
		p[got] = (struct sh_cap_bytes){at + SH_CAP_REC_HDR, len};
		at += SH_CAP_REC_HDR + len;
	}
	__builtin_prefetch(at);
	__builtin_prefetch(at + SH_CAP_REC_HDR + 64);
	c->at = (size_t)(at - c->buf);
	return got;
}

int sh_cap_broken(struct sh_cap *c, int err, const char *why);

/* c->fd at any position; becomes libpcap's */
int sh_caplib_file(struct sh_cap *c, char why[SH_CAP_WHY]);
int sh_caplib_next(struct sh_cap *c, struct sh_cap_packet *p);
int sh_caplib_rewind(struct sh_cap *c);
void sh_caplib_close(struct sh_cap *c);

#endif
