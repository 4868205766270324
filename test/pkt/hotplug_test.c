/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hotplug_test.c - devices made and removed for all, by any process; refused, late, dead
 *
 * The role "h" is a member. It hears
 *   add NAME [ARGS], del NAME    rte_eal_hotplug_add, _remove on bus vdev: "ret N"
 *   probe TEXT                   rte_dev_probe: "ret N"
 *   undo NAME                    rte_dev_remove of that port's device: "ret N"
 *   long NAME N                  add with N bytes of devargs: "ret N"
 *   list                         "list ID:NAME ..."
 *   args NAME                    "args LENGTH"
 *   listen                       events: "dev add NAME", "dev remove NAME", "eth new ID", "eth destroy ID"; "ok"
 *   nest NAME                    at the next "eth new" its callback allocates, and adds NAME: "ok"; "nested N"
 *   made                         waits until it has: "made"
 *   use NAME                     configures and starts it, one packet in and out: "used N"
 *   tell NAME                    a message to all others, whose action adds NAME: they say "acted N"
 *   t COMMAND ...                the same on a thread of its own
 *   bye
 */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include <rte_malloc.h>
#include <shoal.h>

#include "port_help.h"

#ifdef SH_FAULT
#define NEEDS_FAULT() ((void)0)
#else
#define NEEDS_FAULT() SKIP("built without -Dfault=true")
#endif

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* ---- the role ---- */

static char nested[64];
static atomic_bool nests;
static sem_t nest_done;

static void on_dev(const char *name, enum rte_dev_event_type ev, void *arg)
{
	CHECK(arg == nested);
	t_tell("dev %s %s", ev == RTE_DEV_EVENT_ADD ? "add" : "remove", name);
}

static int on_eth(uint16_t port, enum rte_eth_event_type ev, void *arg, void *ret)
{
	(void)ret, (void)arg;
	t_tell("eth %s %u", ev == RTE_ETH_EVENT_NEW ? "new" : "destroy", port);
	if (ev == RTE_ETH_EVENT_NEW && atomic_exchange(&nests, false)) {
		void *block = rte_malloc(NULL, 1 << 20, 0);

		t_tell("nested %d", block != NULL ? rte_eal_hotplug_add("vdev", nested, "") : -1);
		rte_free(block);
		sem_post(&nest_done);
	}
	return 0;
}

static int on_tell(const struct shoal_in *in, void *arg)
{
	(void)arg;
	t_tell("acted %d", rte_eal_hotplug_add("vdev", in->data, ""));
	return 0;
}

static void tell(const char *name)
{
	struct shoal_msg m = {.name = "add", .data = name, .len = strlen(name) + 1};
	uint64_t to = SHOAL_TO_OTHERS;

	CHECK_EQ(shoal_send(&to, 1, &m, NULL, NULL), 0);
}

static void list(void)
{
	char line[1024] = "list", name[RTE_ETH_NAME_MAX_LEN];
	uint16_t id;

	RTE_ETH_FOREACH_DEV(id)
	{
		CHECK_EQ(rte_eth_dev_get_name_by_port(id, name), 0);
		snprintf(line + strlen(line), sizeof(line) - strlen(line), " %u:%s", id, name);
	}
	t_tell("%s", line);
}

static struct rte_device *device(const char *name)
{
	struct rte_eth_dev_info info;

	CHECK_EQ(rte_eth_dev_info_get(port_named(name), &info), 0);
	return info.device;
}

static void add_long(const char *name, size_t n)
{
	char *args = calloc(1, n + 1);

	memset(args, '0', n); /* "size=0x000...40" */
	memcpy(args, "size=0x", 7);
	args[n - 2] = '4';
	t_tell("ret %d", rte_eal_hotplug_add("vdev", name, args));
	free(args);
}

static void use(const char *name)
{
	uint16_t id = port_named(name);
	struct rte_mempool *mp = rte_mempool_lookup("mp");
	struct rte_mbuf *m = NULL;
	unsigned k;

	if (mp == NULL)
		mp = make_pool("mp", 1024);
	start_port(id, 1, mp);
	m = rte_pktmbuf_alloc(mp);
	CHECK(m != NULL);
	k = rte_eth_tx_burst(id, 0, &m, 1);
	t_tell("used %u", k);
}

static void nest_at_next(const char *name)
{
	sem_init(&nest_done, 0, 0);
	snprintf(nested, sizeof(nested), "%s", name);
	nests = true;
	t_tell("ok");
}

static void obey(char *line)
{
	char *a[4] = {0}, *save = NULL;

	for (int i = 0; i < 3 && (a[i] = strtok_r(i == 0 ? line : NULL, " ", &save)) != NULL; i++)
		;
	if (strcmp(a[0], "add") == 0)
		t_tell("ret %d", rte_eal_hotplug_add("vdev", a[1], a[2] != NULL ? a[2] : ""));
	else if (strcmp(a[0], "del") == 0)
		t_tell("ret %d", rte_eal_hotplug_remove("vdev", a[1]));
	else if (strcmp(a[0], "probe") == 0)
		t_tell("ret %d", rte_dev_probe(a[1]));
	else if (strcmp(a[0], "undo") == 0)
		t_tell("ret %d", rte_dev_remove(device(a[1])));
	else if (strcmp(a[0], "long") == 0)
		add_long(a[1], (size_t)atol(a[2]));
	else if (strcmp(a[0], "list") == 0)
		list();
	else if (strcmp(a[0], "args") == 0)
		t_tell("args %zu", strlen(rte_dev_devargs(device(a[1]))->args));
	else if (strcmp(a[0], "tell") == 0)
		tell(a[1]);
	else if (strcmp(a[0], "use") == 0)
		use(a[1]);
	else if (strcmp(a[0], "nest") == 0)
		nest_at_next(a[1]);
	else if (strcmp(a[0], "made") == 0) /* "nested N" was said before or after what its thread was asked for */
		sem_wait(&nest_done), t_tell("made");
	else if (strcmp(a[0], "listen") == 0) {
		CHECK_EQ(rte_dev_event_monitor_start(), 0);
		CHECK_EQ(rte_dev_event_callback_register(NULL, on_dev, nested), 0);
		CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, on_eth, NULL), 0);
		CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_DESTROY, on_eth, NULL), 0);
		t_tell("ok");
	}
}

static void *thread(void *line)
{
	obey(line);
	free(line);
	return NULL;
}

ROLE(h)
{
	char line[256];
	pthread_t t[16];
	unsigned n = 0;

	if (init_with(argv[1], NULL) < 0)
		return 1;
	CHECK_EQ(shoal_action_register("add", on_tell, NULL), 0);
	t_tell("up");
	while (t_hear(line, sizeof(line)) && strcmp(line, "bye") != 0) {
		if (strncmp(line, "t ", 2) != 0) {
			obey(line);
			continue;
		}
		CHECK(n < N(t));
		CHECK_EQ(pthread_create(&t[n++], NULL, thread, strdup(line + 2)), 0);
	}
	while (n > 0)
		pthread_join(t[--n], NULL);
	return rte_eal_cleanup();
}

/* ---- the case's side ---- */

static struct t_proc *up(const char *type)
{
	struct t_proc *p = t_spawn("h", type, NULL);

	t_expect(p, "up");
	return p;
}

static void bye(struct t_proc *p)
{
	t_say(p, "bye");
	CHECK_EQ(t_wait(p), 0);
}

static void killed(struct t_proc *p)
{
	t_kill(p, SIGKILL);
	CHECK_EQ(t_wait(p), 128 + SIGKILL);
}

static void is(struct t_proc *p, const char *say, const char *want)
{
	char first[8];

	t_say(p, say);
	snprintf(first, sizeof(first), "%.*s", (int)strcspn(want, " "), want);
	CHECK_STR(t_expect(p, first), want);
}

TEST(what_one_attaches_all_have_under_one_number)
{
	struct t_proc *a = up("primary"), *b = up("secondary"), *c = up("secondary"), *d;

	is(a, "add net_null0", "ret 0");
	is(b, "list", "list 0:net_null0");
	is(b, "add net_ring1", "ret 0");
	is(a, "list", "list 0:net_null0 1:net_ring1");
	is(c, "list", "list 0:net_null0 1:net_ring1");
	is(c, "use net_null0", "used 1");
	is(b, "del net_null0", "ret 0"); /* in a secondary, and another one bursts on it */
	is(a, "list", "list 1:net_ring1");
	is(c, "list", "list 1:net_ring1");
	d = up("secondary");
	is(d, "list", "list 1:net_ring1");
	is(c, "undo net_ring1", "ret 0");
	is(d, "list", "list");
	is(a, "list", "list");
	bye(d);
	bye(c);
	bye(b);
	bye(a);
}

TEST(one_that_is_there_already_is_said_to_be)
{
	struct t_proc *a = up("primary"), *b = up("secondary");

	is(a, "probe net_null0,size=128", "ret 0");
	is(b, "add net_null0", "ret 0");
	CHECK_HAS(t_stderr(b), "EAL: Failed to attach device on primary process");
	is(b, "probe vdev:net_null1", "ret 0");
	is(a, "probe bus=vdev,name=net_null2/class=eth/driver=net_null,size=70", "ret 0");
	is(b, "list", "list 0:net_null0 1:net_null1 2:net_null2");
	is(b, "args net_null0", "args 8");
	bye(b);
	bye(a);
}

TEST(devargs_of_any_length)
{
	struct t_proc *a = up("primary"), *b = up("secondary");

	is(b, "long net_null0 300", "ret 0");
	is(b, "long net_null1 100000", "ret 0");
	is(a, "args net_null0", "args 300");
	is(a, "args net_null1", "args 100000");
	bye(b);
	bye(a);
}

TEST(what_cannot_be_is_refused_with_a_line)
{
	struct t_proc *a = up("primary"), *b = up("secondary");

	t_say(b, "probe bogus0");
	CHECK(atoi(t_expect(b, "ret") + 4) < 0);
	CHECK_HAS(t_stderr(b), "EAL: failed to parse device \"bogus0\"");
	is(b, "del net_null7", "ret -22");
	CHECK_HAS(t_stderr(b), "Cannot find plugged device (net_null7)");
	t_say(b, "add net_null0 size=none");
	CHECK(atoi(t_expect(b, "ret") + 4) < 0);
	is(a, "list", "list");
	is(b, "add net_null0", "ret 0");
	bye(b);
	bye(a);
}

TEST(bad_arguments)
{
	char long_[80];

	memset(long_, 'n', sizeof(long_) - 1);
	long_[sizeof(long_) - 1] = '\0';
	memcpy(long_, "net_null", 8);
	CHECK(rte_eal_hotplug_add("vdev", "net_null0", "") < 0); /* before init */
	CHECK(rte_dev_event_callback_register(NULL, on_dev, NULL) == -EPERM);
	CHECK(init_with("primary", NULL) >= 0);
	CHECK_EQ(rte_eal_hotplug_add(NULL, "net_null0", ""), -EFAULT);
	CHECK_EQ(rte_eal_hotplug_add("vdev", NULL, ""), -EFAULT);
	CHECK_EQ(rte_eal_hotplug_add("vdev", "", ""), -EFAULT);
	CHECK_EQ(rte_eal_hotplug_add("pci", "0000:01:00.0", ""), -EFAULT);
	CHECK_EQ(rte_eal_hotplug_add("vdev", long_, ""), -EINVAL);
	CHECK_EQ(rte_eal_hotplug_remove("pci", "x"), -ENOENT);
	CHECK_EQ(rte_eal_hotplug_remove("vdev", NULL), -EINVAL);
	CHECK_EQ(rte_dev_probe(NULL), -EINVAL);
	CHECK_EQ(rte_dev_probe(""), -ENODEV);
	CHECK_EQ(rte_dev_probe(","), -ENODEV);
	CHECK_EQ(rte_dev_probe("vdev:"), -EFAULT);
	CHECK_EQ(rte_dev_probe("vdev,"), -EFAULT);
	CHECK_EQ(rte_dev_probe("vdev:bogus0"), -EFAULT);
	CHECK_EQ(rte_dev_remove(NULL), -EINVAL);
	CHECK_EQ(rte_dev_event_callback_register(NULL, NULL, NULL), -EINVAL);
	CHECK_EQ(rte_dev_event_callback_unregister(NULL, on_dev, NULL), -ENOENT);
	CHECK_EQ(rte_dev_event_callback_register("net_null0", on_dev, nested), 0);
	CHECK_EQ(rte_dev_event_callback_register("net_null0", on_dev, nested), -EEXIST);
	CHECK_EQ(rte_dev_event_callback_register(NULL, on_dev, nested), 0);
	rte_dev_event_callback_process("net_nullx", RTE_DEV_EVENT_ADD);
	CHECK_EQ(rte_dev_event_monitor_stop(), 0);
	CHECK_EQ(rte_eal_hotplug_add("vdev", "net_null0", NULL), 0);
	CHECK_EQ(rte_dev_event_callback_unregister(NULL, on_dev, (void *)-1), 2);
	CHECK_EQ(rte_dev_hotplug_handle_enable() + rte_dev_hotplug_handle_disable(), 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* stop, close, and then the device: as programs end one */
TEST(the_device_of_a_closed_port_is_removed_once)
{
	struct rte_eth_dev_info info;
	uint16_t id;

	CHECK(init_with("primary", NULL) >= 0);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(rte_eal_hotplug_add("vdev", "net_null0", ""), 0);
		id = port_named("net_null0");
		CHECK_EQ(rte_eth_dev_info_get(id, &info), 0);
		CHECK_EQ(rte_eth_dev_close(id), 0);
		CHECK_EQ(rte_dev_is_probed(info.device), 1);
		CHECK_EQ(i == 0 ? rte_dev_remove(info.device) : rte_eal_hotplug_remove("vdev", "net_null0"), 0);
		CHECK_EQ(rte_dev_is_probed(info.device), 0);
		CHECK_EQ(rte_dev_remove(info.device), -ENOENT);
		CHECK_EQ(rte_eal_hotplug_remove("vdev", "net_null0"), -EINVAL);
	}
	CHECK_EQ(rte_eal_hotplug_add("vdev", "net_null0", ""), 0);
	CHECK_EQ(rte_eth_dev_close(port_named("net_null0")), 0);
	CHECK_EQ(rte_eal_hotplug_add("vdev", "net_null0", ""), 0); /* another one */
	CHECK_EQ(rte_eal_hotplug_remove("vdev", "net_null0"), 0);
	CHECK_EQ(rte_eal_hotplug_remove("vdev", "net_null0"), -EINVAL);
}

TEST(events_in_every_process)
{
	struct t_proc *p[3] = {up("primary"), up("secondary"), up("secondary")};

	for (unsigned i = 0; i < N(p); i++)
		is(p[i], "listen", "ok");
	t_say(p[1], "add net_null0");
	for (unsigned i = 0; i < N(p); i++) {
		CHECK_STR(t_expect(p[i], "dev"), "dev add net_null0");
		CHECK_STR(t_expect(p[i], "eth"), "eth new 0");
	}
	CHECK_STR(t_expect(p[1], "ret"), "ret 0");
	t_say(p[2], "del net_null0");
	for (unsigned i = 0; i < N(p); i++) {
		CHECK_STR(t_expect(p[i], "dev"), "dev remove net_null0");
		CHECK_STR(t_expect(p[i], "eth"), "eth destroy 0");
	}
	CHECK_STR(t_expect(p[2], "ret"), "ret 0");
	for (unsigned i = N(p); i-- > 0;)
		bye(p[i]);
}

TEST(a_callback_allocates_and_adds_devices_itself)
{
	struct t_proc *a = up("primary"), *b = up("secondary");

	is(a, "listen", "ok");
	is(b, "listen", "ok");
	is(a, "nest net_null1", "ok");
	is(b, "nest net_null2", "ok");
	is(a, "add net_null0", "ret 0");
	CHECK_STR(t_expect(b, "nested"), "nested 0");
	is(a, "made", "made");
	is(b, "del net_null1", "ret 0"); /* all three are there */
	is(b, "del net_null2", "ret 0");
	is(b, "list", "list 0:net_null0");
	bye(b);
	bye(a);
}

TEST(inside_actions)
{
	struct t_proc *a = up("primary"), *b = up("secondary"), *c = up("secondary");

	t_say(a, "tell net_null0"); /* both at once: one makes it, to the other it is there */
	CHECK_STR(t_expect(b, "acted"), "acted 0");
	CHECK_STR(t_expect(c, "acted"), "acted 0");
	t_say(b, "tell net_ring0");
	CHECK_STR(t_expect(a, "acted"), "acted 0");
	CHECK_STR(t_expect(c, "acted"), "acted 0");
	is(b, "list", "list 0:net_null0 1:net_ring0");
	bye(c);
	bye(b);
	bye(a);
}

TEST(two_at_once_and_more)
{
	struct t_proc *p[4];
	char say[64];

	for (unsigned i = 0; i < N(p); i++)
		p[i] = up(i == 0 ? "primary" : "secondary");
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < N(p); i++) {
			snprintf(say, sizeof(say), "t add net_null%u", 4 * round + i);
			t_say(p[i], say);
			snprintf(say, sizeof(say), "t add net_ring%u", round); /* all of them the same */
			t_say(p[i], say);
		}
		for (unsigned i = 0; i < N(p); i++) {
			CHECK_STR(t_expect(p[i], "ret"), "ret 0");
			CHECK_STR(t_expect(p[i], "ret"), "ret 0");
		}
	}
	for (unsigned i = 0; i < N(p); i++) {
		const char *l;
		unsigned n = 0;

		t_say(p[i], "list");
		for (l = strchr(t_expect(p[i], "list"), ':'); l != NULL; l = strchr(l + 1, ':'))
			n++;
		CHECK_EQ(n, 15);
	}
	for (unsigned i = N(p); i-- > 0;)
		bye(p[i]);
}

TEST_T(one_that_is_stopped_has_it_taken_back_from_all, 60)
{
	struct t_proc *a = up("primary"), *b = up("secondary"), *c = up("secondary");

	is(c, "listen", "ok");
	t_kill(b, SIGSTOP);
	is(a, "add net_null0", "ret -110");
	CHECK_HAS(t_stderr(a), "did not attach it within 5 s");
	is(a, "list", "list");
	is(c, "list", "list");
	t_kill(b, SIGCONT);
	is(b, "list", "list");
	is(a, "add net_null1", "ret 0");
	is(b, "list", "list 0:net_null1");
	t_kill(b, SIGSTOP);
	is(c, "del net_null1", "ret 0"); /* to go it needs nobody */
	t_kill(b, SIGCONT);
	is(b, "list", "list");
	bye(c);
	bye(b);
	bye(a);
}

TEST(without_a_primary)
{
	struct t_proc *a = up("primary"), *b = up("secondary"), *c = up("secondary");

	is(a, "add net_null0", "ret 0");
	killed(a);
	is(b, "add net_null1", "ret 0");
	is(c, "del net_null0", "ret 0");
	a = up("primary");
	is(a, "list", "list 1:net_null1");
	is(a, "add net_null2", "ret 0");
	is(b, "list", "list 0:net_null2 1:net_null1");
	bye(a);
	bye(c);
	bye(b);
}

/* ---- refused; each step ---- */

static struct t_proc *with_env(const char *env, const char *value, const char *type)
{
	struct t_proc *p;

	CHECK_EQ(setenv(env, value, 1), 0);
	p = up(type);
	CHECK_EQ(unsetenv(env), 0);
	return p;
}

TEST(one_that_refuses_has_it_taken_back_from_all)
{
	struct t_proc *a, *b, *d;

	NEEDS_FAULT();
	a = up("primary");
	b = up("secondary");
	d = with_env("SHOAL_FAIL_AT", "hotplug_attach", "secondary");
	is(b, "listen", "ok");
	is(a, "add net_null0", "ret -5");
	CHECK_HAS(t_stderr(a), "cannot attach it: Input/output error");
	is(a, "list", "list");
	is(b, "list", "list");
	is(d, "list", "list");
	is(b, "add net_null0", "ret 0"); /* the failure was one time's */
	is(d, "list", "list 0:net_null0");
	bye(d);
	bye(b);
	bye(a);
}

static void dies(struct t_proc *p, const char *at)
{
	if (t_wait(p) != 128 + SIGKILL)
		t_fail(__FILE__, __LINE__, "it passed %s alive", at);
}

struct seen {
	struct t_proc *p;
	const char *want;
};

static bool lists(void *arg)
{
	struct seen *s = arg;

	t_say(s->p, "list");
	return strcmp(t_expect(s->p, "list"), s->want) == 0;
}

static void comes(struct t_proc *p, const char *want)
{
	struct seen s = {.p = p, .want = want};

	t_until(lists, &s);
}

TEST_T(who_adds_dies_at_each_step, 120)
{
	static const struct {
		const char *at;
		bool there; /* what it made is there for all */
	} step[] = {
		{"hotplug_seated", false},     {"port_making", false},	{"port_zone_there", false},
		{"port_probed", false},	       {"port_ready", true},	{"hotplug_made", true},
		{"hotplug_primary_has", true}, {"hotplug_asked", true},
	};
	struct t_proc *a, *b, *d;

	NEEDS_FAULT();
	a = up("primary");
	b = up("secondary");
	is(b, "listen", "ok");
	for (unsigned i = 0; i < N(step); i++) {
		d = with_env("SHOAL_DIE_AT", step[i].at, "secondary");
		t_say(d, "add net_null0");
		dies(d, step[i].at);
		if (step[i].there) {
			CHECK_STR(t_expect(b, "eth"), "eth new 0"); /* told, though nobody could tell it */
			is(b, "use net_null0", "used 1");
			is(a, "add net_null0", "ret 0"); /* it is there */
		} else {
			comes(b, "list");
			is(a, "add net_null0", "ret 0"); /* it is made */
			CHECK_STR(t_expect(b, "eth"), "eth new 0");
		}
		is(b, "list", "list 0:net_null0");
		is(b, "del net_null0", "ret 0");
		is(a, "list", "list");
	}
	bye(b);
	bye(a);
}

TEST_T(who_takes_back_or_removes_dies_at_each_step, 120)
{
	static const char *const at[] = {"hotplug_taking_back", "port_going", "port_removed", "port_row_free"};
	struct t_proc *a, *b, *d;

	NEEDS_FAULT();
	a = up("primary");
	b = up("secondary");
	for (unsigned i = 1; i < N(at); i++) {
		d = with_env("SHOAL_DIE_AT", at[i], "secondary");
		is(a, "add net_null0", "ret 0");
		t_say(d, "del net_null0");
		dies(d, at[i]);
		comes(b, "list");
		is(a, "list", "list");
	}
	d = with_env("SHOAL_DIE_AT", at[0], "secondary");
	killed(b);
	b = with_env("SHOAL_FAIL_AT", "hotplug_attach", "secondary");
	t_say(d, "add net_null0");
	dies(d, at[0]);
	is(a, "list", "list 0:net_null0"); /* nobody has taken it back: it is there, and who refused can ask again */
	is(b, "use net_null0", "used 1");
	bye(b);
	bye(a);
}

TEST_T(who_is_asked_dies_and_the_others_have_it, 120)
{
	static const char *const at[] = {"post_taken", "hotplug_attached", "post_served"};
	struct t_proc *a, *b, *d;

	NEEDS_FAULT();
	for (unsigned i = 0; i < 2 * N(at); i++) {
		bool primary = i >= N(at);

		a = primary ? with_env("SHOAL_DIE_AT", at[i % N(at)], "primary") : up("primary");
		b = up("secondary");
		d = primary ? up("secondary") : with_env("SHOAL_DIE_AT", at[i], "secondary");
		is(b, "add net_null0", "ret 0");
		dies(primary ? a : d, at[i % N(at)]);
		is(primary ? d : a, "list", "list 0:net_null0");
		bye(primary ? d : a);
		bye(b);
	}
}
