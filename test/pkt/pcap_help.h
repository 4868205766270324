/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pcap_help.h - capture files made, and read again without the library's help
 *
 * Packets made here are UDP over IPv4, of flow f (its source address and port) and with a number in it that grows along the flow.
 */
#ifndef SH_TEST_PKT_PCAP_HELP_H
#define SH_TEST_PKT_PCAP_HELP_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

struct pkt {
	uint32_t len;
	uint8_t *data;
};

struct file {
	unsigned n, cap;
	struct pkt *pkt;
	bool whole; /* nothing is left behind the last packet */
};

static inline void put32(FILE *f, uint32_t v, bool swap)
{
	v = swap ? __builtin_bswap32(v) : v;
	CHECK(fwrite(&v, 4, 1, f) == 1);
}

static inline void put_file_hdr(FILE *f, bool nano, bool swap, uint32_t link)
{
	put32(f, nano ? 0xa1b23c4d : 0xa1b2c3d4, swap);
	put32(f, 2 | 4 << 16, false);
	if (swap) { /* two halves, each swapped */
		CHECK(fseek(f, 4, SEEK_SET) == 0);
		CHECK(fwrite("\0\2\0\4", 4, 1, f) == 1);
	}
	put32(f, 0, swap);
	put32(f, 0, swap);
	put32(f, 65535, swap);
	put32(f, link, swap);
}

static inline void put_packet(FILE *f, const uint8_t *p, uint32_t n, uint32_t s, uint32_t frac, bool swap)
{
	put32(f, s, swap);
	put32(f, frac, swap);
	put32(f, n, swap);
	put32(f, n, swap);
	CHECK(n == 0 || fwrite(p, n, 1, f) == 1);
}

#define FLOW_HDR 42
/* a packet of len bytes, at least FLOW_HDR + 8 */
static inline void make_packet(uint8_t *p, uint32_t len, uint32_t flow, uint32_t num)
{
	static const uint8_t hdr[FLOW_HDR] = {2,    0, 0,  0, 0, 1, 2,	  0, 0,	   0,	 0, 2, 8,  0,
					      0x45, 0, 0,  0, 0, 0, 0x40, 0, 64,   17,	 0, 0, 10, 0,
					      0,    0, 10, 9, 9, 9, 0,	  0, 0x13, 0x88, 0, 0, 0,  0};

	memset(p, (int)(num & 0xff), len);
	memcpy(p, hdr, FLOW_HDR);
	p[16] = (uint8_t)((len - 14) >> 8), p[17] = (uint8_t)(len - 14);
	p[28] = (uint8_t)(flow >> 8), p[29] = (uint8_t)flow;
	p[34] = (uint8_t)(flow >> 8 | 0x40), p[35] = (uint8_t)(flow * 7);
	p[38] = (uint8_t)((len - 34) >> 8), p[39] = (uint8_t)(len - 34);
	memcpy(p + FLOW_HDR, &flow, 4);
	memcpy(p + FLOW_HDR + 4, &num, 4);
}

/* n packets of so many flows, lengths 60 to 1000, a microsecond apart. Returns the path, in the test's directory. */
static inline const char *make_capture(const char *name, unsigned n, unsigned flows)
{
	static char path[512];
	uint8_t p[1000];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", t_tmpdir(), name);
	f = fopen(path, "wb");
	CHECK(f != NULL);
	put_file_hdr(f, false, false, 1);
	for (unsigned i = 0; i < n; i++) {
		uint32_t len = 60 + i * 97 % 941;

		make_packet(p, len, i * 31 % flows, i);
		put_packet(f, p, len, 1000 + i / 1000000, i % 1000000, false);
	}
	CHECK(fclose(f) == 0);
	return path;
}

static inline uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

/* of this machine's byte order */
static inline struct file read_capture(const char *path)
{
	struct file r = {0};
	FILE *f = fopen(path, "rb");
	uint8_t h[24];

	CHECK(f != NULL);
	CHECK_EQ(fread(h, 1, 24, f), 24);
	CHECK(get32(h) == 0xa1b2c3d4 || get32(h) == 0xa1b23c4d);
	for (;;) {
		size_t n = fread(h, 1, 16, f);
		uint32_t len = get32(h + 8);
		struct pkt *p;

		r.whole = n == 0;
		if (n < 16)
			break;
		CHECK(len <= 262144);
		if (r.n == r.cap)
			CHECK((r.pkt = realloc(r.pkt, (r.cap = r.cap * 2 + 64) * sizeof(*r.pkt))) != NULL);
		p = &r.pkt[r.n];
		p->len = len;
		p->data = malloc(len + 1);
		if (fread(p->data, 1, len, f) < len) {
			free(p->data);
			break;
		}
		r.n++;
	}
	fclose(f);
	return r;
}

static inline void free_capture(struct file *f)
{
	for (unsigned i = 0; i < f->n; i++)
		free(f->pkt[i].data);
	free(f->pkt);
}

/*
 * Every packet of in once in out, but so many that are missing; none that in has not; and those of one flow in in's order. A flow
 * is what has the same addresses, protocol and, unless it is a fragment, ports: its packets hash alike.
 */
struct flow_key {
	uint8_t b[40];
};

static inline struct flow_key key_of(const struct pkt *p)
{
	struct flow_key k = {{0}};
	const uint8_t *ip = p->data + 14;

	if (p->len >= 38 && p->data[12] == 8 && p->data[13] == 0 && ip[0] == 0x45) {
		k.b[0] = 4;
		memcpy(k.b + 1, ip + 12, 8);
		if ((ip[9] == 6 || ip[9] == 17) && (ip[6] & 0x3f) == 0 && ip[7] == 0) {
			k.b[9] = ip[9];
			memcpy(k.b + 10, ip + 20, 4);
		}
	} else if (p->len >= 58 && p->data[12] == 0x86 && p->data[13] == 0xdd) {
		k.b[0] = 6;
		memcpy(k.b + 1, ip + 8, 32);
		if (ip[6] == 6 || ip[6] == 17)
			memcpy(k.b + 33, ip + 40, 4);
	}
	return k;
}

static inline bool same_packet(const struct pkt *a, const struct pkt *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static inline uint64_t hash_bytes(const uint8_t *p, size_t n)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 1099511628211u;
	return h;
}

/* where each flow stands: open addressing by the flow's key */
struct stand {
	struct flow_key key;
	bool used;
	unsigned next; /* packet of in to go on from */
};

static inline struct stand *stand_of(struct stand *t, unsigned n, const struct flow_key *k)
{
	unsigned i = (unsigned)(hash_bytes(k->b, sizeof(k->b)) % n);

	while (t[i].used && memcmp(&t[i].key, k, sizeof(*k)) != 0)
		i = (i + 1) % n;
	t[i].key = *k;
	t[i].used = true;
	return &t[i];
}

/* out's packets are found in in one after the other along each flow, which is order and "once" in one; returns how many are missing */
static inline unsigned check_delivery(const struct file *in, const struct file *out)
{
	unsigned n = in->n * 2 + 1;
	struct stand *t = calloc(n, sizeof(*t));
	struct flow_key *keys = calloc(in->n + 1, sizeof(*keys));

	CHECK(t != NULL && keys != NULL);
	for (unsigned i = 0; i < in->n; i++)
		keys[i] = key_of(&in->pkt[i]);
	for (unsigned o = 0; o < out->n; o++) {
		struct flow_key k = key_of(&out->pkt[o]);
		struct stand *s = stand_of(t, n, &k);

		while (s->next < in->n &&
		       (memcmp(&keys[s->next], &k, sizeof(k)) != 0 || !same_packet(&in->pkt[s->next], &out->pkt[o])))
			s->next++;
		if (s->next == in->n)
			t_fail(__FILE__, __LINE__,
			       "packet %u of the output (%u bytes) is no packet of the input, or it comes twice or too "
			       "late",
			       o, out->pkt[o].len);
		s->next++;
	}
	free(t);
	free(keys);
	return in->n - out->n;
}

#endif
