/* SPDX-License-Identifier: BSD-3-Clause */
/* wire_test.c - the packets of join: good ones pass, each lie is refused. No process but this one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "proc/region.h"
#include "proc/wire.h"

static int parse(const struct sh_hello *h)
{
	struct sh_hello out;

	return sh_join_parse(h, sizeof(*h), &out);
}

TEST(good_packets_pass)
{
	struct sh_hello h;

	sh_hello_init(&h, SH_HELLO_JOIN, 0);
	snprintf(h.name, sizeof(h.name), "x");
	CHECK_EQ(parse(&h), 0);
	sh_hello_init(&h, SH_HELLO_WELCOME, SH_ID(3, 4));
	h.base = SH_BASE_ADDR;
	h.size = sizeof(struct sh_region);
	h.max_members = 4;
	CHECK_EQ(parse(&h), 0);
	for (int k = SH_HELLO_CARD; k <= SH_HELLO_LOOK; k++) {
		if (k == SH_HELLO_REFUSE)
			continue;
		sh_hello_init(&h, (enum sh_hello_kind)k, SH_ID(255, 1));
		CHECK_EQ(parse(&h), 0);
	}
	sh_hello_init(&h, SH_HELLO_REFUSE, 0);
	h.refusal = SH_REFUSE_FULL;
	CHECK_EQ(parse(&h), 0);
	h.fingerprint++; /* it may come from another layout: that is what it says */
	CHECK_EQ(parse(&h), 0);
}

TEST(lies_are_refused)
{
	struct sh_hello h, join, wel;

	sh_hello_init(&join, SH_HELLO_JOIN, 0);
	snprintf(join.name, sizeof(join.name), "x");
	sh_hello_init(&wel, SH_HELLO_WELCOME, SH_ID(3, 4));
	wel.base = SH_BASE_ADDR;
	wel.size = sizeof(struct sh_region);
	wel.max_members = 4;
#define LIE(of, what, err)                                                                                             \
	do {                                                                                                           \
		h = of;                                                                                                \
		what;                                                                                                  \
		CHECK_EQ(parse(&h), err);                                                                              \
	} while (0)
	LIE(join, h.magic++, -EBADMSG);
	LIE(join, h.version++, -EPROTONOSUPPORT);
	LIE(join, h.fingerprint++, -EPROTONOSUPPORT);
	LIE(join, h.kind = 0, -EBADMSG);
	LIE(join, h.kind = SH_HELLO_LOOK + 1, -EBADMSG);
	LIE(join, h.id = SH_ID(0, 1), -EBADMSG);
	LIE(join, h.role = 2, -EBADMSG);
	LIE(join, h.name[0] = '\0', -EBADMSG);
	LIE(join, h.name[0] = '\n', -EBADMSG);
	LIE(join, memset(h.name, 'x', sizeof(h.name)), -EBADMSG);
	LIE(join, snprintf(h.sock, sizeof(h.sock), "../../etc/passwd"), -EBADMSG);
	LIE(join, snprintf(h.sock, sizeof(h.sock), "mp_socket_/../x"), -EBADMSG);
	LIE(join, snprintf(h.sock, sizeof(h.sock), "config"), -EBADMSG);
	LIE(join, memset(h.text, 'x', sizeof(h.text)), -EBADMSG);
	LIE(wel, h.base++, -EBADMSG);
	LIE(wel, h.base = 0, -EBADMSG);
	LIE(wel, h.size--, -EBADMSG);
	LIE(wel, h.max_members = 0, -EBADMSG);
	LIE(wel, h.max_members = SH_MEMBERS + 1, -EBADMSG);
	LIE(wel, h.max_members = 3, -EBADMSG); /* slot 3 is not in a table of 3 */
	LIE(wel, h.id = SH_ID(3, 0), -EBADMSG);
	LIE(wel, h.id = SH_ID(256, 1), -EBADMSG);
	LIE(wel, h.id = 1ull << 63 | SH_ID(3, 1), -EBADMSG);
}

TEST(every_length_is_refused_but_one)
{
	struct sh_hello h, out;
	char buf[sizeof(h) + 8] = {0};

	sh_hello_init(&h, SH_HELLO_PULL, SH_ID(1, 1));
	memcpy(buf, &h, sizeof(h));
	for (size_t n = 0; n <= sizeof(buf); n++) {
		/* an exact copy, so that a sanitizer sees a read past its end */
		char *exact = malloc(n != 0 ? n : 1);

		memcpy(exact, buf, n);
		CHECK_EQ(sh_join_parse(exact, n, &out), n == sizeof(h) ? 0 : -EBADMSG);
		free(exact);
	}
}

TEST(each_kind_has_its_number_of_fds)
{
	CHECK(!sh_hello_fds_ok(SH_HELLO_JOIN, 1) && sh_hello_fds_ok(SH_HELLO_JOIN, 2) &&
	      sh_hello_fds_ok(SH_HELLO_JOIN, 3) && !sh_hello_fds_ok(SH_HELLO_JOIN, 4));
	CHECK(sh_hello_fds_ok(SH_HELLO_WELCOME, SH_GROUP_FDS) && !sh_hello_fds_ok(SH_HELLO_WELCOME, SH_GROUP_FDS + 1));
	CHECK(sh_hello_fds_ok(SH_HELLO_LINK, 0) && !sh_hello_fds_ok(SH_HELLO_LINK, 1));
}
