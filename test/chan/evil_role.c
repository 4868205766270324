/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * evil_role.c - the role "evil": a member that has joined properly and then writes what it likes where it may write
 *
 * It fills its lane to the primary, the words of the primary's inbox, its row in the member table and its connection for fds
 * with garbage and with lies. See hostile_role.h for what it can be told.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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
	if (o->to != victim || (o->backed < SH_LANE_SIZE && sh_lane_show(o->data, o->k, o->backed, SH_LANE_SIZE) < 0))
		return -1;
	o->backed = SH_LANE_SIZE; /* what is written here goes anywhere */
	return 0;
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
		o->link = sh_link_open(victim, SH_LINK_LANE);
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

/* n packets of 1, 2, ... 253 fds each on the connection, and no record that names one; stops when it is full */
static void fds_without_records(unsigned n)
{
	struct {
		uint32_t magic, n;
		uint64_t seq;
	} pkt = {0x6b6e696cu, 0, 0};
	int fds[SH_FDS_MAX];

	for (unsigned i = 0; i < SH_FDS_MAX; i++)
		fds[i] = dir_fd;
	if (o->link < 0)
		o->link = sh_link_open(victim, SH_LINK_LANE);
	CHECK(o->link >= 0);
	for (unsigned i = 0; i < n; i++) {
		pkt.n = 1 + i * 7 % SH_FDS_MAX;
		pkt.seq = ++o->fd_seq;
		if (sh_sock_send(o->link, NULL, &pkt, sizeof(pkt), fds, pkt.n, MSG_DONTWAIT) < 0)
			break;
	}
}

/* an honest request with an fd, by the library */
static void ask_with_fd(void)
{
	struct shoal_msg m = {.name = "echo", .fds = &dir_fd, .num_fds = 1};
	struct shoal_answers *all = NULL;
	struct timespec limit = {.tv_sec = 10};
	int r = shoal_request(&victim, 1, &m, &limit, &all);

	t_tell("echo %d %u", r, all != NULL && all->n == 1 ? all->a[0].num_fds : 0);
	shoal_answers_free(all);
}

/* a connection makes its listener look at the member table */
static void have_them_look(void)
{
	for (unsigned s = 0; s < 5; s++) {
		sh_id_t id = sh_member_at(s, NULL);
		int fd = id != 0 && id != c->self ? sh_link_open(id, SH_LINK_LANE) : -1;

		sh_close(&fd);
	}
}

/* all that it may write of itself in the member table */
static void own_row(unsigned rounds)
{
	struct sh_member *m = &sh_region()->members[me];

	while (rounds-- > 0) {
		memset(m->name, (int)rnd(), sizeof(m->name));
		memset(m->sock, (int)rnd(), sizeof(m->sock));
		m->uid = (uint32_t)rnd();
		m->role = (uint32_t)rnd();
		m->start_ns = odd();
		sh_store_rlx(&m->ready_ns, odd());
		sh_store_rlx(&m->cpu, (uint32_t)odd());
		for (unsigned i = 0; i < 12; i++)
			sh_store_rlx(&m->count[i], odd());
		/* that it was in another's place, and what never was */
		sh_store_rlx(&sh_region()->born[sh_id_gen(c->self) % SH_BORN],
			     rnd() % 4 == 0 ? odd()
					    : SH_ID(rnd() % 5, sh_id_gen(c->self) + rnd() % 3 * SH_BORN) |
						      (rnd() % 2 != 0 ? SH_BORN_LEFT : 0));
		sh_add(&sh_region()->epoch, (uint32_t)odd());
		if (rounds % 16 == 0)
			have_them_look();
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
		else if (sscanf(line, "fds %u", &n) == 1)
			fds_without_records(n);
		else if (strcmp(line, "echo") == 0)
			ask_with_fd();
		else if (sscanf(line, "row %lu %u", &seed, &n) == 2)
			own_row(n);
		else if (sscanf(line, "hammer %15s", what) == 1)
			hammer(board_map(argv[1]), what);
		t_tell("ok");
	}
	_exit(0);
}
