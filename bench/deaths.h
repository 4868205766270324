/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * deaths.h - how long after a member's end its group is told; part of channel.c, shoal only
 *
 * The parent of the victim is a member itself: one process takes both times, so no clock is compared across processes.
 * waitid returns when the victim's threads are gone and its address space is released: from then on at the latest the
 * kernel can prove the death. The event may be there before waitid returns; the figure is negative then.
 */
#ifndef BENCH_DEATHS_H
#define BENCH_DEATHS_H

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

/*
 *   field         written by             read by
 *   joined, died  the event callback     main, under lock
 *   died_ns       the event callback     main, once died is set
 */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t change;
	uint64_t joined, died, died_ns;
} event = {.lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};

static void on_event(void *arg, enum shoal_member_event what, uint64_t id)
{
	uint64_t now = b_now();

	(void)arg;
	pthread_mutex_lock(&event.lock);
	if (what == SHOAL_MEMBER_JOIN)
		event.joined = id;
	if (what == SHOAL_MEMBER_DEATH) {
		event.died = id;
		event.died_ns = now;
	}
	pthread_cond_signal(&event.change);
	pthread_mutex_unlock(&event.lock);
}

/* until *what is neither 0 nor old; returns it */
static uint64_t await_event(const uint64_t *what, uint64_t old)
{
	struct timespec dl;
	uint64_t id;

	clock_gettime(CLOCK_REALTIME, &dl);
	dl.tv_sec += GIVE_UP_S;
	pthread_mutex_lock(&event.lock);
	while (*what == 0 || *what == old) {
		if (pthread_cond_timedwait(&event.change, &event.lock, &dl) == ETIMEDOUT)
			b_die("no event of a member came");
	}
	id = *what;
	pthread_mutex_unlock(&event.lock);
	return id;
}

/* a secondary that waits at its stdin, which is the other end of *hold; program: path and arguments */
static pid_t victim(char **program, int *hold)
{
	posix_spawn_file_actions_t fa;
	int in[2];
	pid_t pid;

	if (pipe(in) != 0)
		b_die("no pipe");
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, in[0], 0);
	posix_spawn_file_actions_addclose(&fa, in[0]);
	posix_spawn_file_actions_addclose(&fa, in[1]); /* it ends when we do */
	posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
	if (posix_spawn(&pid, program[0], &fa, NULL, program, environ) != 0)
		b_die("cannot start a victim");
	posix_spawn_file_actions_destroy(&fa);
	close(in[0]);
	*hold = in[1];
	return pid;
}

static void do_deaths(unsigned n, char **program)
{
	int64_t *v = calloc(n, sizeof(*v));
	uint64_t last = 0;

	if (v == NULL)
		b_die("no memory");
	if (shoal_member_event_register(on_event, NULL) != 0)
		die_errno("shoal_member_event_register");
	for (unsigned i = 0; i < n; i++) {
		uint64_t gone_ns, id;
		siginfo_t si;
		int hold;
		pid_t pid = victim(program, &hold);

		id = await_event(&event.joined, last);
		kill(pid, SIGKILL);
		if (waitid(P_PID, (id_t)pid, &si, WEXITED) != 0)
			b_die("waitid");
		gone_ns = b_now();
		if (await_event(&event.died, last) != id)
			b_die("the event names another member");
		v[i] = (int64_t)(event.died_ns - gone_ns);
		last = id;
		close(hold);
	}
	shoal_member_event_unregister(on_event, NULL);
	b_report(v, n);
	free(v);
}

#endif
