/* SPDX-License-Identifier: BSD-3-Clause */
/** @file cmdline_parse_etheraddr.h - tokens that are Ethernet addresses: 00:11:22:33:44:55 or 0011:2233:4455, stored as 6 bytes */
#ifndef CMDLINE_PARSE_ETHERADDR_H
#define CMDLINE_PARSE_ETHERADDR_H

#include <cmdline_parse.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cmdline_token_etheraddr {
	struct cmdline_token_hdr hdr;
};
typedef struct cmdline_token_etheraddr cmdline_parse_token_etheraddr_t;

extern struct cmdline_token_ops cmdline_token_etheraddr_ops;

int cmdline_parse_etheraddr(cmdline_parse_token_hdr_t *tk, const char *srcbuf, void *res, unsigned int ressize);
int cmdline_get_help_etheraddr(cmdline_parse_token_hdr_t *tk, char *dstbuf, unsigned int size);

#define TOKEN_ETHERADDR_INITIALIZER(structure, field)                                                                  \
	{                                                                                                              \
		{                                                                                                      \
			&cmdline_token_etheraddr_ops, offsetof(structure, field)                                       \
		}                                                                                                      \
	}

#ifdef __cplusplus
}
#endif

#endif
