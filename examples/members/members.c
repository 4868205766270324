/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * members.c - prints who is in the group, and who joins, leaves and dies, until SIGINT or SIGTERM
 *
 *   members --proc-type=auto --file-prefix PREFIX
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "../common/who.h"

static void say(enum shoal_member_event event, const struct shoal_member_info *m)
{
	static const char *const word[] = {"join", "leave", "death", "disconnect", "primary"};

	printf("[members] %s: %s, pid %d, member %" PRIx64 ", slot %u%s\n", word[event], m->name, m->pid, m->id,
	       m->slot, m->is_primary ? ", primary" : "");
}

int main(int argc, char **argv)
{
	sigset_t stop;
	int sig;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	if (rte_eal_init(argc, argv) < 0) {
		printf("[members] cannot start: %s\n", rte_strerror(rte_errno));
		return 1;
	}
	if (who_start(say) < 0) {
		printf("[members] cannot watch: %s\n", rte_strerror(rte_errno));
		return 1;
	}
	printf("[members] ready, %d in the group\n", shoal_member_count());
	sigwait(&stop, &sig);
	rte_eal_cleanup();
	return 0;
}
