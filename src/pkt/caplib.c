/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * caplib.c - libpcap, loaded when it is needed (cap.h)
 *
 * Loaded, not linked: libpcap brings D-Bus and RDMA libraries with it, which each process of each group would load at its start.
 * Its functions are declared here as its ABI has them since 1.5, so that building needs no header either.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/fd.h"
#include "pkt/cap_int.h"

#define ERRBUF 256
#define PRECISION_NANO 1
#define DIRECTION_IN 1
#define LIVE_BUFFER (4 << 20)
#define IGNORE_OUTGOING 23 /* PACKET_IGNORE_OUTGOING of Linux 4.20: older headers have not got it */

typedef struct pcap pcap_t;
struct pcap_header {
	struct timeval ts;
	uint32_t caplen, len;
};
struct pcap_counts {
	unsigned recv, drop, ifdrop;
	unsigned pad[5]; /* more in other builds of it */
};

struct sh_caplib {
	void *so;
	pcap_t *p;
	bool live;
	bool micro; /* the interface has no nanoseconds */
	pcap_t *(*fopen_offline)(FILE *f, unsigned precision, char *errbuf);
	int (*next_ex)(pcap_t *p, struct pcap_header **h, const uint8_t **data);
	char *(*geterr)(pcap_t *p);
	int (*datalink)(pcap_t *p);
	void (*close)(pcap_t *p);
	pcap_t *(*create)(const char *iface, char *errbuf);
	int (*set_snaplen)(pcap_t *p, int n);
	int (*set_promisc)(pcap_t *p, int on);
	int (*set_immediate_mode)(pcap_t *p, int on);
	int (*set_buffer_size)(pcap_t *p, int n);
	int (*set_timeout)(pcap_t *p, int ms);
	int (*set_tstamp_precision)(pcap_t *p, int precision);
	int (*activate)(pcap_t *p);
	int (*setdirection)(pcap_t *p, int direction);
	int (*setnonblock)(pcap_t *p, int on, char *errbuf);
	int (*inject)(pcap_t *p, const void *data, size_t n);
	int (*stats)(pcap_t *p, struct pcap_counts *c);
	int (*fd)(pcap_t *p);
	const char *(*statustostr)(int error);
};

/* false: it has not got this function */
static bool find(struct sh_caplib *l, const char *name, size_t off)
{
	void *f = dlsym(l->so, name);

	memcpy((char *)l + off, &f, sizeof(f));
	return f != NULL;
}

static int load(struct sh_caplib **ret, char why[SH_CAP_WHY])
{
#define FN(field, name)                                                                                                \
	{                                                                                                              \
		name, offsetof(struct sh_caplib, field)                                                                \
	}
	static const struct {
		const char *name;
		size_t off;
	} fn[] = {FN(fopen_offline, "pcap_fopen_offline_with_tstamp_precision"),
		  FN(next_ex, "pcap_next_ex"),
		  FN(geterr, "pcap_geterr"),
		  FN(datalink, "pcap_datalink"),
		  FN(close, "pcap_close"),
		  FN(create, "pcap_create"),
		  FN(set_snaplen, "pcap_set_snaplen"),
		  FN(set_promisc, "pcap_set_promisc"),
		  FN(set_immediate_mode, "pcap_set_immediate_mode"),
		  FN(set_buffer_size, "pcap_set_buffer_size"),
		  FN(set_timeout, "pcap_set_timeout"),
		  FN(set_tstamp_precision, "pcap_set_tstamp_precision"),
		  FN(activate, "pcap_activate"),
		  FN(setdirection, "pcap_setdirection"),
		  FN(setnonblock, "pcap_setnonblock"),
		  FN(inject, "pcap_inject"),
		  FN(stats, "pcap_stats"),
		  FN(fd, "pcap_fileno"),
		  FN(statustostr, "pcap_statustostr")};
#undef FN
	struct sh_caplib *l = calloc(1, sizeof(*l));
	bool all = true;

	if (l == NULL) {
		snprintf(why, SH_CAP_WHY, "there is no memory for it");
		return -ENOMEM;
	}
	/* Debian's name of it, then upstream's */
	l->so = dlopen("libpcap.so.0.8", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (l->so == NULL)
		l->so = dlopen("libpcap.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	for (unsigned i = 0; l->so != NULL && i < sizeof(fn) / sizeof(fn[0]); i++)
		all = find(l, fn[i].name, fn[i].off) && all;
	if (l->so == NULL || !all) {
		snprintf(why, SH_CAP_WHY, "%s",
			 l->so == NULL ? "no capture of the classic format, and libpcap is not there to read it "
					 "(Debian: libpcap0.8)"
				       : "libpcap is older than 1.5");
		if (l->so != NULL)
			dlclose(l->so);
		free(l);
		return -ENOTSUP;
	}
	*ret = l;
	return 0;
}

static void drop(struct sh_caplib *l)
{
	if (l->p != NULL)
		l->close(l->p);
	dlclose(l->so);
	free(l);
}

/* a handle for the file behind fd, from its beginning; takes a copy of the fd */
static int offline(struct sh_caplib *l, int fd, char why[SH_CAP_WHY])
{
	char err[ERRBUF] = "";
	int copy = sh_fd_up(fcntl(fd, F_DUPFD_CLOEXEC, 3));
	FILE *f = NULL;

	if (copy < 0 || lseek(copy, 0, SEEK_SET) != 0 || (f = fdopen(copy, "rb")) == NULL) {
		snprintf(why, SH_CAP_WHY, "%s", strerror(errno));
		if (copy >= 0)
			close(copy);
		return -EINVAL;
	}
	l->p = l->fopen_offline(f, PRECISION_NANO, err);
	if (l->p == NULL) {
		fclose(f);
		snprintf(why, SH_CAP_WHY, "%.150s", err);
		return -EINVAL;
	}
	return 0;
}

int sh_caplib_file(struct sh_cap *c, char why[SH_CAP_WHY])
{
	struct sh_caplib *l;
	int r = load(&l, why);

	if (r < 0)
		return r;
	r = offline(l, c->fd, why);
	if (r < 0) {
		drop(l);
		return r;
	}
	c->lib = l;
	c->link = l->datalink(l->p);
	return 0;
}

int sh_caplib_next(struct sh_cap *c, struct sh_cap_packet *p)
{
	struct pcap_header *h;
	int r = c->lib->next_ex(c->lib->p, &h, &p->data);

	if (r == 0 || r == -2) /* no packet now; the end */
		return 0;
	if (r < 0)
		return sh_cap_broken(c, -EBADMSG, c->lib->geterr(c->lib->p));
	if (h->caplen > SH_CAP_PACKET)
		return sh_cap_broken(c, -EBADMSG, "a packet says that it is longer than packets are");
	p->ts_ns = (uint64_t)h->ts.tv_sec * UINT64_C(1000000000) + (uint64_t)h->ts.tv_usec * (c->lib->micro ? 1000 : 1);
	p->caplen = h->caplen;
	p->len = h->len;
	return 1;
}

int sh_caplib_rewind(struct sh_cap *c)
{
	char why[SH_CAP_WHY];

	if (c->lib->live)
		return 0;
	c->lib->close(c->lib->p);
	c->lib->p = NULL;
	if (offline(c->lib, c->fd, why) < 0)
		return sh_cap_broken(c, -EBADMSG, why);
	return 0;
}

void sh_caplib_close(struct sh_cap *c)
{
	if (c->lib != NULL)
		drop(c->lib);
}

/*
 * libpcap leaves the other direction out itself, when the kernel has queued its packets, and has dropped some of them. Better the
 * kernel leaves them out; where it is too old for that, its drops are of both directions.
 */
static void leave_out_sent(struct sh_caplib *l)
{
	const int on = 1;

	(void)setsockopt(l->fd(l->p), SOL_PACKET, IGNORE_OUTGOING, &on, sizeof(on));
}

/* what is sent on lo comes in there: libpcap leaves it out once, too */
static bool is_loopback(struct sh_caplib *l, const char *iface)
{
	struct ifreq req = {.ifr_flags = 0};

	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", iface);
	return ioctl(l->fd(l->p), SIOCGIFFLAGS, &req) == 0 && (req.ifr_flags & IFF_LOOPBACK) != 0;
}

static int activate(struct sh_caplib *l, const char *iface, bool in_only, char why[SH_CAP_WHY])
{
	char err[ERRBUF] = "";
	int r;

	l->set_snaplen(l->p, SH_CAP_PACKET);
	l->set_promisc(l->p, 1);
	/* not immediately: blocks that packets fill, and that are handed over after a millisecond at the latest; one at a
	 * time would each have a slot of the greatest length, and few of those fit */
	l->set_immediate_mode(l->p, 0);
	l->set_buffer_size(l->p, LIVE_BUFFER);
	l->set_timeout(l->p, 1);
	l->micro = l->set_tstamp_precision(l->p, PRECISION_NANO) != 0;
	r = l->activate(l->p);
	if (r < 0) {
		snprintf(why, SH_CAP_WHY, "%s: %.100s", l->statustostr(r), l->geterr(l->p));
		return r == -8 || r == -11 ? -EPERM : -ENODEV; /* permission; promiscuous mode needs one, too */
	}
	if ((in_only && l->setdirection(l->p, DIRECTION_IN) < 0) || l->setnonblock(l->p, 1, err) < 0) {
		snprintf(why, SH_CAP_WHY, "%.100s %.50s", l->geterr(l->p), err);
		return -ENOTSUP;
	}
	if (in_only || is_loopback(l, iface))
		leave_out_sent(l);
	return 0;
}

int sh_cap_open_live(struct sh_cap **ret, const char *iface, bool in_only, char why[SH_CAP_WHY])
{
	struct sh_cap *c = calloc(1, sizeof(*c));
	char err[ERRBUF] = "";
	int r;

	if (c == NULL) {
		snprintf(why, SH_CAP_WHY, "there is no memory for it");
		return -ENOMEM;
	}
	c->fd = -1;
	r = load(&c->lib, why);
	if (r < 0) {
		free(c);
		return r;
	}
	c->lib->live = true;
	c->lib->p = c->lib->create(iface, err);
	if (c->lib->p == NULL) {
		snprintf(why, SH_CAP_WHY, "%.150s", err);
		r = -ENODEV;
	} else {
		r = activate(c->lib, iface, in_only, why);
	}
	if (r < 0) {
		sh_cap_close(c);
		return r;
	}
	c->link = c->lib->datalink(c->lib->p);
	*ret = c;
	return 0;
}

int sh_cap_send(struct sh_cap *c, const void *data, uint32_t len)
{
	return c->lib->inject(c->lib->p, data, len) == (int)len ? 0 : -EIO;
}

uint64_t sh_cap_drops(struct sh_cap *c)
{
	struct pcap_counts n = {0};

	if (c->lib == NULL || !c->lib->live || c->lib->stats(c->lib->p, &n) != 0)
		return 0;
	return n.drop;
}
