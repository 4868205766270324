/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cap.h - packets out of capture files, and out of and into live interfaces
 *
 * Files of the classic format (either byte order, micro- or nanoseconds) are read here, without any library. All else - pcapng,
 * older formats, live interfaces - is libpcap's, which is loaded when it is first needed: a program that reads no capture
 * neither needs it nor pays for it.
 *
 * One thread at a time for each struct sh_cap. Nothing is shared. A record that cannot be ends the file: what comes behind it
 * cannot be found again.
 */
#ifndef SH_PKT_CAP_H
#define SH_PKT_CAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SH_CAP_WHY 160	      /* room for what was wrong, in words */
#define SH_CAP_PACKET 262144u /* bytes of the longest packet; more is no packet */

struct sh_cap;

struct sh_cap_packet {
	uint64_t ts_ns;	 /* since 1970 */
	uint32_t caplen; /* bytes at data, until the next call */
	uint32_t len;	 /* as it was on the wire */
	const uint8_t *data;
};

/* 0 or -errno, with why. The fd of the second form is the cap's from then on, also if this fails. */
int sh_cap_open(struct sh_cap **ret, const char *path, char why[SH_CAP_WHY]);
int sh_cap_open_fd(struct sh_cap **ret, int fd, char why[SH_CAP_WHY]);
/* a live interface; in_only: not what is sent there. It never waits. */
int sh_cap_open_live(struct sh_cap **ret, const char *iface, bool in_only, char why[SH_CAP_WHY]);
void sh_cap_close(struct sh_cap *c); /* NULL is nothing */

/* 1: *p; 0: the end of the file, or no packet now; -errno: not readable any further, the same at each call from then on */
int sh_cap_next(struct sh_cap *c, struct sh_cap_packet *p);
/* why that was, or "" */
const char *sh_cap_why(const struct sh_cap *c);
/* It will be read again and again: what is read of a file that is not too long stays in memory, for as long as the file is as it was. */
void sh_cap_keep(struct sh_cap *c);
/* to the first packet again. 0 or -errno */
int sh_cap_rewind(struct sh_cap *c);
/* link type, as in the file's header: 1 is Ethernet */
int sh_cap_link(const struct sh_cap *c);

/* live only: send; packets that the kernel had no room for. 0 or -errno */
int sh_cap_send(struct sh_cap *c, const void *data, uint32_t len);
uint64_t sh_cap_drops(struct sh_cap *c);

/* ---- writing: the bytes of a file's header (24) and of a packet's (16); nanoseconds, Ethernet, this machine's byte order ---- */
#define SH_CAP_FILE_HDR 24
#define SH_CAP_REC_HDR 16
void sh_cap_file_hdr(uint8_t to[SH_CAP_FILE_HDR]);
void sh_cap_rec_hdr(uint8_t to[SH_CAP_REC_HDR], uint64_t ts_ns, uint32_t caplen, uint32_t len);

#endif
