/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kif_at.c - is an interface still the one that had its number, and where is that of a tun device by now (kif.h)
 *
 * A packet socket that is bound to an interface tells its end. That of a tun device may have been moved to another network namespace, and its number and name at home been given to another interface. Only an
 * open file of the device says which one it is, and in which namespace; a socket of that namespace is made by a thread that
 * goes there for it, which takes CAP_SYS_ADMIN there. A process without any rights over networks cannot be told namespaces
 * apart: then number and name decide, and nothing can be changed by it anyway.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/thread.h"
#include "pkt/kif.h"

#define RENAMED 8 /* times that a device is given another name just while it is asked for */

struct trip {
	int ns, domain, fd; /* in, in, out: or -errno */
};

static void *there_and_back(void *arg)
{
	struct trip *t = arg;

	if (setns(t->ns, CLONE_NEWNET) == 0)
		t->fd = sh_fd_up(
			socket(t->domain,
			       (t->domain == AF_NETLINK ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (t->fd < 0)
		t->fd = -errno;
	return NULL;
}

/* a socket of the namespace that ns is open for: of AF_INET, or AF_NETLINK (of protocol 0, which is NETLINK_ROUTE) */
static int socket_in(int ns, int domain)
{
	struct trip t = {.ns = ns, .domain = domain, .fd = -1};
	pthread_t thread;
	int r = sh_thread_start(&thread, "shoal-netns", there_and_back, &t);

	if (r < 0)
		return r;
	(void)pthread_join(thread, NULL);
	return t.fd;
}

int sh_kif_netlink_of(int sock)
{
	int ns = sh_fd_up(ioctl(sock, SIOCGSKNS)), fd = ns >= 0 ? socket_in(ns, AF_NETLINK) : -errno;

	sh_close(&ns);
	return fd;
}

static bool same(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* the socket to ask about it with: sock, or one that is to be closed. -EXDEV: it is elsewhere; -ENOTTY: that cannot be told */
static int socket_at(int sock, int dev)
{
	int home = sh_fd_up(ioctl(sock, SIOCGSKNS)), there = sh_fd_up(ioctl(dev, TUNGETDEVNETNS)), r;

	if (there >= 0 && home >= 0 && same(home, there))
		r = sock;
	else if (there >= 0)
		r = socket_in(there, AF_INET);
	else
		r = home >= 0 && errno == EPERM ? -EXDEV : -ENOTTY;
	sh_close(&home);
	sh_close(&there);
	return r >= 0 || r == -ENOTTY ? r : -EXDEV;
}

/* under its number at home there is one of that name */
static bool looks_at_home(int sock, uint32_t index, const char *name)
{
	struct ifreq req = {.ifr_ifindex = (int)index};

	return ioctl(sock, SIOCGIFNAME, &req) == 0 && strncmp(req.ifr_name, name, IFNAMSIZ) == 0;
}

/* a packet socket that was bound to it is bound to none, once it is deleted or leaves */
static bool is_unbound(int sock, uint32_t index)
{
	struct sockaddr_ll a = {.sll_family = AF_UNSPEC};
	socklen_t n = sizeof(a);

	return getsockname(sock, (struct sockaddr *)&a, &n) == 0 && a.sll_family == AF_PACKET &&
	       a.sll_ifindex != (int)index;
}

int sh_kif_at(int sock, uint32_t index, int dev, struct sh_kif_at *at)
{
	struct ifreq is, req;

	*at = (struct sh_kif_at){.sock = sock, .index = index};
	if (dev < 0)
		return is_unbound(sock, index) ? -ENODEV : 0;
	for (unsigned i = 0; i < RENAMED; i++) {
		if (ioctl(dev, TUNGETIFF, &is) != 0)
			return -ENODEV;
		at->sock = socket_at(sock, dev);
		if (at->sock == -ENOTTY) {
			at->sock = sock;
			return looks_at_home(sock, index, is.ifr_name) ? 0 : -EXDEV;
		}
		if (at->sock < 0)
			return at->sock;
		at->away = at->sock != sock;
		memset(&req, 0, sizeof(req));
		memcpy(req.ifr_name, is.ifr_name, IFNAMSIZ);
		if (ioctl(at->sock, SIOCGIFINDEX, &req) == 0) {
			at->index = (uint32_t)req.ifr_ifindex;
			return 0;
		}
		sh_kif_at_end(at);
	}
	return -EXDEV;
}

void sh_kif_at_end(struct sh_kif_at *at)
{
	if (at->away)
		sh_close(&at->sock);
	at->away = false;
}
