/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gso.h - big TCP and UDP frames of the kernel cut into packets, and made of packets
 *
 * The kernel hands over and takes up to 64 KB of a TCP stream, or of UDP datagrams of one flow and length, as one frame with a
 * virtio_net_hdr before it. One system call for some forty packets instead of one for each: the program still sees packets as
 * they would be on a wire, each with its own headers and right checksums.
 *
 * Pure. Bytes may be any: the kernel's are checked before they are cut, the program's packets before they are merged. Merged are
 * only packets whose checksums are right, so that no broken packet becomes a good one; and only such as cut the same way again
 * give the same packets, but for IPv4's identification where fragments are forbidden. A datagram without a checksum is left alone:
 * cut again, it would have one.
 *
 * What is in a tunnel is big there as the tunnel's interface was given it: the kernel says where the inner TCP or UDP begins, and
 * leaves to the interface all that depends on the length. Cut are frames with one tunnel: IP in UDP (VXLAN, Geneve: whatever is
 * in between is copied), in GRE without numbers, in IP. Merged are only packets without one; a tunnel's of UDP are datagrams.
 */
#ifndef SH_PKT_GSO_H
#define SH_PKT_GSO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <linux/virtio_net.h>

#define SH_GSO_FRAME 66048 /* bytes of the longest: an IP packet, Ethernet headers, tags, a tunnel */
#define SH_GSO_HDR 160	   /* of the longest headers: 14 and two tags, 60, 60 */
#define SH_GSO_TUNNEL                                                                                                  \
	512 /* of all in front of the inner layer 4: 22, 60, 8, Geneve's 8 and 252, 22, 60; extensions of IPv6 */
#define SH_GSO_PKTS 64 /* packets in one that is made here */
#define SH_GSO_UDP 5   /* gso_type: UDP, pieces of equal length; older headers of the kernel have no name for it */

/* the sum of n bytes, added to sum: as rte_raw_cksum(), 32 bits, faster. The second copies, too; 'to' may be 'from'. */
uint32_t sh_sum(const void *from, size_t n, uint32_t sum);
uint32_t sh_sum_copy(void *to, const void *from, size_t n, uint32_t sum);

/* the checksum that v says is missing, filled in; false: v is nonsense for a frame of len bytes */
bool sh_vnet_fill(const struct virtio_net_hdr *v, uint8_t *frame, uint32_t len);

/* ---- cut ---- */

struct sh_cut {
	const uint8_t *frame;
	uint32_t len, at;	       /* bytes; of the payload's next */
	uint32_t hdr_len, l3, l4, mss; /* offsets; bytes */
	uint32_t seq, pseudo;
	uint16_t id;
	bool v6, udp;
	/* a tunnel around that: the protocol in its IP header, 0: there is none; offsets; out_sum: of a checksum in layer 4, 0: none */
	uint8_t tunnel, out_sum;
	bool out_v6;
	uint16_t out_l3, out_l4, out_id;
};

/* frame must stay until the last packet. false: v and the frame do not fit each other */
bool sh_cut_begin(struct sh_cut *c, const struct virtio_net_hdr *v, const uint8_t *frame, uint32_t len);

static inline bool sh_cut_more(const struct sh_cut *c)
{
	return c->at < c->len;
}

/* is the header that its receiver sees first IPv4's? */
static inline bool sh_cut_v4(const struct sh_cut *c)
{
	return c->tunnel != 0 ? !c->out_v6 : !c->v6;
}

/* bytes of the next packet */
static inline uint32_t sh_cut_next(const struct sh_cut *c)
{
	uint32_t left = c->len - c->at;

	return c->hdr_len + (left < c->mss ? left : c->mss);
}

/* writes it: sh_cut_next() bytes */
void sh_cut_one(struct sh_cut *c, uint8_t *to);

/* ---- merge ---- */

struct sh_merge {
	unsigned n; /* packets in it; 0: none */
	uint32_t hdr_len, l3, l4, mss, bytes;
	uint32_t seq; /* that the next one must have; TCP */
	uint16_t id;
	bool v6, udp, last, checked, push; /* .. nothing fits behind it; the first one's sum is right; ends with PSH */
	const uint8_t *first;
	uint8_t hdr[SH_GSO_HDR];
	struct virtio_net_hdr v;
	struct iovec iov[2 + SH_GSO_PKTS]; /* v, headers, payloads */
};

/*
 * Put a packet that lies in one piece behind those that are in it. false: it does not fit: send what is there, and begin with
 * sh_merge_begin(). Both only look at the packet; it must stay until all is sent.
 */
bool sh_merge_add(struct sh_merge *g, const uint8_t *pkt, uint32_t len);
/* would it, but for its checksums? Much cheaper than adding it */
bool sh_merge_fits(const struct sh_merge *g, const uint8_t *pkt, uint32_t len);
/* false: it is none that others could follow: send it by itself. udp: one of UDP may be, too */
bool sh_merge_begin(struct sh_merge *g, const uint8_t *pkt, uint32_t len, bool udp);
/* iov and v as writev() needs them; how many. A single packet goes as it is. */
int sh_merge_end(struct sh_merge *g);

#endif
