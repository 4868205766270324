/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * channel.c - one member of a measured group; the same text against shoal and against DPDK
 *
 * Uses the public API only: rte_eal_init, rte_mp_*, and, where the header exists, shoal_member_*. Started by channel.py:
 *
 *   channel EAL-OPTIONS        says "ready NS PID" (NS: exec to rte_eal_init returned), then obeys lines on stdin:
 *   sync N WARM PAUSE_US PID   N timed requests; PAUSE_US > 0: pause, and go on when all threads of PID sleep
 *   bcast N WARM PEERS         the same to all; every request must be answered by PEERS members
 *   expect N                   count one-way messages from now on ("armed"), say when the N-th has come
 *   send N AT_NS               wait until AT_NS, then send N one-way messages
 *   deaths N PROGRAM ARGS...   start N secondaries one after the other, kill -9 each: waitid to the event
 *   quit                       rte_eal_cleanup, exit
 *
 * Every answer is one line: "result {json}". Anything unexpected ends the process with a line on stderr and status 1: a
 * figure is only printed when every single request was answered by everybody with the right bytes.
 */
#include <errno.h>
#include <pthread.h>

#include <rte_eal.h>
#include <rte_errno.h>
#if __has_include(<shoal_member.h>)
#include <shoal_member.h>
#define HAVE_EVENTS 1
#endif

#include "common.h"

#define REQ_NAME "bench_req"
#define ONEWAY_NAME "bench_oneway"
#define LINE_MAX_LEN 1024
#define GIVE_UP_S 60

/*
 * One-way messages at the receiver.
 *
 *   field     written by                      read by
 *   target    main, before "armed"            the action
 *   seen      the action (one at a time)      main, under lock
 *   first_ns, last_ns                         the action; main after seen has reached target
 */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t all;
	uint64_t target, seen, first_ns, last_ns;
} oneway = {.lock = PTHREAD_MUTEX_INITIALIZER, .all = PTHREAD_COND_INITIALIZER};

__attribute__((noreturn)) static void die_errno(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, rte_strerror(rte_errno));
	exit(1);
}

static void fill(struct rte_mp_msg *m, const char *name, const unsigned char *payload)
{
	memset(m->name, 0, sizeof(m->name));
	strcpy(m->name, name);
	m->len_param = B_PAYLOAD;
	m->num_fds = 0;
	memcpy(m->param, payload, B_PAYLOAD);
}

/* the answer is the question: 64 bytes read, 64 bytes written */
static int on_request(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg rep;

	if (msg->len_param != B_PAYLOAD)
		return -1;
	fill(&rep, REQ_NAME, msg->param);
	return rte_mp_reply(&rep, peer);
}

static int on_oneway(const struct rte_mp_msg *msg, const void *peer)
{
	(void)msg;
	(void)peer;
	pthread_mutex_lock(&oneway.lock);
	oneway.seen++;
	if (oneway.seen == 1)
		oneway.first_ns = b_now();
	if (oneway.seen == oneway.target) {
		oneway.last_ns = b_now();
		pthread_cond_signal(&oneway.all);
	}
	pthread_mutex_unlock(&oneway.lock);
	return 0;
}

/* ---- requests ---- */

static void ask(const unsigned char *payload, unsigned peers)
{
	const struct timespec limit = {.tv_sec = 5};
	struct rte_mp_reply reply;
	struct rte_mp_msg req;

	fill(&req, REQ_NAME, payload);
	if (rte_mp_request_sync(&req, &reply, &limit) != 0)
		die_errno("rte_mp_request_sync");
	if (reply.nb_sent != (int)peers || reply.nb_received != (int)peers) {
		fprintf(stderr, "bench: %d asked, %d answered, %u wanted\n", reply.nb_sent, reply.nb_received, peers);
		exit(1);
	}
	for (unsigned i = 0; i < peers; i++) {
		if (memcmp(reply.msgs[i].param, payload, B_PAYLOAD) != 0)
			b_die("wrong answer");
	}
	free(reply.msgs);
}

static void do_requests(unsigned n, unsigned warm, unsigned peers, uint64_t pause_ns, int pid)
{
	int64_t *v = calloc(n, sizeof(*v));
	unsigned char payload[B_PAYLOAD];
	struct b_tasks t = {.n = 0};

	if (v == NULL)
		b_die("no memory");
	if (pause_ns != 0)
		b_tasks_open(&t, pid);
	for (unsigned i = 0; i < n + warm; i++) {
		uint64_t t0;

		memset(payload, (int)i, sizeof(payload));
		if (pause_ns != 0)
			b_await_sleep(&t, pause_ns);
		t0 = b_now();
		ask(payload, peers);
		if (i >= warm)
			v[i - warm] = (int64_t)(b_now() - t0);
	}
	b_report(v, n);
	free(v);
}

/* ---- one way ---- */

static void do_expect(uint64_t n)
{
	struct timespec dl;

	pthread_mutex_lock(&oneway.lock);
	oneway.seen = 0;
	oneway.target = n;
	printf("armed\n");
	fflush(stdout);
	clock_gettime(CLOCK_REALTIME, &dl);
	dl.tv_sec += GIVE_UP_S;
	while (oneway.seen < oneway.target) {
		if (pthread_cond_timedwait(&oneway.all, &oneway.lock, &dl) == ETIMEDOUT) {
			fprintf(stderr, "bench: %llu of %llu messages came\n", (unsigned long long)oneway.seen,
				(unsigned long long)n);
			exit(1);
		}
	}
	printf("result {\"n\": %llu, \"first_ns\": %llu, \"last_ns\": %llu}\n", (unsigned long long)n,
	       (unsigned long long)oneway.first_ns, (unsigned long long)oneway.last_ns);
	pthread_mutex_unlock(&oneway.lock);
	fflush(stdout);
}

static void do_send(unsigned n, uint64_t at_ns)
{
	unsigned char payload[B_PAYLOAD] = {7};
	struct rte_mp_msg m;
	uint64_t t0, t1, now = b_now();
	unsigned retries = 0;

	if (at_ns > now)
		b_sleep_ns(at_ns - now);
	t0 = b_now();
	for (unsigned i = 0; i < n; i++) {
		fill(&m, ONEWAY_NAME, payload);
		while (rte_mp_sendmsg(&m) != 0) {
			if (rte_errno != EAGAIN || ++retries > 1000)
				die_errno("rte_mp_sendmsg");
		}
	}
	t1 = b_now();
	printf("result {\"n\": %u, \"start_ns\": %llu, \"end_ns\": %llu, \"retries\": %u}\n", n, (unsigned long long)t0,
	       (unsigned long long)t1, retries);
	fflush(stdout);
}

/* ---- deaths ---- */

#ifdef HAVE_EVENTS
#include "deaths.h"
#else
static void do_deaths(unsigned n, char **program)
{
	(void)n;
	(void)program;
	printf("result {\"absent\": true}\n");
	fflush(stdout);
}
#endif

/* ---- main ---- */

static bool obey(char *line)
{
	char *word[64];
	unsigned n = 0;

	for (char *s = strtok(line, " \n"); s != NULL && n < 63; s = strtok(NULL, " \n"))
		word[n++] = s;
	word[n] = NULL;
	if (n == 0)
		return true;
#define NUM(i) strtoull(word[i], NULL, 10)
	if (strcmp(word[0], "quit") == 0)
		return false;
	if (strcmp(word[0], "sync") == 0 && n == 5)
		do_requests((unsigned)NUM(1), (unsigned)NUM(2), 1, NUM(3) * 1000, (int)NUM(4));
	else if (strcmp(word[0], "bcast") == 0 && n == 4)
		do_requests((unsigned)NUM(1), (unsigned)NUM(2), (unsigned)NUM(3), 0, 0);
	else if (strcmp(word[0], "expect") == 0 && n == 2)
		do_expect(NUM(1));
	else if (strcmp(word[0], "send") == 0 && n == 3)
		do_send((unsigned)NUM(1), NUM(2));
	else if (strcmp(word[0], "deaths") == 0 && n >= 3)
		do_deaths((unsigned)NUM(1), word + 2);
	else
		b_die("unknown command");
#undef NUM
	return true;
}

int main(int argc, char **argv)
{
	char line[LINE_MAX_LEN];
	uint64_t ready;

	if (rte_eal_init(argc, argv) < 0)
		die_errno("rte_eal_init");
	ready = b_since_exec();
	if (rte_mp_action_register(REQ_NAME, on_request) != 0 || rte_mp_action_register(ONEWAY_NAME, on_oneway) != 0)
		die_errno("rte_mp_action_register");
	printf("ready %llu %d\n", (unsigned long long)ready, (int)getpid());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL && obey(line))
		;
	rte_eal_cleanup();
	return 0;
}
