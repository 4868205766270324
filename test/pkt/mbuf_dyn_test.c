/* SPDX-License-Identifier: BSD-3-Clause */
/* mbuf_dyn_test.c - dynamic fields and flags: the calls, many processes that register at once, deaths while registering */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_mbuf_dyn.h>
#include <rte_memzone.h>

#include "mbuf_help.h"

static int reg(const char *name, size_t size, size_t align)
{
	struct rte_mbuf_dynfield f = {.size = size, .align = align};

	snprintf(f.name, sizeof(f.name), "%s", name);
	rte_errno = 0;
	return rte_mbuf_dynfield_register(&f);
}

static int reg_at(const char *name, size_t size, size_t align, size_t at)
{
	struct rte_mbuf_dynfield f = {.size = size, .align = align};

	snprintf(f.name, sizeof(f.name), "%s", name);
	rte_errno = 0;
	return rte_mbuf_dynfield_register_offset(&f, at);
}

static int reg_flag(const char *name, unsigned bit)
{
	struct rte_mbuf_dynflag f = {.flags = 0};

	snprintf(f.name, sizeof(f.name), "%s", name);
	rte_errno = 0;
	return rte_mbuf_dynflag_register_bitnum(&f, bit);
}

#define REFUSED(call, err)                                                                                             \
	do {                                                                                                           \
		CHECK_EQ(call, -1);                                                                                    \
		CHECK_EQ(rte_errno, err);                                                                              \
	} while (0)

TEST(fields)
{
	struct rte_mbuf_dynfield f = {.name = "flags", .size = 4, .align = 4, .flags = 1};

	init_as("primary");
	REFUSED(rte_mbuf_dynfield_lookup("f1", &f), ENOENT);
	REFUSED(rte_mbuf_dynfield_lookup(NULL, &f), EINVAL);
	REFUSED(rte_mbuf_dynfield_register(NULL), EINVAL);
	CHECK_EQ(reg("f1", 8, 8), 96); /* places as in DPDK */
	CHECK_EQ(reg("f1", 8, 8), 96);
	REFUSED(reg("f1", 4, 8), EEXIST);
	REFUSED(reg("f1", 8, 4), EEXIST);
	REFUSED(reg("new", 8, 3), EINVAL);
	REFUSED(reg("new", 8, 0), EINVAL);
	REFUSED(reg("new", 0, 8), EINVAL);
	REFUSED(reg("new", 200, 8), EINVAL);
	REFUSED(reg("new", 40, 8), ENOENT);
	REFUSED(reg("new", 4, 256), ENOENT);
	REFUSED(rte_mbuf_dynfield_register(&f), EINVAL);
	memset(f.name, 'x', sizeof(f.name));
	f.flags = 0;
	REFUSED(rte_mbuf_dynfield_register(&f), ENAMETOOLONG);
	CHECK_EQ(reg("", 4, 4), 92);
	CHECK_EQ(reg("f2", 2, 2), 104);
	CHECK_EQ(reg("f3", 1, 1), 106);
	CHECK_EQ(reg("f4", 4, 4), 108);
	REFUSED(reg_at("f5", 4, 4, 92), EBUSY);
	CHECK_EQ(reg_at("f5", 4, 4, 112), 112);
	CHECK_EQ(reg_at("f5", 4, 4, 112), 112);
	REFUSED(reg_at("f5", 4, 4, 116), EEXIST);
	REFUSED(reg_at("f6", 4, 4, 112), EBUSY);
	REFUSED(reg_at("f6", 4, 4, 118), EBUSY);
	REFUSED(reg_at("f6", 4, 4, 124 + 4), EBUSY);
	REFUSED(reg_at("f6", 4, 4, 0), EBUSY);
	REFUSED(reg_at("f6", 4, 4, 500), EBUSY);
	REFUSED(reg_at("f6", 4, 4, SIZE_MAX - 3), EBUSY);
	CHECK_EQ(reg_at("f6", 4, 4, SIZE_MAX), 116);
	CHECK_EQ(rte_mbuf_dynfield_lookup("f3", &f), 106);
	CHECK_STR(f.name, "f3");
	CHECK_EQ(f.size, 1);
	CHECK_EQ(f.align, 1);
	CHECK_EQ(rte_mbuf_dynfield_lookup("f3", NULL), 106);
	CHECK_EQ(reg("f7", 8, 8), 120);
	CHECK_EQ(reg("f8", 1, 1), 107);
	REFUSED(reg("f9", 1, 1), ENOENT);
}

TEST(flags)
{
	struct rte_mbuf_dynflag f = {.name = "w1", .flags = 1};
	char name[8];

	init_as("primary");
	REFUSED(rte_mbuf_dynflag_lookup("w1", &f), ENOENT);
	REFUSED(rte_mbuf_dynflag_lookup(NULL, &f), EINVAL);
	REFUSED(rte_mbuf_dynflag_register(&f), EINVAL);
	REFUSED(rte_mbuf_dynflag_register(NULL), EINVAL);
	memset(f.name, 'x', sizeof(f.name));
	f.flags = 0;
	REFUSED(rte_mbuf_dynflag_register(&f), ENAMETOOLONG);
	CHECK_EQ(reg_flag("w1", UINT_MAX), 23);
	CHECK_EQ(reg_flag("w1", UINT_MAX), 23);
	CHECK_EQ(reg_flag("w1", 23), 23);
	REFUSED(reg_flag("w1", 24), EEXIST);
	REFUSED(reg_flag("w2", 23), EBUSY);
	REFUSED(reg_flag("w2", 22), EBUSY);
	REFUSED(reg_flag("w2", 41), EBUSY);
	REFUSED(reg_flag("w2", 64), EINVAL);
	CHECK_EQ(reg_flag("w2", 40), 40);
	for (int i = 0; i < 16; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		CHECK_EQ(reg_flag(name, UINT_MAX), 24 + i);
	}
	REFUSED(reg_flag("one more", UINT_MAX), ENOENT);
	CHECK_EQ(rte_mbuf_dynflag_lookup("w2", &f), 40);
	CHECK_STR(f.name, "w2");
	CHECK_EQ(rte_mbuf_dynflag_lookup("n3", NULL), 27);
}

TEST(timestamps)
{
	uint64_t rx = 0, tx = 0;
	int at = 0, same = 0;
	struct rte_mbuf m;

	init_as("primary");
	CHECK_EQ(rte_mbuf_dyn_rx_timestamp_register(&at, &rx), 0);
	CHECK_EQ(rte_mbuf_dyn_tx_timestamp_register(&same, &tx), 0);
	CHECK_EQ(rte_mbuf_dyn_tx_timestamp_register(NULL, NULL), 0);
	CHECK_EQ(at, same);
	CHECK_EQ(rx, 1ULL << 23);
	CHECK_EQ(tx, 1ULL << 24);
	CHECK_EQ(rte_mbuf_dynfield_lookup(RTE_MBUF_DYNFIELD_TIMESTAMP_NAME, NULL), at);
	CHECK_EQ(rte_mbuf_dynflag_lookup(RTE_MBUF_DYNFLAG_RX_TIMESTAMP_NAME, NULL), 23);
	memset(&m, 0, sizeof(m));
	*RTE_MBUF_DYNFIELD(&m, at, rte_mbuf_timestamp_t *) = UINT64_MAX;
	for (size_t i = 0; i < sizeof(m); i++)
		CHECK_EQ(((unsigned char *)&m)[i], i >= (size_t)at && i < (size_t)at + 8 ? 0xff : 0);
}

TEST(a_dump)
{
	char *out = NULL;
	size_t len = 0;
	FILE *f;

	init_as("primary");
	CHECK_EQ(reg("f", 4, 4), 92);
	CHECK_EQ(reg_flag("w", UINT_MAX), 23);
	f = open_memstream(&out, &len);
	rte_mbuf_dyn_dump(f);
	fclose(f);
	CHECK_HAS(out, "Reserved fields:\n  name=f offset=92 size=4 align=4 flags=0\n");
	CHECK_HAS(out, "Reserved flags:\n  name=w bitnum=23 flags=0\n");
	CHECK_HAS(out, "  0058: 00 00 00 00 00 00 00 00\n  0060: 20 20 20 20 20 20 20 20\n");
	CHECK_HAS(
		out,
		"  0010: 0 0 0 0 0 0 0 0\n  0018: 1 1 1 1 1 1 1 1\n  0020: 1 1 1 1 1 1 1 1\n  0028: 1 0 0 0 0 0 0 0\n");
	free(out);
}

static void in_child(void *arg)
{
	CHECK_EQ(rte_mbuf_dynfield_lookup("f", NULL), 92);
	REFUSED(reg("g", 4, 4), EPERM);
	REFUSED(reg_flag("g", UINT_MAX), EPERM);
}

TEST(without_a_group)
{
	char err[2048];

	REFUSED(reg("f", 4, 4), E_RTE_NO_CONFIG);
	REFUSED(rte_mbuf_dynfield_lookup("f", NULL), ENOENT);
	REFUSED(reg_flag("f", UINT_MAX), E_RTE_NO_CONFIG);
	init_as("primary");
	CHECK_EQ(reg("f", 4, 4), 92);
	CHECK_EQ(t_fork(in_child, NULL, err, sizeof(err)), 0);
	CHECK_HAS(err, "child of fork()");
}

TEST(somebody_elses_zone)
{
	init_as("primary");
	CHECK(rte_memzone_reserve("rte_mbuf_dyn", 64, SOCKET_ID_ANY, 0) != NULL);
	REFUSED(reg("f", 4, 4), ENOMEM);
}

/* ---- many processes ---- */

#define NAMES 9 /* of 4 bytes: all there is */

/* all register the same names, each in an order of its own, at once */
ROLE(racer)
{
	unsigned who = (unsigned)atoi(argv[1]);
	char line[200] = "", name[8];
	int at[NAMES], bit[NAMES];

	init_as("secondary");
	t_tell("ready");
	CHECK(t_hear(line, sizeof(line)));
	for (unsigned i = 0; i < NAMES; i++) {
		unsigned k = (i * 5 + who * 2) % NAMES;

		snprintf(name, sizeof(name), "n%u", k);
		at[k] = reg(name, 4, 4);
		bit[k] = reg_flag(name, UINT_MAX);
	}
	line[0] = '\0';
	for (unsigned k = 0; k < NAMES; k++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), " %d/%d", at[k], bit[k]);
	t_tell("got%s", line);
	return 0;
}

TEST(all_get_the_same_places)
{
	struct t_proc *p[4];
	unsigned char used[128] = {0};
	char first[200], name[8];

	init_as("primary");
	for (int i = 0; i < 4; i++) {
		char who[8];

		snprintf(who, sizeof(who), "%d", i);
		p[i] = t_spawn("racer", who, NULL);
		t_expect(p[i], "ready");
	}
	for (int i = 0; i < 4; i++)
		t_say(p[i], "go");
	snprintf(first, sizeof(first), "%s", t_expect(p[0], "got"));
	for (int i = 1; i < 4; i++)
		CHECK_STR(t_expect(p[i], "got"), first);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(t_wait(p[i]), 0);
	for (int k = 0; k < NAMES; k++) {
		int at;

		snprintf(name, sizeof(name), "n%d", k);
		at = rte_mbuf_dynfield_lookup(name, NULL);
		CHECK(at >= 92 && at <= 124);
		CHECK_EQ(used[at]++, 0);
		at = rte_mbuf_dynflag_lookup(name, NULL);
		CHECK(at >= 23 && at <= 40);
		CHECK_EQ(used[at]++, 0);
	}
}

#ifdef SH_FAULT
/* registers a field and a flag, and dies on the way */
ROLE(victim)
{
	init_as("secondary");
	(void)reg("field", 4, 4);
	(void)reg_flag("flag", UINT_MAX);
	t_tell("alive");
	return 0;
}

static void dies_at(const char *label, int field, int flag)
{
	struct t_proc *p;

	setenv("SHOAL_DIE_AT", label, 1);
	p = t_spawn("victim", NULL);
	unsetenv("SHOAL_DIE_AT");
	CHECK_EQ(t_wait(p), 128 + SIGKILL);
	CHECK_EQ(rte_mbuf_dynfield_lookup("field", NULL), field);
	CHECK_EQ(rte_mbuf_dynflag_lookup("flag", NULL), flag);
	CHECK_EQ(reg("field", 4, 4), 92);
	CHECK_EQ(reg("field2", 4, 4), 96);
	CHECK_EQ(reg_flag("flag", UINT_MAX), flag == -1 ? 23 : flag);
}

TEST(death_with_the_table_empty)
{
	init_as("primary");
	dies_at("dyn_zone_there", -1, -1);
}
TEST(death_with_a_field_filled)
{
	init_as("primary");
	dies_at("dyn_field_filled", -1, -1);
}
TEST(death_with_a_field_there)
{
	init_as("primary");
	dies_at("dyn_field_there", 92, -1);
}
TEST(death_with_a_flag_filled)
{
	init_as("primary");
	dies_at("dyn_flag_filled", 92, -1);
}
#endif

ROLE(registrar)
{
	init_as("secondary");
	t_tell("%d %d", reg("theirs", 8, 8), reg_flag("theirs", UINT_MAX));
	(void)t_hear((char[8]){0}, 8);
	return 0;
}

TEST(registered_by_one_who_is_gone)
{
	struct t_proc *p;

	init_as("primary");
	p = t_spawn("registrar", NULL);
	t_expect(p, "96 23");
	t_kill(p, SIGKILL);
	CHECK_EQ(t_wait(p), 128 + SIGKILL);
	CHECK_EQ(reg("theirs", 8, 8), 96);
	CHECK_EQ(reg_flag("mine", UINT_MAX), 24);
	p = t_spawn("registrar", NULL);
	t_expect(p, "96 23");
	t_say(p, "end");
	CHECK_EQ(t_wait(p), 0);
	CHECK_EQ(rte_mbuf_dynfield_lookup("theirs", NULL), 96);
}
