/* SPDX-License-Identifier: BSD-3-Clause */
/* link_switch.c - a member of the group that takes port 0's link down or up for each line "down" or "up", and says "LINE RESULT" */
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_ethdev.h>

int main(int argc, char **argv)
{
	char line[16];

	if (rte_eal_init(argc, argv) < 0)
		return 1;
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		printf("%s %d\n", line,
		       strcmp(line, "up") == 0 ? rte_eth_dev_set_link_up(0) : rte_eth_dev_set_link_down(0));
		fflush(stdout);
	}
	return rte_eal_cleanup();
}
