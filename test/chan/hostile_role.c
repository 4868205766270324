/* SPDX-License-Identifier: BSD-3-Clause */
/* hostile_role.c - the role "chat" and the board; see hostile_role.h. */
#include "hostile_role.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <shoal.h>

#include "chan/chan_int.h"

static struct board *b;
static unsigned me; /* my generation */
static uint64_t seed;
static atomic_uint asyncs, vain; /* under way */

struct note {
	unsigned from, n;
};

struct board *board_map(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_CREAT, 0600);
	struct board *m;

	CHECK(fd >= 0 && ftruncate(fd, sizeof(struct board)) == 0);
	m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(m != MAP_FAILED);
	close(fd);
	return m;
}

struct board *board_make(const char **path)
{
	static char name[512];

	snprintf(name, sizeof(name), "%s/board", t_tmpdir());
	*path = name;
	return board_map(name);
}

static void bad(const char *what, uint64_t x, uint64_t y)
{
	unsigned i = atomic_fetch_add(&b->n_bad, 1);

	if (i < 16)
		snprintf(b->bad[i], sizeof(b->bad[i]), "member %u: %s (%llu, %llu)", me, what, (unsigned long long)x,
			 (unsigned long long)y);
}

void board_good(struct board *m)
{
	if (atomic_load(&m->n_bad) != 0)
		t_fail(__FILE__, __LINE__, "%u differences; %s; %s", atomic_load(&m->n_bad), m->bad[0], m->bad[1]);
}

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dull;
}

/* ---- what chat answers ---- */

static int on_note(const struct shoal_in *in, void *arg)
{
	struct note n;
	unsigned was;

	(void)arg;
	if (sh_id_gen(in->from) == atomic_load(&b->mute))
		return 0;
	if (in->len != sizeof(n)) {
		bad("a note of another length", in->len, in->from);
		return 0;
	}
	memcpy(&n, in->data, sizeof(n));
	if (n.from >= GENS || n.from != sh_id_gen(in->from)) {
		bad("a note of somebody else", n.from, in->from);
		return 0;
	}
	was = atomic_fetch_add(&b->got[n.from][me], 1);
	if (n.n != was + 1)
		bad("a note lost, doubled or out of order: number, expected", n.n, was + 1);
	return 0;
}

/* the answer: the payload; of an fd its own duplicate, after a look that it is what was sent */
static int on_echo(const struct shoal_in *in, void *arg)
{
	struct shoal_msg m = {.data = in->data, .len = in->len, .fds = in->fds, .num_fds = in->num_fds};
	uint64_t v = 0;

	(void)arg;
	if (in->num_fds != 0 && sh_id_gen(in->from) != atomic_load(&b->mute) &&
	    (pread(in->fds[0], &v, sizeof(v), 0) != (ssize_t)sizeof(v) || v != in->from))
		bad("an fd of somebody else", v, in->from);
	/* EAGAIN: the requester is dying, or the next look would find room; one that lives and got no answer says so itself */
	if (shoal_reply(in->peer, &m) != 0 && sh_id_gen(in->from) != atomic_load(&b->mute) && rte_errno != ESTALE &&
	    rte_errno != ECONNREFUSED && rte_errno != EAGAIN)
		bad("a reply failed: errno", (uint64_t)rte_errno, in->from);
	return 0;
}

/* ---- what chat does ---- */

/* a member that is there, or 0 */
static sh_id_t somebody(void)
{
	unsigned at = (unsigned)(rnd() % SH_MEMBERS);

	for (unsigned i = 0; i < SH_MEMBERS; i++) {
		sh_id_t id = sh_member_at((at + i) % SH_MEMBERS, NULL);

		if (id != 0 && id != sh_self() && sh_id_gen(id) < GENS && sh_id_gen(id) != atomic_load(&b->mute) &&
		    atomic_load(&b->up[sh_id_gen(id)]) != 0)
			return id;
	}
	return 0;
}

static const struct timespec limit = {.tv_sec = 20};

static void send_note(sh_id_t to)
{
	struct note n = {me, atomic_load(&b->sent[me][sh_id_gen(to)]) + 1};
	struct shoal_msg m = {.name = "note", .data = &n, .len = sizeof(n)};
	enum shoal_outcome o;

	if (shoal_send(&to, 1, &m, &limit, &o) == 0)
		atomic_fetch_add(&b->sent[me][sh_id_gen(to)], 1);
	else if (o != SHOAL_DIED)
		bad("a note was not sent: outcome, errno", o, (uint64_t)rte_errno);
}

static void check_answer(const struct shoal_answer *a, const void *data, size_t len, unsigned nfds)
{
	uint64_t v = 0;

	if (a->outcome == SHOAL_DIED) {
		atomic_fetch_add(&b->died[me], 1);
		return;
	}
	/* refused: it is leaving, or has not registered yet */
	if (a->outcome == SHOAL_REFUSED)
		return;
	if (a->outcome != SHOAL_ANSWERED) {
		if (sh_id_gen(a->member) != atomic_load(&b->mute))
			bad("a request had no answer: outcome, peer", a->outcome, sh_id_gen(a->member));
		return;
	}
	atomic_fetch_add(&b->answered[me], 1);
	if (a->len != len || (len != 0 && memcmp(a->data, data, len) != 0))
		bad("another answer: length, expected", a->len, len);
	if (a->num_fds != nfds || (nfds != 0 && (pread(a->fds[0], &v, 8, 0) != 8 || v != sh_self())))
		bad("another fd came back: number, content", a->num_fds, v);
}

static unsigned char text[50000];

static void ask(uint64_t to, size_t len, unsigned nfds)
{
	struct shoal_msg m = {.name = "echo", .data = text, .len = len, .num_fds = nfds};
	struct shoal_answers *all;
	uint64_t self = sh_self();
	int fd = -1;

	if (nfds != 0) {
		fd = memfd_create("chat", MFD_CLOEXEC);
		CHECK(fd >= 0 && write(fd, &self, sizeof(self)) == (ssize_t)sizeof(self));
		m.fds = &fd;
	}
	memcpy(text, &(uint64_t){rnd()}, 8);
	if (shoal_request(&to, 1, &m, &limit, &all) == 0) {
		for (unsigned i = 0; i < all->n; i++)
			check_answer(&all->a[i], text, len, nfds);
		shoal_answers_free(all);
	} else if (rte_errno != ECONNREFUSED) {
		bad("a request failed: errno, peer", (uint64_t)rte_errno, to);
	}
	if (fd >= 0)
		close(fd);
}

static void answered(const struct shoal_answers *all, void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < all->n; i++)
		check_answer(&all->a[i], "async", 5, 0);
	if (atomic_fetch_sub(&asyncs, 1) == 0)
		bad("a callback came twice", 0, 0);
}

static void ask_later(sh_id_t to)
{
	struct shoal_msg m = {.name = "echo", .data = "async", .len = 5};

	if (atomic_load(&asyncs) > 32)
		return;
	atomic_fetch_add(&asyncs, 1);
	if (shoal_request_async(&to, 1, &m, &limit, answered, NULL, NULL) != 0) {
		atomic_fetch_sub(&asyncs, 1);
		if (rte_errno != ECONNREFUSED)
			bad("an async request failed: errno", (uint64_t)rte_errno, to);
	}
}

static void in_vain(const struct shoal_answers *all, void *arg)
{
	(void)arg;
	if (all->a[0].outcome != SHOAL_REFUSED && all->a[0].outcome != SHOAL_DIED)
		bad("a request to no name: outcome, peer", all->a[0].outcome, sh_id_gen(all->a[0].member));
	atomic_fetch_sub(&vain, 1);
}

/* a name that nobody has. A newcomer takes a second to refuse it: the chat must not wait for that */
static void ask_in_vain(sh_id_t to)
{
	struct shoal_msg m = {.name = "nobody"};

	if (atomic_load(&vain) > 3)
		return;
	atomic_fetch_add(&vain, 1);
	if (shoal_request_async(&to, 1, &m, &limit, in_vain, NULL, NULL) != 0)
		atomic_fetch_sub(&vain, 1);
}

static void round_of_chat(void)
{
	unsigned what = (unsigned)(rnd() % 100);
	sh_id_t to = somebody();

	if (to == 0)
		return;
	if (what < 45)
		send_note(to);
	else if (what < 70)
		ask(to, 1 + 7 + what, 0);
	else if (what < 78)
		ask(to, 8 + rnd() % 400, 1);
	else if (what < 80)
		ask(to, 33000 + rnd() % 10000, (unsigned)(rnd() % 2));
	else if (what < 81)
		ask_in_vain(to);
	else if (what < 88 && atomic_load(&b->mute) == 0)
		ask(SHOAL_TO_OTHERS, 20, 0);
	else
		ask_later(to);
}

static void put_counters(void)
{
	struct shoal_mp_counters n;

	if (shoal_mp_counters(0, &n) == 0) {
		atomic_store(&b->malformed[me], n.dropped_malformed);
		atomic_store(&b->stale[me], n.dropped_stale);
	}
}

static bool is_gone(unsigned slot, uint64_t gen)
{
	sh_id_t id = sh_member_at(slot, NULL);

	return id == 0 || (sh_id_gen(id) & SH_LANE_GEN) != gen;
}

unsigned lanes_left(void)
{
	unsigned n = 0;

	for (unsigned k = 0; sh_lane_there(k); k++) {
		uint64_t o = sh_load_acq(&sh_lane_at(k)->owner);

		n += o >> 62 == SH_LANE_FREEING ||
		     (o >> 62 == SH_LANE_OWNED && (is_gone((o >> 8) & 0xff, (o >> 39) & SH_LANE_GEN) ||
						   is_gone(o & 0xff, (o >> 16) & SH_LANE_GEN)));
	}
	return n;
}

ROLE(chat)
{
	char *av[16] = {(char *)"chat", (char *)"--proc-type", argv[1], (char *)"-l", (char *)"0"};
	struct timespec ts = {.tv_nsec = 1000000};
	unsigned long rounds = getenv("CHAT_ROUNDS") != NULL ? strtoul(getenv("CHAT_ROUNDS"), NULL, 10) : 0;
	int n = 5;

	b = board_map(argv[2]);
	for (int i = 3; i < argc && n < 15; i++)
		av[n++] = argv[i];
	if (rte_eal_init(n, av) < 0) {
		t_tell("failed %d", rte_errno);
		return 1;
	}
	me = sh_id_gen(sh_self());
	CHECK(me < GENS);
	seed = me * 0x9e3779b97f4a7c15ull + (uint64_t)getpid();
	CHECK_EQ(shoal_action_register("note", on_note, NULL), 0);
	CHECK_EQ(shoal_action_register("echo", on_echo, NULL), 0);
	atomic_store(&b->up[me], 1);
	t_tell("up %u %u", sh_id_slot(sh_self()), me);
	while (atomic_load(&b->stop) == 0 && (rounds == 0 || atomic_load(&b->beat[me]) < rounds)) {
		round_of_chat();
		if ((atomic_fetch_add(&b->beat[me], 1) & 63) == 0)
			put_counters();
		if (atomic_load(&b->pace_us) != 0)
			usleep(atomic_load(&b->pace_us)); /* sleep: the pace that is asked for */
	}
	atomic_store(&b->up[me], 2);
	while (atomic_load(&asyncs) + atomic_load(&vain) != 0)
		nanosleep(&ts, NULL); /* sleep: between looks at a count that callbacks lower */
	/* the others may still ask: answer until the test says so */
	t_tell("done");
	for (char line[64]; rounds == 0 && t_hear(line, sizeof(line));) {
		put_counters();
		if (strcmp(line, "lanes") == 0)
			t_tell("lanes %u", lanes_left());
		else if (strcmp(line, "fds") == 0)
			t_tell("fds %u", t_open_fds(getpid()));
		else
			break;
	}
	CHECK_EQ(rte_eal_cleanup(), 0);
	t_tell("left");
	return 0;
}

struct chat chat_up(const char *role, const char *path)
{
	struct chat c = {.p = t_spawn("chat", role, path, NULL)};

	CHECK_EQ(sscanf(t_expect(c.p, "up"), "up %u %u", &c.slot, &c.gen), 2);
	return c;
}

struct goes_on {
	struct board *b;
	unsigned gen;
	unsigned long upto;
};

static bool has_gone_on(void *arg)
{
	struct goes_on *g = arg;

	board_good(g->b);
	return atomic_load(&g->b->beat[g->gen]) >= g->upto;
}

void chat_goes_on(struct board *m, const struct chat *c, unsigned n)
{
	struct goes_on g = {m, c->gen, atomic_load(&m->beat[c->gen]) + n};

	t_until(has_gone_on, &g);
}
