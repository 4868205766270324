/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link_switch.c - a member of the group that does what each line says: "down", "up": port 0's link, it says "LINE RESULT";
 * "pool NAME": it says "NAME: N of SIZE"; "sent": how many packets left by port 0, "sent N"
 */
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>

static void pool(const char *name)
{
	const struct rte_mempool *mp = rte_mempool_lookup(name);

	if (mp != NULL)
		printf("%s: %u of %u\n", name, rte_mempool_avail_count(mp), mp->size);
}

static void sent(void)
{
	struct rte_eth_stats s;

	if (rte_eth_stats_get(0, &s) == 0)
		printf("sent %llu\n", (unsigned long long)s.opackets);
}

int main(int argc, char **argv)
{
	char line[64];

	if (rte_eal_init(argc, argv) < 0)
		return 1;
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "pool ", 5) == 0)
			pool(line + 5);
		else if (strcmp(line, "sent") == 0)
			sent();
		else
			printf("%s %d\n", line,
			       strcmp(line, "up") == 0 ? rte_eth_dev_set_link_up(0) : rte_eth_dev_set_link_down(0));
		fflush(stdout);
	}
	return rte_eal_cleanup();
}
