/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tap_dev.c - net_tap: the files that are queues of an interface, and that nobody else has some of the same one
 *
 * The kernel deals an interface's packets to all of its queues, whoever has them: a second group, or another program, would take
 * half of the first one's in silence. So who opens the first queue of a port asks how many there are, before and after, and wants none
 * but its own. The kernel counts open files: when those who had them are dead there are none, and whoever comes next may have it.
 *
 * In the group itself there may be files of a port that has been removed: a process that had a queue keeps it until it bursts
 * again. They do not count; that they are the group's is told by a lock that any number of files may have, which the kernel
 * keeps with the open file, in whatever processes that is, and drops with the last of them. Its place says which group, interface,
 * network namespace. A port that lives counts: two ports would share out packets as two groups would.
 *
 * Two groups that open the interface at the same moment may both be refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/fd.h"
#include "base/log.h"
#include "pkt/port.h"
#include "pkt/tap.h"
#include "proc/proc.h"
#include "proc/region.h"

#define DEVICE "/dev/net/tun"
#define FLAGS (IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE | IFF_VNET_HDR)
#define OFFLOADS (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)
#define OFFLOADS_UDP 0x60 /* of both versions of IP; the kernel's headers have names for them since Linux 6.2 */

int sh_tap_refused(const char *who, const char *name, int err)
{
	if (err == -ENOENT || err == -ENODEV || err == -ENXIO)
		sh_err("%s: there is no %s; load the driver (modprobe tun), or in a container hand the device in "
		       "(--device " DEVICE ")",
		       who, DEVICE);
	else if (err == -EACCES && strcmp(name, DEVICE) == 0)
		sh_err("%s: %s: its mode keeps this user out: as root, chmod 666 %s, as systems have it by default "
		       "(the kernel "
		       "asks for CAP_NET_ADMIN where that is needed)",
		       who, name, name);
	else if (err == -EPERM || err == -EACCES)
		sh_err("%s: %s: not permitted: run it as root, in a user namespace (unshare -rn), with CAP_NET_ADMIN "
		       "(setcap "
		       "cap_net_admin+ep PROGRAM), or make the interface for this user: ip tuntap add dev NAME mode "
		       "tap "
		       "multi_queue vnet_hdr user NAME",
		       who, name);
	else if (err == -EBUSY || err == -EINVAL)
		sh_err("%s: %s is there already, and no tap that could be shared; give another iface=, or make it with "
		       "'ip "
		       "tuntap "
		       "add dev NAME mode tap multi_queue'",
		       who, name);
	else
		sh_err("%s: %s: %s", who, name, strerror(-err));
	return err;
}

/* a file of the driver, no queue yet */
static int open_device(const char *who)
{
	int fd = sh_fd_up(open(DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK));

	if (fd >= 0)
		return fd;
	return errno == EMFILE || errno == ENFILE ? sh_kif_refused(who, DEVICE, -errno)
						  : sh_tap_refused(who, DEVICE, -errno);
}

/* it becomes a queue; name becomes what it is. 0, or -errno after a line */
static int join(const char *who, int fd, char *name)
{
	struct ifreq req = {.ifr_flags = (short)FLAGS};
	int size = sizeof(struct virtio_net_hdr);

	(void)snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &req) < 0 || ioctl(fd, TUNSETVNETHDRSZ, &size) < 0 ||
	    (ioctl(fd, TUNSETOFFLOAD, OFFLOADS | OFFLOADS_UDP) < 0 && ioctl(fd, TUNSETOFFLOAD, OFFLOADS) < 0))
		return sh_tap_refused(who, name, -errno);
	memcpy(name, req.ifr_name, IFNAMSIZ);
	return 0;
}

int sh_tap_queue_of(const char *who, char *name)
{
	int fd = open_device(who), r = fd < 0 ? fd : join(who, fd, name);

	if (r < 0)
		sh_close(&fd);
	return r < 0 ? r : fd;
}

/* ---- whose they are ---- */

static struct flock place(short type, uint64_t ns, uint32_t index)
{
	uint64_t h = sh_region()->born_ns * UINT64_C(0x9e3779b97f4a7c15);

	h = (h ^ h >> 29 ^ ns << 32 ^ index) * UINT64_C(0xbf58476d1ce4e5b9);
	return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)(h >> 2), .l_len = 1};
}

/* does a file of this group have it, but for fd? */
static bool has_group(int fd, uint64_t ns, uint32_t index)
{
	struct flock l = place(F_WRLCK, ns, index);

	return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

static bool has_port(uint64_t ns, uint32_t index)
{
	for (unsigned i = 0; i < SH_PORTS; i++) {
		const struct sh_port *p = sh_port(i);
		const struct tap *s = p != NULL ? p->shared : NULL;

		if (s != NULL && strcmp(p->driver, "net_tap") == 0 && s->index == index && s->ns == ns &&
		    sh_load_acq(&p->gone) == 0) /* A:PORTLINK */
			return true;
	}
	return false;
}

/* mine: of the interface's queues, how many are this call's */
static int others(const char *who, int fd, uint64_t ns, const char *name, unsigned mine)
{
	uint32_t index = if_nametoindex(name);

	if (index == 0 || sh_kif_tap_queues(index) <= mine)
		return 0;
	if (has_group(fd, ns, index) && !has_port(ns, index))
		return 0;
	sh_err("%s: interface %s is in use: another program, group or port has queues of it, and the kernel would "
	       "share "
	       "out its packets; end that one, or give another iface=",
	       who, name);
	return -EBUSY;
}

int sh_tap_first_of(const char *who, char *name)
{
	int sock = sh_kif_socket(who), fd = sock < 0 ? sock : open_device(who), r = fd;
	uint64_t ns = sh_kif_ns(sock);
	struct flock l;

	sh_close(&sock);
	r = r >= 0 ? others(who, fd, ns, name, 0) : r;
	r = r == 0 ? join(who, fd, name) : r;
	r = r == 0 ? others(who, fd, ns, name, 1) : r;
	if (r < 0) {
		sh_close(&fd);
		return r;
	}
	l = place(F_RDLCK, ns, if_nametoindex(name));
	(void)fcntl(fd, F_OFD_SETLK, &l);
	return fd;
}
