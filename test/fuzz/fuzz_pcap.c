/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_pcap.c - any bytes as a capture file
 *
 * Held against cap.h: every byte of a packet is there; what is broken stays broken and says why; from the beginning it is the same
 * again. Files that are libpcap's go to libpcap, if it is there.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "help_must.h"
#include "pkt/cap.h"

static uint64_t once(struct sh_cap *c, size_t size, int *end)
{
	struct sh_cap_packet p;
	uint64_t sum = 0, n = 0;

	while ((*end = sh_cap_next(c, &p)) == 1) {
		MUST(p.caplen <= SH_CAP_PACKET);
		for (uint32_t i = 0; i < p.caplen; i++)
			sum = sum * 31 + p.data[i];
		sum += p.caplen + p.len + p.ts_ns;
		MUST(++n <= size);
	}
	MUST((*end < 0) == (sh_cap_why(c)[0] != '\0'));
	MUST(sh_cap_next(c, &p) == *end);
	return sum + n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[SH_CAP_WHY] = "";
	struct sh_cap *c;
	uint64_t sum;
	int fd, end, again;

	if (size > 100000)
		return 0;
	fd = memfd_create("capture", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	if (sh_cap_open_fd(&c, fd, why) < 0) {
		MUST(why[0] != '\0');
		return 0;
	}
	sum = once(c, size, &end);
	if (sh_cap_rewind(c) == 0) {
		MUST(once(c, size, &again) == sum);
		MUST(again == end);
	}
	sh_cap_close(c);
	return 0;
}
