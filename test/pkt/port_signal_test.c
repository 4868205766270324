/* SPDX-License-Identifier: BSD-3-Clause */
/* port_signal_test.c - what a signal handler calls, whatever call of its thread it interrupts: it works, or is refused; it never hangs */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <rte_malloc.h>
#include <rte_memzone.h>

#include "port_help.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* a line in a handler goes to a stream in memory, which allocates: here nothing else does just then */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "report_signal_unsafe=0";
}

static void on(int sig, void (*fn)(int))
{
	struct sigaction a = {.sa_handler = fn};

	CHECK_EQ(sigaction(sig, &a, NULL), 0);
}

/* ---- in the very middle: this thread's own log line raises the signal ---- */

static struct {
	const char *at; /* in this line */
	int (*call)(void);
	volatile sig_atomic_t ran, r;
} in_line;
static uint16_t port;

static ssize_t line_out(void *cookie, const char *text, size_t n)
{
	(void)cookie;
	if (in_line.at != NULL && memmem(text, n, in_line.at, strlen(in_line.at)) != NULL) {
		in_line.at = NULL;
		CHECK_EQ(raise(SIGUSR1), 0);
	}
	return (ssize_t)n;
}

static void in_handler(int sig)
{
	(void)sig;
	in_line.r = in_line.call();
	in_line.ran++;
}

static int stop(void)
{
	return rte_eth_dev_stop(port);
}

static int close_it(void)
{
	return rte_eth_dev_close(port);
}

static int configure(void)
{
	struct rte_eth_conf conf;

	memset(&conf, 0, sizeof(conf));
	return rte_eth_dev_configure(port, 1, 1, &conf);
}

static void handler_calls(const char *line, int (*call)(void))
{
	in_line.ran = 0;
	in_line.call = call;
	in_line.at = line;
}

/* Ctrl-C in a program's start */
TEST(a_handler_stops_and_closes_the_port_that_a_call_of_its_thread_sets_up)
{
	FILE *f = fopencookie(NULL, "w", (cookie_io_functions_t){.write = line_out});

	INIT("primary", "--vdev=net_null0");
	port = port_named("net_null0");
	CHECK(f != NULL);
	CHECK_EQ(rte_openlog_stream(f), 0);
	on(SIGUSR1, in_handler);
	CHECK_EQ(configure(), 0);
	handler_calls("were not set up", stop); /* with the seat, starting */
	CHECK_EQ(rte_eth_dev_start(port), 0);
	CHECK_EQ(in_line.ran, 1);
	CHECK_EQ(in_line.r, 0);
	CHECK_EQ(configure(), 0); /* it was stopped */
	CHECK_EQ(rte_eth_dev_start(port), 0);
	handler_calls("rte_eth_dev_stop() comes first", stop); /* with the seat, refusing */
	CHECK_EQ(configure(), -EBUSY);
	CHECK_EQ(in_line.ran, 1);
	CHECK_EQ(in_line.r, 0);
	CHECK_EQ(configure(), 0);
	handler_calls("were not set up", close_it);
	CHECK_EQ(rte_eth_dev_start(port), 0);
	CHECK_EQ(in_line.ran, 1);
	CHECK_EQ(in_line.r, -EINVAL); /* it is started: as everywhere */
	CHECK_EQ(rte_eth_dev_stop(port), 0);
	handler_calls("it cannot have", close_it);
	CHECK_EQ(rte_eth_dev_set_mtu(port, 1), -EINVAL);
	CHECK_EQ(rte_openlog_stream(NULL), 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* ---- at any moment ---- */

static struct rte_mempool *mp;
static atomic_uint ticks;

static void again(void)
{
	struct itimerval t = {.it_value.tv_usec = 20 + atomic_load(&ticks) % 13 * 3};

	CHECK_EQ(setitimer(ITIMER_REAL, &t, NULL), 0);
}

static void tick(int sig)
{
	struct rte_eth_link link;
	struct rte_eth_stats s;
	char name[RTE_ETH_NAME_MAX_LEN];
	uint16_t id;

	(void)sig;
	CHECK_EQ(rte_eth_dev_stop(port), 0);
	CHECK_EQ(rte_eth_stats_get(port, &s), 0);
	CHECK_EQ(rte_eth_link_get_nowait(port, &link), 0);
	CHECK_EQ(rte_eth_dev_get_name_by_port(port, name), 0);
	CHECK_EQ(rte_eth_dev_get_port_by_name("net_null0", &id), 0);
	CHECK(rte_mempool_lookup("mp") == mp);
	(void)rte_mempool_avail_count(mp);
	(void)rte_memzone_lookup("zone");
	atomic_fetch_add(&ticks, 1);
	again();
}

static int hear(uint16_t id, enum rte_eth_event_type ev, void *arg, void *ret)
{
	(void)id, (void)ev, (void)arg, (void)ret;
	return 0;
}

static void set_up(void)
{
	CHECK_EQ(rte_eth_dev_stop(port), 0);
	CHECK_EQ(configure(), 0);
	CHECK_EQ(rte_eth_rx_queue_setup(port, 0, 64, 0, NULL, mp), 0);
	CHECK_EQ(rte_eth_tx_queue_setup(port, 0, 64, 0, NULL), 0);
	CHECK_EQ(rte_eth_dev_start(port), 0); /* the handler may have stopped it when this returns */
}

static void burst(void)
{
	struct rte_mbuf *m[4];
	uint16_t n = rte_eth_rx_burst(port, 0, m, N(m)), sent;

	sent = rte_eth_tx_burst(port, 0, m, n);
	rte_pktmbuf_free_bulk(m + sent, n - sent);
}

static void ask(void)
{
	struct rte_eth_stats s;
	struct rte_eth_link link;

	CHECK_EQ(rte_eth_stats_get(port, &s), 0);
	CHECK_EQ(rte_eth_stats_reset(port), 0);
	CHECK_EQ(rte_eth_link_get(port, &link), 0);
	CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, hear, NULL), 0);
	CHECK_EQ(rte_eth_dev_callback_unregister(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, hear, NULL), 0);
}

static void make_others(void)
{
	const struct rte_memzone *mz;
	struct rte_mempool *other;

	CHECK_EQ(rte_vdev_init("net_null1", NULL), 0);
	CHECK_EQ(rte_vdev_uninit("net_null1"), 0);
	mz = rte_memzone_reserve("zone", 100, SOCKET_ID_ANY, 0);
	CHECK(mz != NULL);
	CHECK_EQ(rte_memzone_free(mz), 0);
	other = rte_mempool_create("other", 31, 64, 8, 0, NULL, NULL, NULL, NULL, SOCKET_ID_ANY, 0);
	CHECK(other != NULL);
	rte_mempool_free(other);
}

/* the handler stops the port; nothing hangs, nobody is refused */
TEST_T(a_handler_at_any_moment_stops_the_port_and_asks_about_all, 60)
{
	INIT("primary", "--vdev=net_null0");
	port = port_named("net_null0");
	mp = make_pool("mp", 256);
	set_up();
	on(SIGALRM, tick);
	again();
	while (atomic_load(&ticks) < 4000) {
		set_up();
		burst();
		ask();
		make_others();
	}
	on(SIGALRM, SIG_IGN);
	CHECK_EQ(rte_eth_dev_stop(port), 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* ---- memory: a thread of the library is started when some is given back for the first time ---- */

static struct {
	nlink_t before; /* of /proc/self/task: so many threads */
	atomic_bool closed;
} first_free;

static nlink_t threads(void)
{
	struct stat st;

	CHECK_EQ(stat("/proc/self/task", &st), 0);
	return st.st_nlink;
}

static void close_if_started(int sig)
{
	(void)sig;
	if (atomic_load(&first_free.closed) || threads() == first_free.before)
		return;
	CHECK_EQ(rte_eth_dev_stop(port), 0);
	CHECK_EQ(rte_eth_dev_close(port), 0);
	atomic_store(&first_free.closed, true);
}

static void *keep_signalling(void *t)
{
	while (!atomic_load(&first_free.closed)) {
		CHECK_EQ(pthread_kill(*(pthread_t *)t, SIGUSR1), 0);
		sched_yield();
	}
	return NULL;
}

/* a signal comes while that thread is made, most times, and the handler gives memory back as well */
ROLE(gives_back)
{
	pthread_t me = pthread_self(), t;
	sigset_t usr, before;

	INIT("primary", "--vdev=net_null0");
	port = port_named("net_null0");
	on(SIGUSR1, close_if_started);
	sigemptyset(&usr);
	sigaddset(&usr, SIGUSR1);
	CHECK_EQ(pthread_sigmask(SIG_BLOCK, &usr, &before), 0);
	CHECK_EQ(pthread_create(&t, NULL, keep_signalling, &me), 0);
	first_free.before = threads();
	CHECK_EQ(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
	while (!atomic_load(&first_free.closed)) {
		void *big = rte_malloc(NULL, 200000, 0);
		const struct rte_memzone *mz = rte_memzone_reserve("zone", 5000, SOCKET_ID_ANY, 0);

		CHECK(big != NULL && mz != NULL);
		rte_free(big);
		CHECK_EQ(rte_memzone_free(mz), 0);
	}
	CHECK_EQ(pthread_join(t, NULL), 0);
	return rte_eal_cleanup();
}

TEST(a_handler_closes_the_port_while_its_thread_gives_memory_back)
{
	for (unsigned i = 0; i < 10; i++)
		CHECK_EQ(t_wait(t_spawn("gives_back", NULL)), 0);
}

/* ---- while others are asked ---- */

static struct {
	struct t_proc *stopped;
	int r[2];
	volatile sig_atomic_t ran;
} late;

static int add_another(void)
{
	return rte_eal_hotplug_add("vdev", "net_null2", "");
}

static void while_asking(int sig)
{
	(void)sig;
	late.r[0] = add_another();
	late.r[1] = stop();
	CHECK_EQ(kill(late.stopped->pid, SIGCONT), 0);
	late.ran++;
}

ROLE(other)
{
	char line[16];

	INIT(argv[1], NULL);
	t_tell("ready");
	(void)t_hear(line, sizeof(line));
	return rte_eal_cleanup();
}

static void *interrupt(void *t)
{
	while (rte_eth_dev_count_avail() <
	       2) /* it is made, and the other one is asked for it; it may be made before, too */
		sched_yield();
	CHECK_EQ(pthread_kill(*(pthread_t *)t, SIGUSR1), 0);
	return NULL;
}

/* it is heard at once: who adds a device may wait for long */
TEST(a_handler_that_interrupts_who_adds_a_device_is_refused_to_add_another_one)
{
	pthread_t me = pthread_self(), t;

	INIT("primary", "--vdev=net_null0");
	port = port_named("net_null0");
	late.stopped = t_spawn("other", "secondary", NULL);
	t_expect(late.stopped, "ready");
	t_kill(late.stopped, SIGSTOP);
	on(SIGUSR1, while_asking);
	CHECK_EQ(pthread_create(&t, NULL, interrupt, &me), 0);
	listen_to_log();
	CHECK_EQ(rte_eal_hotplug_add("vdev", "net_null1", ""), 0);
	CHECK_EQ(pthread_join(t, NULL), 0);
	CHECK_EQ(late.ran, 1);
	CHECK_EQ(late.r[0], -EBUSY);
	CHECK_EQ(late.r[1], 0);
	CHECK_EQ(said("a signal handler has interrupted"), 1);
	log_as_before();
	CHECK_EQ(add_another(), 0);
	t_say(late.stopped, "end");
	CHECK_EQ(t_wait(late.stopped), 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

static int clean_up(void)
{
	int r = rte_eal_cleanup();

	return r == 0 ? 0 : -rte_errno;
}

/* it would wait for what it interrupted */
TEST(cleanup_in_a_handler_that_interrupts_a_call_of_the_channel_is_refused)
{
	FILE *f = fopencookie(NULL, "w", (cookie_io_functions_t){.write = line_out});
	struct rte_mp_msg m = {.name = "nobody"};
	struct t_proc *p = t_spawn("other", "primary", NULL);

	t_expect(p, "ready");
	INIT("secondary", NULL);
	t_say(p, "end");
	CHECK_EQ(t_wait(p), 0);
	CHECK(f != NULL);
	CHECK_EQ(rte_openlog_stream(f), 0);
	on(SIGUSR1, in_handler);
	handler_calls("there is no primary", clean_up);
	CHECK_EQ(rte_mp_sendmsg(&m), -1);
	CHECK_EQ(in_line.ran, 1);
	CHECK_EQ(in_line.r, -EDEADLK);
	handler_calls("rte_eth_dev_stop: there is no port", clean_up); /* in a call that is none of the channel's */
	CHECK_EQ(rte_eth_dev_stop(7), -ENODEV);
	CHECK_EQ(in_line.ran, 1);
	CHECK_EQ(in_line.r, 0);
	CHECK_EQ(rte_openlog_stream(NULL), 0);
}
