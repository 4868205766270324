/* SPDX-License-Identifier: BSD-3-Clause */
/* addr.c - tokens that are IP or Ethernet addresses. Pure. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <cmdline_parse_etheraddr.h>
#include <cmdline_parse_ipaddr.h>

#include "base/export.h"
#include "ctl/cmdline_int.h"

#define ETHER_BYTES 6

static unsigned flags_of(const cmdline_parse_token_hdr_t *tk)
{
	return ((const cmdline_parse_token_ipaddr_t *)(const void *)tk)->ipaddr_data.flags;
}

/* "/24" and nothing else: false when it is longer than the address */
static bool prefix(const char *s, unsigned most, unsigned *len)
{
	unsigned n = 0;

	if (*s != '/' || s[1] == '\0')
		return false;
	while (*++s != '\0') {
		if (*s < '0' || *s > '9' || n > most)
			return false;
		n = n * 10 + (unsigned)(*s - '0');
	}
	*len = n;
	return n <= most;
}

static bool read_ip(char *word, unsigned flags, cmdline_ipaddr_t *ip)
{
	char *slash = strchr(word, '/');
	char rest[INET6_ADDRSTRLEN + 8] = "";

	memset(ip, 0, sizeof(*ip));
	if ((slash != NULL) != ((flags & CMDLINE_IPADDR_NETWORK) != 0))
		return false;
	if (slash != NULL) {
		snprintf(rest, sizeof(rest), "%s", slash);
		*slash = '\0';
	}
	if ((flags & CMDLINE_IPADDR_V4) != 0 && inet_pton(AF_INET, word, &ip->addr.ipv4) == 1)
		ip->family = AF_INET;
	else if ((flags & CMDLINE_IPADDR_V6) != 0 && inet_pton(AF_INET6, word, &ip->addr.ipv6) == 1)
		ip->family = AF_INET6;
	else
		return false;
	return slash == NULL || prefix(rest, ip->family == AF_INET ? 32 : 128, &ip->prefixlen);
}

SH_EXPORT int cmdline_parse_ipaddr(cmdline_parse_token_hdr_t *tk, const char *srcbuf, void *res, unsigned int ressize)
{
	char word[INET6_ADDRSTRLEN + 4];
	cmdline_ipaddr_t ip;
	unsigned len;

	if (tk == NULL || srcbuf == NULL || (res != NULL && ressize < sizeof(ip)))
		return -1;
	len = sh_word_len(srcbuf);
	if (len == 0 || len >= sizeof(word))
		return -1;
	memcpy(word, srcbuf, len);
	word[len] = '\0';
	if (!read_ip(word, flags_of(tk), &ip))
		return -1;
	if (res != NULL)
		memcpy(res, &ip, sizeof(ip));
	return (int)len;
}

SH_EXPORT int cmdline_get_help_ipaddr(cmdline_parse_token_hdr_t *tk, char *dstbuf, unsigned int size)
{
	static const char *const text[] = {
		"IPaddr (bad flags)", "IPv4",	      "IPv6",	      "IPv4/IPv6",
		"IPaddr (bad flags)", "IPv4 network", "IPv6 network", "IPv4/IPv6 network",
	};

	if (tk == NULL || dstbuf == NULL)
		return -1;
	snprintf(dstbuf, size, "%s", text[flags_of(tk) & 7]);
	return 0;
}

SH_EXPORT struct cmdline_token_ops cmdline_token_ipaddr_ops = {
	.parse = cmdline_parse_ipaddr,
	.get_help = cmdline_get_help_ipaddr,
};

/* ---- Ethernet ---- */

static bool hex_byte(const char *s, unsigned char *v)
{
	static const char digits[] = "00112233445566778899aAbBcCdDeEfF";
	const char *hi = s[0] != '\0' ? strchr(digits, s[0]) : NULL;
	const char *lo = hi != NULL && s[1] != '\0' ? strchr(digits, s[1]) : NULL;

	if (lo == NULL)
		return false;
	*v = (unsigned char)((hi - digits) / 2 * 16 + (lo - digits) / 2);
	return true;
}

/* six times two digits, a ':' after each `group` bytes */
static bool read_ether(const char *s, unsigned group, unsigned char mac[ETHER_BYTES])
{
	for (unsigned i = 0; i < ETHER_BYTES; i++) {
		if (i > 0 && i % group == 0 && *s++ != ':')
			return false;
		if (!hex_byte(s, &mac[i]))
			return false;
		s += 2;
	}
	return true;
}

SH_EXPORT int cmdline_parse_etheraddr(cmdline_parse_token_hdr_t *tk, const char *srcbuf, void *res,
				      unsigned int ressize)
{
	unsigned char mac[ETHER_BYTES];
	unsigned len;

	if (tk == NULL || srcbuf == NULL || (res != NULL && ressize < sizeof(mac)))
		return -1;
	len = sh_word_len(srcbuf);
	if (!(len == 17 && read_ether(srcbuf, 1, mac)) && !(len == 14 && read_ether(srcbuf, 2, mac)))
		return -1;
	if (res != NULL)
		memcpy(res, mac, sizeof(mac));
	return (int)len;
}

SH_EXPORT int cmdline_get_help_etheraddr(cmdline_parse_token_hdr_t *tk, char *dstbuf, unsigned int size)
{
	(void)tk;
	if (dstbuf == NULL)
		return -1;
	snprintf(dstbuf, size, "Ethernet address");
	return 0;
}

SH_EXPORT struct cmdline_token_ops cmdline_token_etheraddr_ops = {
	.parse = cmdline_parse_etheraddr,
	.get_help = cmdline_get_help_etheraddr,
};
