/* SPDX-License-Identifier: BSD-3-Clause */
/* flows_test.c - a burst put in order of its flows, against a slow way of the test's own */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "pkt/flows.h"

enum kind { V4, V6, TAGGED, FRAGMENT, OPTIONS, ICMP, SHORT_V4, SHORT_V6, ARP, KINDS };

struct packet {
	struct rte_mbuf m;
	int flow; /* -1: none that is to be seen */
	unsigned char b[80];
};

static unsigned state = 1;

static unsigned rnd(unsigned n)
{
	state = state * 1103515245 + 12345;
	return (state >> 16) % n;
}

/* flows differ in one thing each: an address, a port, the protocol */
static void make(struct packet *p, enum kind kind, unsigned flow)
{
	bool v6 = kind == V6 || kind == SHORT_V6;
	unsigned char *ip = p->b + 14, *l4 = ip + (v6 ? 40 : 20);

	memset(p->b, 0x11, sizeof(p->b));
	memcpy(p->b + 12, v6 ? "\x86\xdd" : kind == ARP ? "\x08\x06" : kind == TAGGED ? "\x81\x00" : "\x08\x00", 2);
	ip[0] = v6 ? 0x60 : kind == OPTIONS ? 0x46 : 0x45;
	ip[v6 ? 6 : 9] = kind == ICMP ? 1 : flow % 2 ? 6 : 17;
	if (!v6)
		memcpy(ip + 6, kind == FRAGMENT ? (flow % 2 ? "\x20\x00" : "\x00\x07") : "\x40\x00", 2);
	ip[v6 ? 23 : 15] = (unsigned char)(flow / 2 % 2);
	ip[v6 ? 39 : 19] = (unsigned char)(flow / 4 % 2);
	l4[1] = (unsigned char)(flow / 8 % 2);
	l4[3] = (unsigned char)(flow / 16);
	l4[5] = (unsigned char)rnd(256); /* no part of a flow */
	p->m.buf_addr = p->b;
	p->m.data_len = kind == SHORT_V4 ? 37 : kind == SHORT_V6 ? 57 : (uint16_t)(60 + rnd(20));
	p->flow = kind == V4 ? (int)flow : kind == V6 ? (int)flow + 100 : -1;
}

/* the burst in order, as the header says; false: one flow too many */
static bool slow(const struct rte_mbuf **to, const struct packet *p, unsigned n)
{
	unsigned begin = 0, at = 0;

	while (begin < n) {
		unsigned end = begin, flows = 0;
		bool taken[SH_FLOWS_BURST] = {false};

		while (end < n && p[end].flow >= 0)
			end++;
		for (unsigned i = begin; i < end; i++) {
			flows += !taken[i];
			for (unsigned k = i; k < end; k++)
				if (!taken[k] && p[k].flow == p[i].flow) {
					taken[k] = true;
					to[at++] = &p[k].m;
				}
		}
		if (flows > SH_FLOWS_MOST)
			return false;
		if (end < n)
			to[at++] = &p[end].m;
		begin = end + 1;
	}
	CHECK_EQ(at, n);
	return true;
}

TEST(as_the_slow_way_does_it)
{
	static struct packet p[SH_FLOWS_BURST];
	unsigned moved = 0, many = 0, same = 0;

	for (unsigned round = 0; round < 20000; round++) {
		unsigned n = 1 + rnd(SH_FLOWS_BURST), flows = 1 + rnd(10), odd = rnd(4);
		struct rte_mbuf *from[SH_FLOWS_BURST], *got[SH_FLOWS_BURST];
		const struct rte_mbuf *want[SH_FLOWS_BURST];
		bool all;

		for (unsigned i = 0; i < n; i++) {
			make(&p[i],
			     rnd(20) < odd ? (enum kind)rnd(KINDS)
			     : rnd(4)	   ? V4
					   : V6,
			     rnd(flows) * (1 + rnd(2) * 3));
			from[i] = &p[i].m;
		}
		all = slow(want, p, n);
		if (sh_flows_gather(got, from, (uint16_t)n)) {
			CHECK(all);
			for (unsigned i = 0; i < n; i++)
				CHECK(got[i] == want[i]);
			CHECK(memcmp(got, from, n * sizeof(*got)) != 0);
			moved++;
		} else {
			CHECK(!all || memcmp(want, from, n * sizeof(*from)) == 0);
			many += !all;
			same += all;
		}
	}
	CHECK(moved > 1000 && many > 1000 && same > 500);
}
