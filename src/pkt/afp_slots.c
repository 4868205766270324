/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * afp_slots.c - net_af_packet: short packets sent by way of slots that the kernel reads (afp.h)
 *
 * The kernel has a place where it looks for the next packet; a call has it send from there on until it finds a slot that is not
 * asked for. After a call our place is behind what it has taken, and what it has not taken is taken back: so between two bursts
 * no slot is asked for, and the two places are the same.
 *
 * Who opens the slots asks for every one of them that is free, with a length that nothing can have: the kernel refuses the one at
 * its place, and says so there, and sends none. That overwrites, too, what a dead owner had written and not sent. While the one
 * at the kernel's place is on its way out (all of them are) there is no answer, and it is asked again later.
 *
 * A packet is copied twice, but there is no description of a message and of its pieces for the kernel to read, to check and to
 * answer. The virtio-net header's hdr_len says that all of the packet is header: so the kernel copies it into a buffer of its
 * own, and needs no page to refer to the slot, which veth and others would have to copy anyway.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/atom.h"
#include "base/fault.h"
#include "pkt/afp.h"

#define BLOCK 8192u /* the kernel's memory comes in such */
#define BLOCKS 26u
#define SLOT                                                                                                           \
	1600u /* an odd number of cache lines, so that the first ones of all slots do not compete for the same places */
#define PER_BLOCK (BLOCK / SLOT)
#define SLOTS (BLOCKS * PER_BLOCK)
#define AT (TPACKET2_HDRLEN - sizeof(struct sockaddr_ll)) /* of the virtio-net header in a slot */
#define AGAIN 64u					  /* bursts between two questions for the kernel's place */
#define TAKEN_BACK (TP_STATUS_SEND_REQUEST | TP_STATUS_WRONG_FORMAT)

_Static_assert(AT + SH_AFP_VNET + SH_AFP_SHORT <= SLOT, "a slot has room for a packet");

static struct tpacket2_hdr *slot(const struct sh_afp_slots *x, uint32_t i)
{
	i %= SLOTS;
	return (void *)(x->map + (size_t)(i / PER_BLOCK) * BLOCK + (size_t)(i % PER_BLOCK) * SLOT);
}

static uint32_t status(struct tpacket2_hdr *h)
{
	return sh_load_acq((_Atomic uint32_t *)&h->tp_status); /* A:AFPSENT partner: the kernel */
}

static void put(struct tpacket2_hdr *h, uint32_t st)
{
	sh_store_rel((_Atomic uint32_t *)&h->tp_status, st); /* R:AFPSENT partner: the kernel */
}

static bool is_free(struct tpacket2_hdr *h)
{
	return (status(h) & (TAKEN_BACK | TP_STATUS_SENDING)) == 0;
}

static void call(const struct sh_afp_slots *x)
{
	(void)send(x->fd, NULL, 0, MSG_DONTWAIT); /* what became of it is in the slots */
}

int sh_afp_slots_make(int fd)
{
	struct tpacket_req req = {
		.tp_block_size = BLOCK, .tp_block_nr = BLOCKS, .tp_frame_size = SLOT, .tp_frame_nr = SLOTS};

	return setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &req, sizeof(req)) == 0 ? 0 : -errno;
}

/* the kernel's place; false: it cannot be known now */
static bool find(struct sh_afp_slots *x)
{
	bool found = false;

	for (uint32_t i = 0; i < SLOTS; i++) {
		struct tpacket2_hdr *h = slot(x, i);

		if ((status(h) & TP_STATUS_SENDING) != 0)
			continue;
		h->tp_len = 0; /* shorter than the virtio-net header */
		put(h, TP_STATUS_SEND_REQUEST);
	}
	call(x);
	for (uint32_t i = 0; i < SLOTS; i++) {
		struct tpacket2_hdr *h = slot(x, i);
		uint32_t st = status(h);

		if ((st & TP_STATUS_WRONG_FORMAT) != 0) {
			x->at = i;
			found = true;
		}
		if ((st & TAKEN_BACK) != 0)
			put(h, TP_STATUS_AVAILABLE);
	}
	return found;
}

void sh_afp_slots_open(struct sh_afp_slots *x, int fd)
{
	*x = (struct sh_afp_slots){.fd = -1};
	if (fd < 0)
		return;
	x->map = mmap(NULL, (size_t)BLOCK * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (x->map == MAP_FAILED)
		return;
	x->fd = fd;
	x->unsure = !find(x);
}

void sh_afp_slots_shut(struct sh_afp_slots *x)
{
	if (x->fd >= 0)
		(void)munmap(x->map, (size_t)BLOCK * BLOCKS);
	x->fd = -1;
}

static void fill(struct tpacket2_hdr *h, const struct rte_mbuf *m)
{
	struct virtio_net_hdr v = {.hdr_len = m->data_len};
	uint8_t *at = (uint8_t *)h + AT;

	memcpy(at, &v, SH_AFP_VNET);
	memcpy(at + SH_AFP_VNET, rte_pktmbuf_mtod(m, const void *), m->data_len);
	h->tp_len = SH_AFP_VNET + m->data_len;
	put(h, TP_STATUS_SEND_REQUEST);
}

/* of k from x->at on, how many the kernel has taken; the others are free again */
static uint16_t gone(const struct sh_afp_slots *x, uint16_t k)
{
	uint16_t n = k;

	if ((status(slot(x, x->at + k - 1u)) & TAKEN_BACK) == 0) /* it takes them in order */
		return k;
	for (uint16_t i = k; i-- > 0;) {
		struct tpacket2_hdr *h = slot(x, x->at + i);

		if ((status(h) & TAKEN_BACK) == 0)
			break;
		put(h, TP_STATUS_AVAILABLE);
		n = i;
	}
	return n;
}

uint16_t sh_afp_slots_send(struct sh_afp_slots *x, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t k = 0;

	if (x->fd < 0)
		return 0;
	if (x->unsure != 0 && ++x->asked % AGAIN == 0)
		x->unsure = !find(x);
	if (x->unsure != 0)
		return 0;
	for (; k < n && is_free(slot(x, x->at + k)); k++)
		fill(slot(x, x->at + k), pkts[k]);
	if (k == 0)
		return 0;
	SH_STEP("afp_slots_filled");
	call(x);
	SH_STEP("afp_slots_sent");
	k = gone(x, k);
	x->at = (x->at + k) % SLOTS;
	return k;
}
