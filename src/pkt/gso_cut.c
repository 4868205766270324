/* SPDX-License-Identifier: BSD-3-Clause */
/* gso_cut.c - big TCP and UDP frames of the kernel cut into packets, also those in a tunnel. See gso.h. */
#include "pkt/gso_int.h"

/* where the IP header is, behind tags; 0: it is none. at: where it is without them */
static uint32_t find_ip(const uint8_t *frame, uint32_t len, uint32_t at, bool *v6)
{
	for (int tags = 0; at <= len; tags++, at += 4) {
		uint16_t type = get16(frame + at - 2);

		*v6 = type == TYPE_IP6;
		if (type == TYPE_IP4 || type == TYPE_IP6)
			return at;
		if ((type != 0x8100 && type != 0x88a8) || tags == 2)
			return 0;
	}
	return 0;
}

/* where the IP header at 'at' ends, IPv6's with its extensions, and what is behind it; 0: it is none, or of a fragment */
static uint32_t behind_ip(const uint8_t *frame, uint32_t len, uint32_t at, bool v6, uint8_t *proto)
{
	const uint8_t *ip = frame + at;

	if (at + (v6 ? IP6_LEN : IP4_LEN) > len || ip[0] >> 4 != (v6 ? 6 : 4))
		return 0;
	if (!v6) {
		*proto = ip[IP4_PROTO];
		return (ip[0] & 0xf) < 5 || (get16(ip + IP4_FRAG) & FRAGMENT) != 0 ? 0 : at + 4u * (ip[0] & 0xf);
	}
	*proto = ip[IP6_NEXT];
	at += IP6_LEN;
	while (*proto == NEXT_HOPS || *proto == NEXT_ROUTING || *proto == NEXT_DEST) {
		if (at + 8 > len)
			return 0;
		*proto = frame[at];
		at += 8 + 8u * frame[at + 1];
	}
	return at;
}

/* is the IP packet at 'at' all that is left, as its header says? One that is longer than a header can say: yes */
static bool is_rest(const uint8_t *frame, uint32_t len, uint32_t at, bool v6)
{
	uint32_t left = len - at - (v6 ? IP6_LEN : 0);

	return left > UINT16_MAX || get16(frame + at + (v6 ? IP6_PAYLOAD : IP4_TOTAL)) == left;
}

/* does an IP header begin at 'at', and end where 'end' is? */
static bool ip_ends(const struct sh_cut *c, uint32_t at, bool v6, uint32_t end, uint8_t want)
{
	uint8_t proto;

	return behind_ip(c->frame, c->len, at, v6, &proto) == end && proto == want && is_rest(c->frame, c->len, at, v6);
}

/*
 * The header that ends where TCP or UDP begins, in a tunnel. What is in front of it may be anything, and is not asked: VXLAN,
 * Geneve and others are known by ports that anybody may choose.
 */
static bool inner_ip(struct sh_cut *c, uint8_t kind)
{
	uint8_t want = c->udp ? PROTO_UDP : PROTO_TCP;
	uint32_t room = c->l4 - c->out_l4;

	c->v6 = true;
	c->l3 = c->l4 - IP6_LEN;
	if (kind != VIRTIO_NET_HDR_GSO_TCPV4 && room >= IP6_LEN && ip_ends(c, c->l3, true, c->l4, want))
		return true;
	c->v6 = false;
	for (uint32_t n = IP4_LEN; kind != VIRTIO_NET_HDR_GSO_TCPV6 && n <= 60 && n <= room; n += 4) {
		c->l3 = c->l4 - n;
		if (ip_ends(c, c->l3, false, c->l4, want))
			return true;
	}
	return false;
}

/* is there a further header of IP behind UDP's? It would have to be changed, too */
static bool is_nested(const struct sh_cut *c)
{
	uint32_t n;

	for (uint32_t at = c->out_l4 + UDP_LEN; at + IP4_LEN <= c->l3; at++) {
		const uint8_t *ip = c->frame + at;

		n = 4u * (ip[0] & 0xf);
		if (ip[0] >> 4 == 4 && n >= IP4_LEN && at + n <= c->l3 && is_rest(c->frame, c->len, at, false) &&
		    fold16(sh_sum(ip, n, 0)) == 0xffff)
			return true;
		if (ip[0] >> 4 == 6 && at + IP6_LEN <= c->l3 && is_rest(c->frame, c->len, at, true))
			return true;
	}
	return false;
}

/* GRE's header of what its flags say, without numbers, which a cut would have to count on; then IP, or Ethernet with IP */
static bool look_gre(struct sh_cut *c)
{
	const uint8_t *gre = c->frame + c->out_l4;
	uint32_t flags = get16(gre), type = get16(gre + 2), end = c->out_l4 + GRE_LEN;
	bool v6;

	if ((flags & ~(uint32_t)(GRE_HAS_SUM | GRE_HAS_KEY)) != 0)
		return false;
	end += ((flags & GRE_HAS_SUM) != 0 ? 4 : 0) + ((flags & GRE_HAS_KEY) != 0 ? 4 : 0);
	c->out_sum = (flags & GRE_HAS_SUM) != 0 ? GRE_SUM : 0;
	if (type == TYPE_ETHER)
		return end + ETH_LEN <= c->l3 && find_ip(c->frame, c->l3, end + ETH_LEN, &v6) == c->l3 && v6 == c->v6;
	return end == c->l3 && type == (c->v6 ? TYPE_IP6 : TYPE_IP4);
}

static bool look_udp(struct sh_cut *c)
{
	const uint8_t *udp = c->frame + c->out_l4;
	uint32_t left = c->len - c->out_l4;

	c->out_sum = get16(udp + UDP_SUM) != 0 ? UDP_SUM : 0;
	return c->l3 - c->out_l4 >= UDP_LEN && (left > UINT16_MAX || get16(udp + UDP_LENGTH) == left) && !is_nested(c);
}

/* what is cut is in a tunnel: 'at' is behind the outer IP header, in front of proto */
static bool look_tunnel(struct sh_cut *c, uint8_t kind, uint32_t at, uint8_t proto)
{
	c->out_l3 = (uint16_t)c->l3;
	c->out_l4 = (uint16_t)at;
	c->out_v6 = c->v6;
	c->out_id = c->v6 ? 0 : get16(c->frame + c->l3 + IP4_ID);
	c->tunnel = proto;
	/* sums are made of words: those of the outer header must be the inner one's */
	if (c->l4 > SH_GSO_TUNNEL || (c->l4 - at) % 2 != 0 || !is_rest(c->frame, c->len, c->l3, c->v6) ||
	    !inner_ip(c, kind))
		return false;
	switch (proto) {
	case PROTO_UDP:
		return look_udp(c);
	case PROTO_GRE:
		return look_gre(c);
	default:
		return c->l3 == at && proto == (c->v6 ? PROTO_IP6 : PROTO_IP4);
	}
}

bool sh_cut_begin(struct sh_cut *c, const struct virtio_net_hdr *v, const uint8_t *frame, uint32_t len)
{
	uint8_t kind = v->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN, proto;
	uint32_t l4_len, at;

	*c = (struct sh_cut){.frame = frame, .len = len, .mss = v->gso_size, .l4 = v->csum_start};
	c->udp = kind == SH_GSO_UDP;
	l4_len = c->udp ? UDP_LEN : TCP_LEN;
	if ((v->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0 || v->csum_offset != (c->udp ? UDP_SUM : TCP_SUM) ||
	    c->mss == 0 || len < ETH_LEN ||
	    (kind != VIRTIO_NET_HDR_GSO_TCPV4 && kind != VIRTIO_NET_HDR_GSO_TCPV6 && !c->udp))
		return false;
	c->l3 = find_ip(frame, len, ETH_LEN, &c->v6);
	if (c->l3 == 0 || c->l4 + l4_len > len)
		return false;
	at = behind_ip(frame, len, c->l3, c->v6, &proto);
	if (at == 0 || at > c->l4 || (at < c->l4 && !look_tunnel(c, kind, at, proto)))
		return false;
	if (at == c->l4 &&
	    (proto != (c->udp ? PROTO_UDP : PROTO_TCP) || (!c->udp && c->v6 != (kind == VIRTIO_NET_HDR_GSO_TCPV6))))
		return false;
	c->hdr_len = c->l4 + (c->udp ? UDP_LEN : 4u * (frame[c->l4 + TCP_DOFF] >> 4));
	if (c->hdr_len < c->l4 + l4_len || c->hdr_len >= len || (c->tunnel == 0 && c->hdr_len > SH_GSO_HDR))
		return false;
	c->at = c->hdr_len;
	c->seq = c->udp ? 0 : get32(frame + c->l4 + TCP_SEQ);
	c->id = c->v6 ? 0 : get16(frame + c->l3 + IP4_ID);
	c->pseudo = pseudo(frame + c->l3, c->v6, c->udp ? PROTO_UDP : PROTO_TCP);
	return true;
}

static void write_tcp(const struct sh_cut *c, uint8_t *tcp, uint32_t payload)
{
	bool first = c->at == c->hdr_len, last = c->at + payload == c->len;

	put32(tcp + TCP_SEQ, c->seq);
	if (!last)
		tcp[TCP_FLAGS] &= (uint8_t) ~(FIN | PSH);
	if (!first)
		tcp[TCP_FLAGS] &= (uint8_t)~CWR;
}

/* 0 says in UDP that there is none */
static void store_udp_sum(uint8_t *at, uint32_t sum)
{
	store_sum(at, sum);
	if (get16(at) == 0)
		put16(at, 0xffff);
}

/*
 * The headers in front of the inner ones, which are written. Everything from the inner l4 on is not summed again: with its pseudo
 * header, whose sum is 'inner', it is 0.
 */
static void write_outer(struct sh_cut *c, uint8_t *to, uint32_t size, uint32_t inner)
{
	uint8_t *l3 = to + c->out_l3, *l4 = to + c->out_l4;
	uint32_t sum;

	write_ip(l3, c->out_v6, c->out_l4 - c->out_l3, size - c->out_l4, c->out_id++);
	if (c->tunnel == PROTO_UDP)
		put16(l4 + UDP_LENGTH, (uint16_t)(size - c->out_l4));
	if (c->out_sum == 0)
		return;
	put16(l4 + c->out_sum, 0);
	sum = sh_sum(l4, c->l4 - c->out_l4, (uint16_t)~fold16(inner));
	if (c->tunnel == PROTO_UDP)
		store_udp_sum(l4 + UDP_SUM,
			      add_len(fold32((uint64_t)sum + pseudo(l3, c->out_v6, PROTO_UDP)), size - c->out_l4));
	else
		store_sum(l4 + GRE_SUM, sum);
}

void sh_cut_one(struct sh_cut *c, uint8_t *to)
{
	uint32_t size = sh_cut_next(c), payload = size - c->hdr_len, whole, sum;
	uint8_t *l4 = to + c->l4;

	memcpy(to, c->frame, c->hdr_len);
	write_ip(to + c->l3, c->v6, c->l4 - c->l3, size - c->l4, c->id++);
	if (c->udp)
		put16(l4 + UDP_LENGTH, (uint16_t)(UDP_LEN + payload));
	else
		write_tcp(c, l4, payload);
	put16(l4 + (c->udp ? UDP_SUM : TCP_SUM), 0);
	whole = add_len(c->pseudo, size - c->l4);
	sum = sh_sum(l4, c->hdr_len - c->l4, whole);
	sum = sh_sum_copy(to + c->hdr_len, c->frame + c->at, payload, sum);
	if (c->udp)
		store_udp_sum(l4 + UDP_SUM, sum);
	else
		store_sum(l4 + TCP_SUM, sum);
	if (c->tunnel != 0)
		write_outer(c, to, size, whole);
	c->seq += payload;
	c->at += payload;
}
