/* SPDX-License-Identifier: BSD-3-Clause */
/* number.c - tokens that are numbers, and sets of small numbers. Pure. */
#include <stdio.h>
#include <string.h>

#include <cmdline_parse_num.h>
#include <cmdline_parse_portlist.h>

#include "base/export.h"
#include "ctl/cmdline_int.h"

static const struct {
	const char *name;
	unsigned char bytes;
	bool sign;
} types[] = {
	[RTE_UINT8] = {"UINT8", 1, false},   [RTE_UINT16] = {"UINT16", 2, false}, [RTE_UINT32] = {"UINT32", 4, false},
	[RTE_UINT64] = {"UINT64", 8, false}, [RTE_INT8] = {"INT8", 1, true},	  [RTE_INT16] = {"INT16", 2, true},
	[RTE_INT32] = {"INT32", 4, true},    [RTE_INT64] = {"INT64", 8, true},
};

static int digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : 99;
}

/* the word at s as a number: its length, or -1 */
static int read_num(const char *s, bool *neg, uint64_t *v)
{
	unsigned len = sh_word_len(s), i = 0, base = 10;

	*neg = s[0] == '-';
	*v = 0;
	if (*neg) {
		i = 1; /* decimal, whatever it begins with */
	} else if (s[0] == '0' && len > 1) {
		base = s[1] == 'x' ? 16 : s[1] == 'b' ? 2 : 8;
		i = base == 8 ? 1 : 2;
	}
	if (i >= len)
		return -1;
	for (; i < len; i++) {
		unsigned d = (unsigned)digit(s[i]);

		if (d >= base || __builtin_mul_overflow(*v, base, v) || __builtin_add_overflow(*v, d, v))
			return -1;
	}
	return (int)len;
}

static bool fits(unsigned type, bool neg, uint64_t v)
{
	unsigned bits = types[type].bytes * 8u;
	uint64_t max = types[type].sign ? (1ull << (bits - 1)) - 1 : UINT64_MAX >> (64 - bits);

	return neg ? types[type].sign && v <= max + 1 : v <= max;
}

SH_EXPORT int cmdline_parse_num(cmdline_parse_token_hdr_t *tk, const char *srcbuf, void *res, unsigned int ressize)
{
	unsigned type;
	uint64_t v;
	bool neg;
	int len;

	if (tk == NULL || srcbuf == NULL || *srcbuf == '\0')
		return -1;
	type = ((cmdline_parse_token_num_t *)(void *)tk)->num_data.type;
	if (type > RTE_INT64 || (res != NULL && ressize < types[type].bytes))
		return -1;
	len = read_num(srcbuf, &neg, &v);
	if (len < 0 || !fits(type, neg, v))
		return -1;
	if (neg)
		v = 0 - v;
	if (res == NULL)
		return len;
	switch (types[type].bytes) {
	case 1:
		memcpy(res, &(uint8_t){(uint8_t)v}, 1);
		break;
	case 2:
		memcpy(res, &(uint16_t){(uint16_t)v}, 2);
		break;
	case 4:
		memcpy(res, &(uint32_t){(uint32_t)v}, 4);
		break;
	default:
		memcpy(res, &v, 8);
	}
	return len;
}

SH_EXPORT int cmdline_get_help_num(cmdline_parse_token_hdr_t *tk, char *dstbuf, unsigned int size)
{
	unsigned type;

	if (tk == NULL || dstbuf == NULL)
		return -1;
	type = ((cmdline_parse_token_num_t *)(void *)tk)->num_data.type;
	if (type > RTE_INT64)
		return -1;
	snprintf(dstbuf, size, "%s", types[type].name);
	return 0;
}

SH_EXPORT struct cmdline_token_ops cmdline_token_num_ops = {
	.parse = cmdline_parse_num,
	.get_help = cmdline_get_help_num,
};

/* ---- ports ---- */

/* one or two digits, below 32; NULL: none */
static const char *port(const char *s, unsigned *n)
{
	*n = 0;
	if (digit(*s) > 9)
		return NULL;
	while (digit(*s) <= 9 && *n < 32)
		*n = *n * 10 + (unsigned)digit(*s++);
	return *n < 32 ? s : NULL;
}

static int read_ports(const char *s, uint32_t *map)
{
	const char *from = s;
	unsigned a, b;

	if (sh_word_len(s) == 3 && strncmp(s, "all", 3) == 0) {
		*map = UINT32_MAX;
		return 3;
	}
	for (;; s++) { /* behind a comma */
		s = port(s, &a);
		b = a;
		if (s != NULL && *s == '-')
			s = port(s + 1, &b);
		if (s == NULL || b < a)
			return -1;
		for (; a <= b; a++)
			*map |= 1u << a;
		if (*s != ',')
			return cmdline_isendoftoken(*s) ? (int)(s - from) : -1;
	}
}

SH_EXPORT int cmdline_parse_portlist(cmdline_parse_token_hdr_t *tk, const char *srcbuf, void *res, unsigned int ressize)
{
	uint32_t map = 0;
	int len;

	if (tk == NULL || srcbuf == NULL || sh_word_len(srcbuf) >= PORTLIST_TOKEN_SIZE ||
	    (res != NULL && ressize < sizeof(cmdline_portlist_t)))
		return -1;
	len = read_ports(srcbuf, &map);
	if (len >= 0 && res != NULL)
		memcpy(res, &map, sizeof(map));
	return len;
}

SH_EXPORT int cmdline_get_help_portlist(cmdline_parse_token_hdr_t *tk, char *dstbuf, unsigned int size)
{
	(void)tk;
	if (dstbuf == NULL)
		return -1;
	snprintf(dstbuf, size, "range of ports as 3,4-6,8-19,20");
	return 0;
}

SH_EXPORT struct cmdline_token_ops cmdline_token_portlist_ops = {
	.parse = cmdline_parse_portlist,
	.get_help = cmdline_get_help_portlist,
};
