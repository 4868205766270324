/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link.c - fds on their way from one member to another, and payloads too large for a lane
 *
 * The sender connects to the receiver's listener once; over that connection each set of fds is one packet with a number;
 * only then the record that names the number is published in the lane. So when the receiver sees a record, its fds are
 * already in the kernel on its side: it never waits for them. Numbers grow; a packet whose record never came (the sender
 * was killed in between, or its record failed a check) is met when a later number is looked for, or at hang-up: closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "chan/chan_int.h"

#define LINK_MAGIC 0x6b6e696cu

struct link_pkt {
	uint32_t magic;
	uint32_t n;
	uint64_t seq;
};

int sh_link_send(struct sh_out *o, const int *fds, unsigned n, uint64_t seq)
{
	struct link_pkt p = {.magic = LINK_MAGIC, .n = n, .seq = seq};
	ssize_t r;

	if (o->link < 0) {
		int s = sh_link_open(o->to, SH_LINK_LANE);

		if (s < 0)
			return s;
		o->link = s;
	}
	r = sh_sock_send(o->link, NULL, &p, sizeof(p), fds, n, MSG_DONTWAIT);
	if (r == (ssize_t)sizeof(p))
		return 0;
	/* the kernel counts fds in flight per user: others' unread ones may be in the way for a while */
	if (r == -EAGAIN || r == -ETOOMANYREFS || r == -ENOBUFS)
		return -EAGAIN;
	if (r != -EBADF && r != -EINVAL)
		sh_close(&o->link);
	return r < 0 ? (int)r : -EPIPE;
}

void sh_link_drop(struct sh_in *in)
{
	sh_close(&in->link);
	in->link_from = 0;
}

void sh_inbox_on_link(void *arg, sh_id_t from, int fd)
{
	struct sh_chan *c = arg;
	struct sh_in *in = &c->in[sh_id_slot(from)];

	sh_lock(&c->link_lock);
	/* one that is gone does not take the place of who has its slot now */
	if (in->link < 0 || in->link_from == from || !sh_member_alive(in->link_from)) {
		sh_link_drop(in);
		in->link = fd;
		in->link_from = from;
		fd = -1;
	}
	sh_unlock(&c->link_lock);
	sh_close(&fd);
}

/* one packet: 0, -EMFILE when I have no room for its fds (they are lost), or -ENODATA when there is none (or the link is broken) */
static int next_pkt(struct sh_in *in, struct link_pkt *p, struct sh_fds *f)
{
	ssize_t r = sh_sock_recv(in->link, p, sizeof(*p), f, NULL, NULL, NULL, MSG_DONTWAIT);

	if (r == (ssize_t)sizeof(*p) && p->magic == LINK_MAGIC && p->n == f->n)
		return 0;
	if (r >= 0)
		sh_fds_close(f);
	return r == -EMSGSIZE || r == -EMFILE ? -EMFILE : -ENODATA; /* cut short by the kernel */
}

int sh_link_take(struct sh_in *in, sh_id_t from, uint64_t seq, unsigned n, struct sh_fds *out)
{
	struct link_pkt p;

	out->n = 0;
	if (in->stash_seq != 0 && in->stash_seq <= seq) {
		bool hit = in->stash_seq == seq && in->stash->n == n;

		in->stash_seq = 0;
		if (hit) {
			*out = *in->stash;
			in->stash->n = 0;
			return 0;
		}
		sh_fds_close(in->stash);
	} else if (in->stash_seq > seq) {
		return -ENODATA;
	}
	if (in->link < 0 || in->link_from != from)
		return -ENOLINK;
	for (;;) {
		int e = next_pkt(in, &p, out);

		if (e < 0)
			return e;
		if (p.seq == seq && out->n == n)
			return 0;
		if (p.seq > seq)
			break;
		sh_fds_close(out);
	}
	if (in->stash == NULL)
		in->stash = calloc(1, sizeof(*in->stash));
	if (in->stash != NULL) {
		*in->stash = *out;
		in->stash_seq = p.seq;
		out->n = 0;
	} else {
		sh_log_rate(SH_ERR,
			    "no memory to keep the fds of a message of member %u that is still to come: they are lost",
			    sh_id_slot(from));
		sh_fds_close(out);
	}
	return -ENODATA;
}

int sh_big_make(const void *data, size_t len)
{
	int fd = sh_fd_up(memfd_create("shoal-payload", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	const char *p = data;
	size_t done = 0;

	if (fd < 0)
		return -errno;
	if (!sh_fsize_ok(len)) {
		close(fd);
		return -EFBIG;
	}
	while (done < len) {
		ssize_t n = write(fd, p + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int e = n < 0 ? errno : ENOSPC;

			close(fd);
			return -e;
		}
		done += (size_t)n;
	}
	/* the receiver maps it: nobody may make it shorter or change it under its eyes */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
		int e = errno;

		close(fd);
		return -e;
	}
	return fd;
}

unsigned char *sh_big_map(int fd, size_t len)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	void *p;

	if (seals < 0 || (seals & (F_SEAL_SHRINK | F_SEAL_WRITE)) != (F_SEAL_SHRINK | F_SEAL_WRITE))
		return NULL;
	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size != len || len == 0)
		return NULL;
	p = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
	return p == MAP_FAILED ? NULL : p;
}
