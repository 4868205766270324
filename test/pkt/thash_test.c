/* SPDX-License-Identifier: BSD-3-Clause */
/* thash_test.c - tuples that are changed until they hash as wanted; contexts found by name in other processes */
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_thash.h>

#include "check.h"

/* Microsoft's */
static const uint8_t standard_key[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
					 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
					 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
					 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

static void init_as(const char *type)
{
	char prog[] = "thash", p[64], lcores[] = "--lcores=0@0", level[] = "--log-level=info";
	char *argv[] = {prog, p, lcores, level, NULL};

	snprintf(p, sizeof(p), "--proc-type=%s", type);
	CHECK(rte_eal_init(4, argv) >= 0);
}

static uint32_t hash_of(const uint8_t *tuple, unsigned len, const uint8_t *key)
{
	uint32_t in[16];

	for (unsigned i = 0; i < len / 4; i++) {
		memcpy(&in[i], tuple + 4 * i, 4);
		in[i] = rte_be_to_cpu_32(in[i]);
	}
	return rte_softrss(in, len / 4, key);
}

static int odd_last(void *calls, uint8_t *tuple)
{
	(*(int *)calls)++;
	return tuple[11] & 1;
}

static int never(void *calls, uint8_t *tuple)
{
	(void)tuple;
	(*(int *)calls)++;
	return 0;
}

/* src, dst address, src, dst port: the source port, bits 64 to 79, may be chosen */
static void choose(struct rte_thash_ctx *c, uint32_t reta)
{
	struct rte_thash_subtuple_helper *h = rte_thash_get_helper(c, "sport");
	uint32_t mask = (1u << reta) - 1;
	uint8_t tuple[12] = {10, 1, 2, 3, 192, 168, 7, 9, 0x1f, 0x90, 0, 80}, was[12];
	uint16_t port;
	int calls = 0;

	CHECK(h != NULL);
	for (uint32_t want = 0; want <= mask; want += 1 + mask / 97) {
		uint32_t hash = hash_of(tuple, 12, rte_thash_get_key(c));
		uint32_t change = rte_thash_get_complement(h, hash, want);

		CHECK(change <= 0xffff);
		memcpy(&port, tuple + 8, 2);
		port = rte_cpu_to_be_16((uint16_t)(rte_be_to_cpu_16(port) ^ change));
		memcpy(tuple + 8, &port, 2);
		CHECK_EQ(hash_of(tuple, 12, rte_thash_get_key(c)) & mask, want);
		memcpy(was, tuple, 12);
		CHECK_EQ(rte_thash_adjust_tuple(c, h, tuple, 12, want ^ 1, 1, NULL, NULL), 0);
		CHECK_EQ(hash_of(tuple, 12, rte_thash_get_key(c)) & mask, want ^ 1);
		CHECK_EQ(memcmp(tuple, was, 8), 0);
		CHECK_EQ(memcmp(tuple + 10, was + 10, 2), 0);
	}
	CHECK_EQ(rte_thash_adjust_tuple(c, h, tuple, 12, 1, 20, never, &calls), -EEXIST);
	CHECK_EQ(calls, 20);
	CHECK_EQ(rte_thash_adjust_tuple(c, h, tuple, 8, 1, 20, NULL, NULL), -EINVAL);
	CHECK_EQ(rte_thash_adjust_tuple(c, h, tuple, 12, 1, 0, NULL, NULL), -EINVAL);
}

TEST(any_low_bits_can_be_had)
{
	uint8_t key[40] = {0}; /* the worst there is: nothing reaches anything */

	init_as("primary");
	for (uint32_t reta = RTE_THASH_RETA_SZ_MIN; reta <= RTE_THASH_RETA_SZ_MAX; reta++)
		for (int k = 0; k < 3; k++) {
			struct rte_thash_ctx *c;

			memcpy(key, k == 1 ? standard_key : (const uint8_t[40]){0}, sizeof(key));
			c = rte_thash_init_ctx("ctx", 40, reta, k == 2 ? NULL : key, 0);
			CHECK(c != NULL);
			if (k == 1)
				CHECK_EQ(memcmp(rte_thash_get_key(c), standard_key, 40), 0);
			CHECK_EQ(rte_thash_add_helper(c, "sport", 16, 64), 0);
			choose(c, reta);
			rte_thash_free_ctx(c);
		}
}

TEST(helpers_do_not_disturb_each_other)
{
	uint8_t key[40] = {0};
	struct rte_thash_ctx *c;
	int calls = 0;
	uint8_t tuple[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

	init_as("primary");
	c = rte_thash_init_ctx("two", 40, 7, key, RTE_THASH_MINIMAL_SEQ);
	CHECK(c != NULL);
	CHECK_EQ(rte_thash_add_helper(c, "sport", 16, 64), 0);
	CHECK_EQ(rte_thash_add_helper(c, "sport", 16, 0), -EEXIST);
	CHECK_EQ(rte_thash_add_helper(c, "addr", 32, 0), 0);
	CHECK_EQ(rte_thash_add_helper(c, "short", 6, 0), -EINVAL);
	CHECK_EQ(rte_thash_add_helper(c, "far", 16, 320), -EINVAL);
	CHECK_EQ(rte_thash_add_helper(c, "far", 16, 280), -EINVAL); /* its last window ends behind the key */
	choose(c, 7);
	CHECK_EQ(rte_thash_adjust_tuple(c, rte_thash_get_helper(c, "addr"), tuple, 12, 5, 1, NULL, NULL), 0);
	CHECK_EQ(hash_of(tuple, 12, rte_thash_get_key(c)) & 127, 5);
	tuple[11] |= 1;
	CHECK_EQ(rte_thash_adjust_tuple(c, rte_thash_get_helper(c, "sport"), tuple, 12, 9, 1, odd_last, &calls), 0);
	CHECK_EQ(calls, 1);
	CHECK(rte_thash_get_helper(c, "nobody") == NULL);
	/* the same bits once more: what the first counts on is not changed, and is good enough or not */
	CHECK_EQ(rte_thash_add_helper(c, "again", 16, 64), 0);
	choose(c, 7);
	rte_thash_free_ctx(c);
	rte_thash_free_ctx(NULL);
}

ROLE(finder)
{
	struct rte_thash_ctx *c;

	init_as("secondary");
	c = rte_thash_find_existing("shared");
	CHECK(c != NULL);
	choose(c, 9);
	CHECK(rte_thash_find_existing("nothing") == NULL);
	CHECK_EQ(rte_errno, ENOENT);
	t_tell("found");
	return 0;
}

TEST(contexts_are_found_by_name)
{
	struct rte_thash_ctx *c;
	struct t_proc *p;

	init_as("primary");
	c = rte_thash_init_ctx("shared", 40, 9, NULL, 0);
	CHECK(c != NULL);
	CHECK_EQ(rte_thash_add_helper(c, "sport", 16, 64), 0);
	CHECK(rte_thash_init_ctx("shared", 40, 9, NULL, 0) == NULL);
	CHECK_EQ(rte_errno, EEXIST);
	p = t_spawn("finder", NULL);
	t_expect(p, "found");
	CHECK_EQ(t_wait(p), 0);
	rte_thash_free_ctx(c);
	CHECK(rte_thash_find_existing("shared") == NULL);
}

TEST(bad_contexts_are_refused)
{
	static const struct {
		const char *name;
		uint32_t key, reta;
	} row[] = {{NULL, 40, 7}, {"", 40, 7},	  {"a name that is much too long for it", 40, 7},
		   {"x", 0, 7},	  {"x", 1000, 7}, {"x", 40, 1},
		   {"x", 40, 17}};

	init_as("primary");
	for (unsigned i = 0; i < RTE_DIM(row); i++) {
		rte_errno = 0;
		CHECK(rte_thash_init_ctx(row[i].name, row[i].key, row[i].reta, NULL, 0) == NULL);
		CHECK_EQ(rte_errno, EINVAL);
	}
}
