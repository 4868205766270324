/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * traffic_gen.c - sends small UDP packets on an interface, as fast as it takes them
 *
 * traffic_gen INTERFACE SECONDS FLOWS BYTES [PER_SECOND [CUT [HOST]]]: packets of FLOWS flows in turn, BYTES each without the
 * checksum of the frame (64 on the wire are 60), to UDP's port 9 of the host of that number, or to a station that nobody is, so that
 * no host answers. Prints how many the interface took.
 *
 * CUT: so many packets of a flow are one message, which the kernel cuts in front of an interface that cannot (ethtool -K eth0
 * tx-udp-segmentation off): a half of what a packet costs otherwise, and a half of that CPU is somebody else's. Where the kernel
 * does not know that (before Linux 6.2), packet by packet.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <arpa/inet.h>

#define BATCH 64
#define BYTES_MAX 1514
#define FLOWS_MAX 65536
#define CUT_MAX 64
#define HEADERS 42   /* Ethernet, IP, UDP */
#define GSO_UDP_L4 5 /* gso_type; older headers of the kernel have no name for it */
#define MESSAGE_MAX (sizeof(struct virtio_net_hdr) + HEADERS + CUT_MAX * (BYTES_MAX - HEADERS))

/* messages that are sent with one call, each one packet or cut into several */
static struct {
	unsigned n, cut, at; /* messages; packets in one; where the packet begins */
	unsigned char data[BATCH][MESSAGE_MAX];
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
} batch;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int die(const char *what)
{
	fprintf(stderr, "traffic_gen: %s: %s\n", what, strerror(errno));
	return 1;
}

static void put(unsigned char *p, unsigned v, unsigned n)
{
	while (n-- > 0)
		*p++ = (unsigned char)(v >> 8 * n);
}

static unsigned sum_of(const unsigned char *p, unsigned n, unsigned sum)
{
	for (unsigned i = 0; i < n; i += 2)
		sum += (unsigned)p[i] << 8 | p[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* headers as a host would send them. UDP's checksum is 0: none; of what the kernel shall cut it is the pseudo header's, and it
 * makes the packets' of it */
static void write_packet(unsigned char *f, unsigned bytes, bool cut, unsigned char host)
{

	memset(f, 0, bytes);
	memcpy(f, "\x02\x00\x00\x00\x77\xee\x02\x00\x00\x00\x77\x01\x08\x00", 14);
	f[5] = host;
	put(f + 14, 0x4500, 2);
	put(f + 16, bytes - 14, 2);
	f[22] = 64;
	f[23] = 17;
	put(f + 26, 0x0a4d0001, 4);
	put(f + 30, 0x0a4d0002, 4);
	put(f + 24, ~sum_of(f + 14, 20, 0) & 0xffff, 2);
	put(f + 36, 9, 2);
	put(f + 38, bytes - 34, 2);
	if (cut)
		put(f + 40, sum_of(f + 26, 8, 17 + bytes - 34), 2);
}

static int open_socket(const char *name, unsigned cut)
{
	int s = socket(AF_PACKET, SOCK_RAW, 0), on = 1;
	struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name)};

	if (s < 0 || a.sll_ifindex == 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -1;
	/* what is cut passes no device that way */
	if (setsockopt(s, SOL_PACKET, cut > 1 ? PACKET_VNET_HDR : PACKET_QDISC_BYPASS, &on, sizeof(on)) < 0 && cut > 1)
		return -1;
	return s;
}

static void prepare(unsigned bytes, unsigned cut, unsigned char host)
{
	struct virtio_net_hdr v = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				   .gso_type = GSO_UDP_L4,
				   .hdr_len = HEADERS,
				   .gso_size = (unsigned short)(bytes - HEADERS),
				   .csum_start = HEADERS - 8,
				   .csum_offset = 6};
	unsigned whole = HEADERS + (bytes - HEADERS) * cut;

	batch.cut = cut;
	batch.n = BATCH / cut;
	batch.at = cut > 1 ? sizeof(v) : 0;
	for (unsigned i = 0; i < batch.n; i++) {
		memcpy(batch.data[i], &v, batch.at);
		write_packet(batch.data[i] + batch.at, whole, cut > 1, host);
		batch.iov[i] = (struct iovec){batch.data[i], batch.at + whole};
		batch.m[i].msg_hdr = (struct msghdr){.msg_iov = &batch.iov[i], .msg_iovlen = 1};
	}
}

/* as many packets as the interface took, or -1; flow: of the next message */
static int send_batch(int s, unsigned *flow, unsigned flows)
{
	int n;

	for (unsigned i = 0; i < batch.n; i++, *flow = (*flow + 1) % flows)
		put(batch.data[i] + batch.at + HEADERS - 8, 1024 + *flow % 60000, 2);
	n = sendmmsg(s, batch.m, batch.n, 0);
	if (n >= 0)
		return n * (int)batch.cut;
	return errno == ENOBUFS || errno == EAGAIN ? 0 : -1;
}

/* waits until so many may have been sent; 0: at once */
static void pace(double began, uint64_t sent, double per_second)
{
	double ahead = per_second > 0 ? (double)sent / per_second - (now() - began) : 0;
	struct timespec ts = {0, (long)(ahead * 1e9)};

	if (ahead > 0)
		(void)nanosleep(&ts, NULL);
}

int main(int argc, char **argv)
{
	unsigned flows, bytes, cut, flow = 0, host;
	double began, end, rate = argc > 5 ? atof(argv[5]) : 0;
	uint64_t sent = 0;
	int s;

	if (argc < 5)
		return die("usage: traffic_gen INTERFACE SECONDS FLOWS BYTES [PER_SECOND [CUT [HOST]]]");
	flows = (unsigned)atoi(argv[3]);
	bytes = (unsigned)atoi(argv[4]);
	cut = argc > 6 ? (unsigned)atoi(argv[6]) : 1;
	host = argc > 7 ? (unsigned)atoi(argv[7]) : 0xee;
	if (flows == 0 || flows > FLOWS_MAX || bytes < 60 || bytes > BYTES_MAX || cut == 0 || cut > CUT_MAX)
		return die("flows, bytes or cut out of range");
	if (HEADERS + (bytes - HEADERS) * cut > 65000)
		return die("more than a message holds");
	s = open_socket(argv[1], cut);
	if (s < 0)
		return die(argv[1]);
	prepare(bytes, cut, (unsigned char)host);
	if (cut > 1 && send_batch(s, &flow, flows) < 0) {
		s = open_socket(argv[1], 1);
		prepare(bytes, 1, (unsigned char)host);
	}
	began = now();
	end = began + atof(argv[2]);
	while (now() < end) {
		int n = send_batch(s, &flow, flows);

		if (n < 0)
			return die("sendmmsg");
		sent += (uint64_t)n;
		pace(began, sent, rate);
	}
	printf("sent %llu%s\n", (unsigned long long)sent, batch.cut > 1 ? "" : " one by one");
	return 0;
}
