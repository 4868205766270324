/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostile_member.c - a member that writes what it likes where it may write
 *
 * It has joined properly; then it fills its lane to the primary, the words of the primary's inbox and the connection for fds
 * with garbage and with lies. All others, the primary among them, go on: nothing of theirs is lost, nobody hangs, no fd stays
 * open, what was wrong is counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <shoal.h>

#include "chan/chan_int.h"
#include "hostile_role.h"
#include "peer_role.h"

/* ---- the liar ---- */

static struct sh_chan *c;
static struct sh_out *o;    /* its lane to the primary */
static struct sh_inbox *in; /* the primary's inbox */
static sh_id_t victim;
static unsigned me; /* slot */
static uint64_t seed;
static int pi[2], small_mem, open_mem, sealed_mem, dir_fd, sock_fd;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dull;
}

/* what finds the edges: small, large, powers of two and their neighbours, anything */
static uint64_t odd(void)
{
	uint64_t r = rnd();

	switch (r % 8) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX - r / 8 % 3;
	case 2:
		return (1ull << (r / 8 % 64)) - 1 + r / 512 % 3;
	case 3:
		return r / 8 % 256;
	case 4:
		return SH_LANE_SIZE + r / 8 % 32 - 16;
	default:
		return r / 8;
	}
}

static int hello_lane(void)
{
	struct shoal_msg m = {.name = "nothing"};
	enum shoal_outcome out;

	if (shoal_send(&victim, 1, &m, NULL, &out) != 0)
		return -1;
	return o->to == victim ? 0 : -1;
}

/* what lies in the lane is believed to be there */
static void publish(uint64_t tail)
{
	o->tail = tail;
	sh_store_rel(&o->lane->tail, tail);
	sh_or(&in->dirty[me / 64], 1ull << (me % 64));
	sh_fence();
	(void)sh_inbox_wake(in);
}

static void put_bytes(const void *p, size_t n)
{
	memcpy(o->data + o->tail % SH_LANE_SIZE, p, n);
}

static struct sh_rec good_rec(const char *name, size_t len)
{
	return (struct sh_rec){.len = sh_rec_size(strlen(name), len),
			       .type = (uint8_t)(rnd() % SH_R_TYPES),
			       .flags = (rnd() & 1) != 0 ? SH_RF_SHOAL : 0,
			       .name_len = (uint8_t)strlen(name),
			       .ticket = sh_add_rlx(&in->ticket, 1) + 1,
			       .from = c->self,
			       .to = victim,
			       .req = rnd() % 1000,
			       .data_len = len,
			       .left_ms = (uint32_t)odd(),
			       .code = (uint32_t)odd()};
}

static void put_rec(const struct sh_rec *r, const char *name)
{
	unsigned char buf[4096];

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (unsigned char)rnd();
	memcpy(buf, r, sizeof(*r));
	memcpy(buf + sizeof(*r), name, strlen(name));
	put_bytes(buf, sizeof(buf));
}

static const char *a_name(void)
{
	static const char *const names[] = {"echo", "note", "nothing", "%s%n%s%n", "a\nb\033[2J", "x"};

	return names[rnd() % 6];
}

static void garbage(void)
{
	unsigned char buf[8192];

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (unsigned char)((rnd() & 3) == 0 ? 0 : rnd());
	put_bytes(buf, sizeof(buf));
	publish(o->tail + rnd() % sizeof(buf));
}

static void lying_tail(void)
{
	uint64_t was = o->tail;

	publish((rnd() & 1) != 0 ? odd() : o->tail + odd() % (4 * SH_LANE_SIZE) - 2 * SH_LANE_SIZE);
	if ((rnd() & 1) != 0)
		publish(was);
}

static void one_lie(void)
{
	const char *name = a_name();
	size_t len = rnd() % 600;
	struct sh_rec r = good_rec(name, len);
	uint64_t size = r.len, x = odd();

	switch (rnd() % 14) {
	case 0:
		r.len = (uint32_t)x;
		break;
	case 1:
		r.type = (uint8_t)x;
		break;
	case 2:
		r.flags = (uint8_t)x;
		break;
	case 3:
		r.name_len = (uint8_t)x;
		break;
	case 4:
		r.nfds = (uint8_t)x;
		break;
	case 5:
		r.data_len = x;
		break;
	case 6:
		r.fd_seq = x;
		break;
	case 7:
		r.from = (rnd() & 1) != 0 ? x : victim;
		break;
	case 8:
		r.to = (rnd() & 1) != 0 ? x : c->self;
		break;
	case 9:
		r.ticket = x;
		break;
	case 10: /* large payload without an fd */
		r.flags |= SH_RF_BIG;
		r.data_len = 1 << 20;
		size = r.len = sh_rec_size(strlen(name), 0);
		break;
	case 11: /* fds claimed, none sent */
		r.nfds = (uint8_t)(1 + rnd() % 255);
		r.fd_seq = o->fd_seq + rnd() % 3;
		break;
	default: /* none: but any type, any number, any time limit */
		break;
	}
	put_rec(&r, name);
	if (rnd() % 16 == 0) /* NUL inside */
		o->data[o->tail % SH_LANE_SIZE + sizeof(r) + rnd() % strlen(name)] = '\0';
	publish(o->tail + size);
}

/* fds that are not what the record says */
static void lying_fds(void)
{
	struct {
		uint32_t magic, n;
		uint64_t seq;
	} pkt = {0x6b6e696cu, 0, o->fd_seq + 1};
	int kinds[] = {pi[0], pi[1], small_mem, open_mem, sealed_mem, dir_fd, sock_fd}, fds[SH_FDS_MAX];
	struct sh_rec r = good_rec("echo", 0);
	unsigned n = (unsigned)(rnd() % 4 == 0 ? rnd() % SH_FDS_MAX : rnd() % 4);

	for (unsigned i = 0; i < n; i++)
		fds[i] = kinds[rnd() % 7];
	if (o->link < 0)
		o->link = sh_link_open(victim);
	if (o->link < 0)
		return;
	o->fd_seq++;
	pkt.n = n;
	r.nfds = (uint8_t)n;
	r.fd_seq = n != 0 ? o->fd_seq : 0;
	switch (rnd() % 8) {
	case 0:
		pkt.n = (uint32_t)odd();
		break;
	case 1:
		pkt.seq = odd();
		break;
	case 2:
		pkt.magic = (uint32_t)odd();
		break;
	case 3:
		r.nfds = (uint8_t)odd();
		break;
	case 4:
		r.fd_seq = odd();
		break;
	case 5:
		sh_close(&o->link);
		return;
	default: /* a large payload in something that is none, or of another size */
		if (n == 0)
			break;
		r.flags |= SH_RF_BIG;
		r.data_len = (rnd() & 1) != 0 ? 4096 : odd();
		break;
	}
	if (sh_sock_send(o->link, NULL, &pkt, rnd() % 8 == 0 ? rnd() % 16 : sizeof(pkt), fds, n, MSG_DONTWAIT) < 0)
		sh_close(&o->link);
	put_rec(&r, "echo");
	publish(o->tail + r.len);
}

static void inbox_words(void)
{
	switch (rnd() % 8) {
	case 0:
	case 1:
		sh_store_rlx(&in->wake, (uint32_t)odd());
		break;
	case 2:
		sh_store_rlx(&in->ticket, odd());
		break;
	case 3:
		for (unsigned i = 0; i < SH_MEMBERS / 64; i++)
			sh_or(&in->dirty[i], odd());
		break;
	case 4: /* its own place, and places that nobody has */
		sh_store_rlx(&in->lane_of[rnd() % 2 == 0 ? me : 200 + rnd() % 56], (uint32_t)(odd() % (SH_LANES + 3)));
		break;
	case 5:
		sh_store_rlx(&in->small[rnd() % SH_SMALL], odd());
		break;
	case 6: /* of the lane to me, and of mine */
		sh_store_rlx(&o->lane->room, (uint32_t)odd());
		sh_store_rlx(&o->lane->fds_sent, odd());
		sh_store_rlx(&o->lane->head, odd());
		break;
	default:
		for (unsigned s = 0; s < SH_MEMBERS; s++)
			if (c->in[s].from != 0) {
				sh_store_rlx(&c->in[s].lane->head, odd());
				sh_store_rlx(&c->in[s].lane->fds_taken, odd());
				sh_store_rlx(&c->in[s].lane->room, (uint32_t)odd());
			}
	}
}

static void storm(unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		if (o->to != victim && hello_lane() < 0)
			continue;
		switch (rnd() % 8) {
		case 0:
			garbage();
			break;
		case 1:
			lying_tail();
			break;
		case 2:
		case 3:
			inbox_words();
			break;
		case 4:
		case 5:
			lying_fds();
			break;
		default:
			one_lie();
		}
		if (i % 16 == 0)
			sched_yield();
	}
}

/* one word, as fast as it can */
static void hammer(struct board *b, const char *what)
{
	struct sh_rec r = good_rec("note", 8);
	unsigned char *at = o->data + o->tail % SH_LANE_SIZE;

	r.type = SH_R_MSG;
	while (atomic_load(&b->calm) == 0)
		for (unsigned i = 0; i < 200; i++) {
			if (strcmp(what, "tail") == 0) {
				publish(o->tail + 8);
			} else if (strcmp(what, "ticket") == 0) {
				/* the record at the head changes its number all the time */
				if (sh_load_rlx(&o->lane->head) == o->tail) {
					at = o->data + o->tail % SH_LANE_SIZE;
					put_rec(&r, "note");
					publish(o->tail + r.len);
				}
				r.ticket = i & 1;
				memcpy(at + offsetof(struct sh_rec, ticket), &r.ticket, sizeof(r.ticket));
				sh_or(&in->dirty[me / 64], 1ull << (me % 64));
			} else if (strcmp(what, "first") == 0) {
				/* a flood of what claims to be older than everything */
				if (o->tail - sh_load_acq(&o->lane->head) > SH_LANE_SIZE / 2)
					continue;
				r.ticket = 0;
				put_rec(&r, "none");
				publish(o->tail + r.len);
			} else if (strcmp(what, "wake") == 0) {
				sh_store_rlx(&in->wake, i & 7);
			} else {
				sh_or(&in->dirty[i % 4], UINT64_MAX);
			}
		}
}

static void sleepless(void)
{
	struct timespec ts = {.tv_nsec = 1000000};

	while ((sh_load_rlx(&in->wake) & SH_WAKE_KIND) == SH_AWAKE)
		nanosleep(&ts, NULL); /* sleep: no event tells that it sleeps */
	sh_store_rlx(&in->wake, 0);
}

static void make_fds(void)
{
	unsigned char page[4096] = {0};

	dir_fd = open("/", O_RDONLY | O_CLOEXEC);
	sock_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	open_mem = memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	small_mem = sh_big_make(page, 100);
	sealed_mem = sh_big_make(page, sizeof(page));
	CHECK(pipe2(pi, O_CLOEXEC | O_NONBLOCK) == 0 && dir_fd >= 0 && sock_fd >= 0 && small_mem >= 0 &&
	      sealed_mem >= 0);
	CHECK(open_mem >= 0 && ftruncate(open_mem, 4096) == 0);
}

ROLE(evil)
{
	char *av[] = {(char *)"evil", (char *)"--proc-type", (char *)"secondary", (char *)"-l", (char *)"0"};
	char line[64], what[16];
	unsigned n;

	CHECK(rte_eal_init(5, av) >= 0);
	c = sh_chan();
	me = sh_id_slot(c->self);
	victim = sh_primary_id();
	in = sh_inbox_of(sh_id_slot(victim));
	o = &c->out[sh_id_slot(victim)];
	make_fds();
	CHECK_EQ(hello_lane(), 0);
	t_tell("up %u %u", me, sh_id_gen(c->self));
	while (t_hear(line, sizeof(line))) {
		if (sscanf(line, "storm %lu %u", &seed, &n) == 2)
			storm(n);
		else if (strcmp(line, "sleepless") == 0)
			sleepless();
		else if (sscanf(line, "hammer %15s", what) == 1)
			hammer(board_map(argv[1]), what);
		t_tell("ok");
	}
	_exit(0);
}

/* ---- the others ---- */

struct group {
	struct board *b;
	const char *path;
	struct chat p, s[2];
	struct t_proc *evil;
	unsigned slot, gen; /* of the liar */
	unsigned fds;	    /* open in the primary while it is alone */
};

static struct group group_up(void)
{
	struct group g;

	g.b = board_make(&g.path);
	g.p = chat_up("primary", g.path);
	g.fds = t_open_fds(g.p.p->pid);
	g.s[0] = chat_up("secondary", g.path);
	g.s[1] = chat_up("secondary", g.path);
	g.evil = t_spawn("evil", g.path, NULL);
	CHECK_EQ(sscanf(t_expect(g.evil, "up"), "up %u %u", &g.slot, &g.gen), 2);
	atomic_store(&g.b->mute, g.gen);
	return g;
}

/* all three make so many rounds, each with answers */
static void all_go_on(struct group *g, unsigned n)
{
	unsigned long was[3];
	struct chat *m[3] = {&g->p, &g->s[0], &g->s[1]};

	for (unsigned i = 0; i < 3; i++)
		was[i] = atomic_load(&g->b->answered[m[i]->gen]);
	for (unsigned i = 0; i < 3; i++)
		chat_goes_on(g->b, m[i], n);
	for (unsigned i = 0; i < 3; i++)
		CHECK(atomic_load(&g->b->answered[m[i]->gen]) > was[i]);
}

static unsigned ask_number(struct t_proc *p, const char *what)
{
	char fmt[32];
	unsigned n;

	snprintf(fmt, sizeof(fmt), "%s %%u", what);
	t_say(p, what);
	CHECK_EQ(sscanf(t_expect(p, what), fmt, &n), 1);
	return n;
}

struct count {
	struct t_proc *p;
	const char *what;
	unsigned want;
};

static bool fds_are_back(void *arg)
{
	struct group *g = arg;

	return t_open_fds(g->p.p->pid) == g->fds;
}

static bool is_number(void *arg)
{
	struct count *w = arg;

	return ask_number(w->p, w->what) == w->want;
}

/* the liar is killed: the chat ends well, nothing stays behind at the primary */
static void end_well(struct group *g)
{
	struct chat late;
	struct count lanes = {g->p.p, "lanes", 0};

	t_kill(g->evil, SIGKILL);
	t_wait(g->evil);
	all_go_on(g, 50);
	late = chat_up("secondary", g->path);
	chat_goes_on(g->b, &late, 50);
	atomic_store(&g->b->stop, 1);
	t_expect(g->p.p, "done");
	t_expect(g->s[0].p, "done");
	t_expect(g->s[1].p, "done");
	t_expect(late.p, "done");
	board_good(g->b);
	/* the liar's are free again */
	t_until(is_number, &lanes);
	for (unsigned i = 0; i < 2; i++) {
		t_say(g->s[i].p, "bye");
		t_expect(g->s[i].p, "left");
	}
	t_say(late.p, "bye");
	t_expect(late.p, "left");
	t_until(fds_are_back, g);
	t_say(g->p.p, "bye");
	t_expect(g->p.p, "left");
	board_good(g->b);
}

static void storm_over(struct group *g, unsigned from, unsigned rounds)
{
	char line[64];

	snprintf(line, sizeof(line), "storm %u %u", from, rounds);
	t_say(g->evil, line);
	t_expect(g->evil, "ok");
	all_go_on(g, 10);
}

/* until enough of it was seen: on a busy machine much of it is overwritten before anybody looks */
TEST_T(a_member_that_writes_garbage_harms_nobody, 60)
{
	struct group g = group_up();

	for (unsigned i = 0; i < 10 || atomic_load(&g.b->malformed[g.p.gen]) <= 100; i++)
		storm_over(&g, 1 + i * 7919, 300);
	end_well(&g);
}

static void hammered(const char *what)
{
	struct group g = group_up();
	char line[64];

	snprintf(line, sizeof(line), "hammer %s", what);
	t_say(g.evil, line);
	all_go_on(&g, 50); /* meanwhile */
	atomic_store(&g.b->calm, 1);
	t_expect(g.evil, "ok");
	end_well(&g);
}

TEST_T(a_tail_that_never_rests, 25)
{
	hammered("tail");
}

TEST_T(a_ticket_that_never_rests, 25)
{
	hammered("ticket");
}

TEST_T(a_flood_that_claims_to_be_first, 25)
{
	hammered("first");
}

TEST_T(a_wake_word_that_never_rests, 25)
{
	hammered("wake");
}

TEST_T(dirty_words_that_never_rest, 25)
{
	hammered("dirty");
}

TEST(an_overwritten_wake_word_loses_nothing)
{
	struct group g;
	struct t_proc *a = peer_up("primary"), *b = peer_up("secondary");

	g.b = board_make(&g.path);
	g.evil = t_spawn("evil", g.path, NULL);
	t_expect(g.evil, "up");
	peer_do(a, "ok", "reg q echo");
	CHECK_STR(peer_do(b, "ret", "req q x 9000"), "ret 0 0 1 1 re:x 0");
	for (unsigned i = 0; i < 2; i++) {
		t_say(g.evil, "sleepless"); /* the primary sleeps, the word says it is awake */
		t_expect(g.evil, "ok");
		CHECK_STR(peer_do(b, "ret", "req q x 9000"), "ret 0 0 1 1 re:x 0");
	}
}

TEST(members_of_every_generation_are_answered)
{
	struct t_proc *a = peer_up("primary");

	/* their numbers are part of the peer string: one that starts with a hexadecimal letter is a number, too */
	peer_do(a, "ok", "reg q echo");
	for (unsigned i = 2; i < 20; i++) {
		struct t_proc *b = peer_up("secondary");

		CHECK_STR(peer_do(b, "ret", "req q x 2000"), "ret 0 0 1 1 re:x 0");
		t_say(b, "exit");
		CHECK_EQ(t_wait(b), 0);
	}
}
