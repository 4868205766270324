/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * traffic_gen.c - sends small UDP packets on an interface, as fast as it takes them
 *
 * traffic_gen INTERFACE SECONDS FLOWS BYTES [PER_SECOND]: packets of FLOWS flows in turn, BYTES each without the checksum of the
 * frame (64 on the wire are 60), to a station that nobody is, so that no host answers. Prints how many the interface took.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
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

/* headers as a host would send them; UDP's checksum is 0: none */
static void write_packet(unsigned char *f, unsigned bytes)
{
	unsigned sum = 0;

	memset(f, 0, bytes);
	memcpy(f, "\x02\x00\x00\x00\x77\xee\x02\x00\x00\x00\x77\x01\x08\x00", 14);
	put(f + 14, 0x4500, 2);
	put(f + 16, bytes - 14, 2);
	f[22] = 64;
	f[23] = 17;
	put(f + 26, 0x0a4d0001, 4);
	put(f + 30, 0x0a4d0002, 4);
	for (unsigned i = 14; i < 34; i += 2)
		sum += (unsigned)f[i] << 8 | f[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put(f + 24, ~((sum & 0xffff) + (sum >> 16)) & 0xffff, 2);
	put(f + 36, 9, 2);
	put(f + 38, bytes - 34, 2);
}

static int open_socket(const char *name)
{
	int s = socket(AF_PACKET, SOCK_RAW, 0), on = 1;
	struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name)};

	if (s < 0 || a.sll_ifindex == 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -1;
	(void)setsockopt(s, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
	return s;
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
	static unsigned char packets[BATCH][BYTES_MAX];
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
	unsigned flows, bytes, flow = 0;
	double began, end, rate = argc > 5 ? atof(argv[5]) : 0;
	uint64_t sent = 0;
	int s;

	if (argc < 5)
		return die("usage: traffic_gen INTERFACE SECONDS FLOWS BYTES [PER_SECOND]");
	flows = (unsigned)atoi(argv[3]);
	bytes = (unsigned)atoi(argv[4]);
	if (flows == 0 || flows > FLOWS_MAX || bytes < 60 || bytes > BYTES_MAX)
		return die("flows or bytes out of range");
	s = open_socket(argv[1]);
	if (s < 0)
		return die(argv[1]);
	memset(m, 0, sizeof(m));
	for (unsigned i = 0; i < BATCH; i++) {
		write_packet(packets[i], bytes);
		iov[i] = (struct iovec){packets[i], bytes};
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	began = now();
	end = began + atof(argv[2]);
	while (now() < end) {
		int n;

		for (unsigned i = 0; i < BATCH; i++, flow = (flow + 1) % flows)
			put(packets[i] + 34, 1024 + flow % 60000, 2);
		n = sendmmsg(s, m, BATCH, 0);
		if (n < 0 && errno != ENOBUFS && errno != EAGAIN)
			return die("sendmmsg");
		sent += n > 0 ? (uint64_t)n : 0;
		pace(began, sent, rate);
	}
	printf("sent %llu\n", (unsigned long long)sent);
	return 0;
}
