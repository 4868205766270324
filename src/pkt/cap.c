/* SPDX-License-Identifier: BSD-3-Clause */
/* cap.c - capture files of the classic format, read and written; the others go to caplib.c (cap.h) */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_byteorder.h>
#include <rte_common.h>

#include "base/fd.h"
#include "pkt/cap_int.h"

#define MAGIC_US 0xa1b2c3d4u
#define MAGIC_NS 0xa1b23c4du
#define BUFFER (512u << 10)   /* takes the longest record, and what is read at a time */
#define AT_A_TIME (64u << 10) /* read: it stays in the processor's cache until it is copied */
#define KEPT (64 << 20)	      /* longer files are read each time */

_Static_assert(BUFFER > SH_CAP_PACKET + SH_CAP_REC_HDR, "a record fits");

int sh_cap_broken(struct sh_cap *c, int err, const char *why)
{
	snprintf(c->why, sizeof(c->why), "%s", why);
	c->broken = err;
	return err;
}

/* have at least n bytes from at on, if the file has them. Returns how many there are. */
static size_t fill(struct sh_cap *c, size_t n)
{
	if (c->have - c->at >= n)
		return c->have - c->at;
	if (!c->keeps || c->room - c->at < n) { /* the second: it has grown */
		c->keeps = false;
		memmove(c->buf, c->buf + c->at, c->have - c->at);
		c->have -= c->at;
		c->at = 0;
	}
	while (c->have - c->at < n) {
		ssize_t r = read(c->fd, c->buf + c->have, RTE_MIN(c->room - c->have, (size_t)AT_A_TIME));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			c->read_err = errno;
		if (r <= 0)
			break;
		c->have += (size_t)r;
	}
	return c->have - c->at;
}

/* the next record: c->at stands on it. 1, 0, -errno */
static int next_record(struct sh_cap *c, struct sh_cap_packet *p)
{
	size_t have = fill(c, SH_CAP_REC_HDR);

	if (c->read_err != 0)
		return sh_cap_broken(c, -c->read_err, "it cannot be read any further");
	if (have == 0)
		return 0;
	if (have < SH_CAP_REC_HDR)
		return sh_cap_broken(c, -EBADMSG, "it ends within the header of a packet");
	sh_cap_record(c, c->buf + c->at, p);
	if (p->caplen > SH_CAP_PACKET)
		return sh_cap_broken(c, -EBADMSG, "a packet says that it is longer than packets are");
	if (fill(c, SH_CAP_REC_HDR + p->caplen) < SH_CAP_REC_HDR + p->caplen)
		return sh_cap_broken(c, c->read_err != 0 ? -c->read_err : -EBADMSG, "it ends within a packet");
	p->data = c->buf + c->at + SH_CAP_REC_HDR; /* it may have been moved */
	c->at += SH_CAP_REC_HDR + p->caplen;
	return 1;
}

int sh_cap_next(struct sh_cap *c, struct sh_cap_packet *p)
{
	if (__builtin_expect(c->broken != 0, 0))
		return c->broken;
	return c->lib != NULL ? sh_caplib_next(c, p) : next_record(c, p);
}

/* 0, -errno; 1: one for libpcap */
static int file_header(struct sh_cap *c, char why[SH_CAP_WHY])
{
	size_t have = fill(c, SH_CAP_FILE_HDR);
	uint32_t magic;
	uint16_t major;

	if (c->read_err != 0) {
		snprintf(why, SH_CAP_WHY, "%s", strerror(c->read_err));
		return -c->read_err;
	}
	if (have < SH_CAP_FILE_HDR) {
		snprintf(why, SH_CAP_WHY, "%s",
			 have == 0 ? "it is empty" : "it is shorter than the header of a capture file");
		return -EINVAL;
	}
	memcpy(&magic, c->buf, sizeof(magic));
	c->swapped = magic == rte_bswap32(MAGIC_US) || magic == rte_bswap32(MAGIC_NS);
	magic = sh_cap_word(c, c->buf);
	memcpy(&major, c->buf + 4, sizeof(major));
	major = c->swapped ? rte_bswap16(major) : major;
	if ((magic != MAGIC_US && magic != MAGIC_NS) || major != 2)
		return 1;
	c->nano = magic == MAGIC_NS;
	c->link = (int)(sh_cap_word(c, c->buf + 20) & 0xffff);
	c->at = SH_CAP_FILE_HDR;
	return 0;
}

int sh_cap_open_fd(struct sh_cap **ret, int fd, char why[SH_CAP_WHY])
{
	struct sh_cap *c = calloc(1, sizeof(*c));
	int r;

	if (c == NULL || (c->buf = malloc(BUFFER)) == NULL) {
		snprintf(why, SH_CAP_WHY, "there is no memory for it");
		free(c);
		close(fd);
		return -ENOMEM;
	}
	c->fd = fd;
	c->room = BUFFER;
	r = file_header(c, why);
	if (r == 1)
		r = sh_caplib_file(c, why);
	if (r < 0) {
		sh_cap_close(c);
		return r;
	}
	*ret = c;
	return 0;
}

int sh_cap_open(struct sh_cap **ret, const char *path, char why[SH_CAP_WHY])
{
	int fd = sh_fd_up(
		open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)); /* a FIFO without a writer must not hold us up */
	int r = errno;

	if (fd < 0) {
		snprintf(why, SH_CAP_WHY, "%s", strerror(r));
		return -r;
	}
	return sh_cap_open_fd(ret, fd, why);
}

void sh_cap_close(struct sh_cap *c)
{
	if (c == NULL)
		return;
	sh_caplib_close(c);
	if (c->fd >= 0)
		close(c->fd);
	free(c->buf);
	free(c);
}

void sh_cap_keep(struct sh_cap *c)
{
	struct stat st;
	size_t room;
	uint8_t *buf;

	if (c->lib != NULL || c->at != SH_CAP_FILE_HDR || fstat(c->fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > KEPT)
		return;
	room = (size_t)st.st_size + SH_CAP_REC_HDR; /* that there is no further record is seen by asking for it */
	if (room > c->room) {
		buf = realloc(c->buf, room);
		if (buf == NULL)
			return;
		c->buf = buf;
		c->room = room;
	}
	c->keeps = true;
	c->size = st.st_size;
	c->written = st.st_mtim;
}

/* is all of the file in buf, and as it is in the file? */
static bool kept(const struct sh_cap *c)
{
	struct stat st;

	return c->keeps && c->have == (size_t)c->size && fstat(c->fd, &st) == 0 && st.st_size == c->size &&
	       st.st_mtim.tv_sec == c->written.tv_sec && st.st_mtim.tv_nsec == c->written.tv_nsec;
}

int sh_cap_rewind(struct sh_cap *c)
{
	char why[SH_CAP_WHY];

	c->broken = 0;
	c->read_err = 0;
	c->why[0] = '\0';
	if (c->lib != NULL)
		return sh_caplib_rewind(c);
	if (kept(c)) {
		c->at = SH_CAP_FILE_HDR;
		return 0;
	}
	c->keeps = false;
	c->at = c->have = 0;
	if (lseek(c->fd, 0, SEEK_SET) != 0)
		return sh_cap_broken(c, -errno, "it cannot be read again from its beginning");
	return file_header(c, why) == 0 ? 0 : sh_cap_broken(c, -EBADMSG, "it is another file now");
}

const char *sh_cap_why(const struct sh_cap *c)
{
	return c->why;
}

int sh_cap_link(const struct sh_cap *c)
{
	return c->link;
}

static uint8_t *put(uint8_t *to, uint32_t v)
{
	memcpy(to, &v, sizeof(v));
	return to + sizeof(v);
}

void sh_cap_file_hdr(uint8_t to[SH_CAP_FILE_HDR])
{
	uint16_t version[2] = {2, 4};

	to = put(to, MAGIC_NS);
	memcpy(to, version, sizeof(version));
	to = put(to + sizeof(version), 0);
	to = put(to, 0);
	to = put(to, SH_CAP_PACKET);
	put(to, 1); /* Ethernet */
}

void sh_cap_rec_hdr(uint8_t to[SH_CAP_REC_HDR], uint64_t ts_ns, uint32_t caplen, uint32_t len)
{
	to = put(to, (uint32_t)(ts_ns / SH_CAP_NS_PER_S));
	to = put(to, (uint32_t)(ts_ns % SH_CAP_NS_PER_S));
	to = put(to, caplen);
	put(to, len);
}
