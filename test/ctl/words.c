/* SPDX-License-Identifier: BSD-3-Clause */
/* words.c - what each kind of token takes, and what it says of itself: as DPDK 22.11 does, measured, but where compat.md differs */
#include <string.h>
#include <sys/socket.h>

#include <cmdline_parse_etheraddr.h>
#include <cmdline_parse_ipaddr.h>
#include <cmdline_parse_num.h>
#include <cmdline_parse_portlist.h>
#include <cmdline_parse_string.h>

#include "check.h"

#define HDR(t) ((cmdline_parse_token_hdr_t *)(void *)&(t))

static int num(enum cmdline_numtype type, const char *s, uint64_t *v)
{
	struct cmdline_token_num t = {{&cmdline_token_num_ops, 0}, {type}};

	*v = 0;
	return cmdline_parse_num(HDR(t), s, v, sizeof(*v));
}

TEST(numbers)
{
	static const struct {
		const char *s;
		int from, to; /* types that take it */
		uint64_t low; /* its lowest byte */
	} row[] = {
		{"0", RTE_UINT8, RTE_INT64, 0},
		{"255", RTE_UINT8, RTE_UINT64, 255},
		{"255", RTE_INT16, RTE_INT64, 255},
		{"256", RTE_UINT16, RTE_UINT64, 0},
		{"-1", RTE_INT8, RTE_INT64, 255},
		{"-128", RTE_INT8, RTE_INT64, 128},
		{"-129", RTE_INT16, RTE_INT64, 127},
		{"0x10", RTE_UINT8, RTE_INT64, 16},
		{"010", RTE_UINT8, RTE_INT64, 8},
		{"0b101", RTE_UINT8, RTE_INT64, 5},
		{"-010", RTE_INT8, RTE_INT64, 246},
		{"18446744073709551615", RTE_UINT64, RTE_UINT64, 255},
		{"4294967295 x", RTE_UINT32, RTE_UINT64, 255},
	};
	static const char *const none[] = {"",	 "-",  "0x",   "0b",  "0xg", "08",  "0b2",
					   "1a", "+1", "-0x5", "0X1", "x",   "1.0", "18446744073709551616"};
	uint64_t v;

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		for (int t = row[i].from; t <= row[i].to; t++) {
			CHECK_EQ(num((enum cmdline_numtype)t, row[i].s, &v), strcspn(row[i].s, " "));
			CHECK_EQ(*(unsigned char *)&v, row[i].low);
		}
	for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		for (int t = RTE_UINT8; t <= RTE_INT64; t++)
			CHECK_EQ(num((enum cmdline_numtype)t, none[i], &v), -1);
	CHECK_EQ(num(RTE_UINT8, "256", &v), -1);
	CHECK_EQ(num(RTE_INT8, "128", &v), -1);
	CHECK_EQ(num(RTE_INT64, "9223372036854775808", &v), -1);
	CHECK_EQ(num(RTE_INT64, "-9223372036854775808", &v), 20);
	CHECK_EQ(num(RTE_UINT64, "-1", &v), -1);
	CHECK_EQ(num((enum cmdline_numtype)99, "1", &v), -1);
}

TEST(a_result_too_small_is_refused)
{
	struct cmdline_token_num n = {{&cmdline_token_num_ops, 0}, {RTE_UINT32}};
	struct cmdline_token_string s = {{&cmdline_token_string_ops, 0}, {NULL}};
	struct cmdline_token_ipaddr ip = {{&cmdline_token_ipaddr_ops, 0}, {CMDLINE_IPADDR_V4}};
	struct cmdline_token_etheraddr e = {{&cmdline_token_etheraddr_ops, 0}};
	struct cmdline_token_portlist p = {{&cmdline_token_portlist_ops, 0}};
	char res[STR_TOKEN_SIZE];

	CHECK_EQ(cmdline_parse_num(HDR(n), "1", res, 3), -1);
	CHECK_EQ(cmdline_parse_string(HDR(s), "abc", res, STR_TOKEN_SIZE - 1), -1);
	CHECK_EQ(cmdline_parse_ipaddr(HDR(ip), "1.2.3.4", res, sizeof(cmdline_ipaddr_t) - 1), -1);
	CHECK_EQ(cmdline_parse_etheraddr(HDR(e), "00:11:22:33:44:55", res, 5), -1);
	CHECK_EQ(cmdline_parse_portlist(HDR(p), "all", res, 3), -1);
	CHECK_EQ(cmdline_parse_string(HDR(s), "abc", NULL, 0), 3);
	CHECK_EQ(cmdline_parse_num(NULL, "1", res, 8), -1);
	CHECK_EQ(cmdline_parse_num(HDR(n), NULL, res, 8), -1);
}

static int word(const char *choices, const char *s, char res[STR_MULTI_TOKEN_SIZE])
{
	struct cmdline_token_string t = {{&cmdline_token_string_ops, 0}, {choices}};

	return cmdline_parse_string(HDR(t), s, res, STR_MULTI_TOKEN_SIZE);
}

TEST(strings)
{
	char res[STR_MULTI_TOKEN_SIZE], big[200];

	CHECK_EQ(word("a#bc#d", "bc x", res), 2);
	CHECK_STR(res, "bc");
	CHECK_EQ(word("a#bc#d", "b", res), -1);
	CHECK_EQ(word("a#bc#d", "bcd", res), -1);
	CHECK_EQ(word("one", "one", res), 3);
	CHECK_EQ(word("one", "on", res), -1);
	CHECK_EQ(word("it now", "it now z", res), 6);
	CHECK_STR(res, "it now");
	CHECK_EQ(word("it now", "it  now", res), -1);
	CHECK_EQ(word("it now", "it nowx", res), -1);
	CHECK_EQ(word("it now", "it", res), -1);
	CHECK_EQ(word("a#it now#it", "it nowx", res), 2);
	CHECK_STR(res, "it");
	CHECK_EQ(word(NULL, "x#y", res), 1);
	CHECK_STR(res, "x");
	CHECK_EQ(word(NULL, "", res), -1);
	CHECK_EQ(word(NULL, "#", res), -1);
	CHECK_EQ(word(TOKEN_STRING_MULTI, "one two#three", res), 7);
	CHECK_STR(res, "one two");
	memset(big, 'x', sizeof(big));
	big[128] = '\0';
	CHECK_EQ(word(NULL, big, res), -1);
	big[127] = '\0';
	CHECK_EQ(word(NULL, big, res), 127);
}

static void says(int ret, const char *got, const char *want)
{
	CHECK_EQ(ret, 0);
	CHECK_STR(got, want);
}

TEST(tokens_describe_themselves)
{
	static const char *const ints[] = {"UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64"};
	static const char *const ips[] = {"IPaddr (bad flags)", "IPv4",		"IPv6",		"IPv4/IPv6",
					  "IPaddr (bad flags)", "IPv4 network", "IPv6 network", "IPv4/IPv6 network"};
	struct cmdline_token_string s = {{&cmdline_token_string_ops, 0}, {"a#bc"}};
	struct cmdline_token_etheraddr e = {{&cmdline_token_etheraddr_ops, 0}};
	struct cmdline_token_portlist p = {{&cmdline_token_portlist_ops, 0}};
	char h[64];

	for (int i = 0; i < 8; i++) {
		struct cmdline_token_num n = {{&cmdline_token_num_ops, 0}, {(enum cmdline_numtype)i}};
		struct cmdline_token_ipaddr ip = {{&cmdline_token_ipaddr_ops, 0}, {(uint8_t)i}};

		says(cmdline_get_help_num(HDR(n), h, sizeof(h)), h, ints[i]);
		says(cmdline_get_help_ipaddr(HDR(ip), h, sizeof(h)), h, ips[i]);
	}
	says(cmdline_get_help_string(HDR(s), h, sizeof(h)), h, "Mul-choice STRING");
	CHECK_EQ(cmdline_complete_get_nb_string(HDR(s)), 2);
	says(cmdline_complete_get_elt_string(HDR(s), 1, h, sizeof(h)), h, "bc");
	CHECK_EQ(cmdline_complete_get_elt_string(HDR(s), 2, h, sizeof(h)), -1);
	CHECK_EQ(cmdline_complete_get_elt_string(HDR(s), 1, h, 2), -1);
	s.string_data.str = "a";
	says(cmdline_get_help_string(HDR(s), h, sizeof(h)), h, "Fixed STRING");
	s.string_data.str = NULL;
	says(cmdline_get_help_string(HDR(s), h, sizeof(h)), h, "Any STRING");
	CHECK_EQ(cmdline_complete_get_nb_string(HDR(s)), 0);
	s.string_data.str = TOKEN_STRING_MULTI;
	says(cmdline_get_help_string(HDR(s), h, sizeof(h)), h, "Any STRINGS");
	says(cmdline_get_help_etheraddr(HDR(e), h, sizeof(h)), h, "Ethernet address");
	says(cmdline_get_help_portlist(HDR(p), h, sizeof(h)), h, "range of ports as 3,4-6,8-19,20");
}

static int ip(unsigned flags, const char *s, cmdline_ipaddr_t *v)
{
	struct cmdline_token_ipaddr t = {{&cmdline_token_ipaddr_ops, 0}, {(uint8_t)flags}};

	return cmdline_parse_ipaddr(HDR(t), s, v, sizeof(*v));
}

TEST(ip_addresses)
{
	const unsigned v4 = CMDLINE_IPADDR_V4, v6 = CMDLINE_IPADDR_V6, net = CMDLINE_IPADDR_NETWORK;
	cmdline_ipaddr_t v;

	CHECK_EQ(ip(v4 | v6, "1.2.3.4 x", &v), 7);
	CHECK(v.family == AF_INET && v.addr.ipv4.s_addr == htonl(0x01020304) && v.prefixlen == 0);
	CHECK_EQ(ip(v6, "1.2.3.4", &v), -1);
	CHECK_EQ(ip(v6, "fe80::1", &v), 7);
	CHECK(v.family == AF_INET6 && v.addr.ipv6.s6_addr[0] == 0xfe && v.addr.ipv6.s6_addr[15] == 1);
	CHECK_EQ(ip(v4, "::1", &v), -1);
	CHECK_EQ(ip(v4 | net, "1.2.3.4/24", &v), 10);
	CHECK_EQ(v.prefixlen, 24);
	CHECK_EQ(ip(v4 | v6 | net, "::1/064", &v), 7);
	CHECK_EQ(v.prefixlen, 64);
	CHECK_EQ(ip(v4 | net, "1.2.3.4", &v), -1);
	CHECK_EQ(ip(v4, "1.2.3.4/24", &v), -1);
	CHECK_EQ(ip(v4 | net, "1.2.3.4/33", &v), -1);
	CHECK_EQ(ip(v6 | net, "::1/129", &v), -1);
	CHECK_EQ(ip(v4 | net, "1.2.3.4/", &v), -1);
	CHECK_EQ(ip(v4 | net, "1.2.3.4/99999999999999999999", &v), -1);
	CHECK_EQ(ip(v4, "1.2.3", &v), -1);
	CHECK_EQ(ip(v4 | v6, "", &v), -1);
}

TEST(ether_addresses)
{
	static const char *const none[] = {"0:1:2:3:4:5",
					   "00-11-22-33-44-55",
					   "001122334455",
					   "00:11:22:33:44",
					   "00:11:22:33:44:5g",
					   "00:11:22:33:44:55:66",
					   "",
					   "00:11:22:33:44:"};
	struct cmdline_token_etheraddr t = {{&cmdline_token_etheraddr_ops, 0}};
	unsigned char v[6], want[6] = {0x00, 0x1a, 0x2B, 0x3c, 0x4D, 0x5e};

	CHECK_EQ(cmdline_parse_etheraddr(HDR(t), "00:1a:2B:3c:4D:5e x", v, 6), 17);
	CHECK_EQ(memcmp(v, want, 6), 0);
	memset(v, 0, 6);
	CHECK_EQ(cmdline_parse_etheraddr(HDR(t), "001a:2B3c:4D5e", v, 6), 14);
	CHECK_EQ(memcmp(v, want, 6), 0);
	for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		CHECK_EQ(cmdline_parse_etheraddr(HDR(t), none[i], v, 6), -1);
}

TEST(port_lists)
{
	static const char *const none[] = {"32", "3-1", "x", "", "0,", "0-", "0-32", "1,,2", "1-2-3", "all,1"};
	struct cmdline_token_portlist t = {{&cmdline_token_portlist_ops, 0}};
	cmdline_portlist_t v = {0};

	CHECK_EQ(cmdline_parse_portlist(HDR(t), "all x", &v, sizeof(v)), 3);
	CHECK_EQ(v.map, UINT32_MAX);
	CHECK_EQ(cmdline_parse_portlist(HDR(t), "0,2,4-5,31", &v, sizeof(v)), 10);
	CHECK_EQ(v.map, 0x80000035u);
	for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		CHECK_EQ(cmdline_parse_portlist(HDR(t), none[i], &v, sizeof(v)), -1);
}
