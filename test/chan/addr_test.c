/* SPDX-License-Identifier: BSD-3-Clause */
/* addr_test.c - shoal.h: who is addressed, payloads of all sizes, each peer's outcome, cancel, counters, whose fd is what */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal.h>

#include "member_role.h"

#define LONG "18000"
typedef unsigned long long ull;

static struct t_proc *up(const char *type, uint64_t *id)
{
	struct t_proc *p = m_up(type, NULL);

	*id = m_id(p);
	return p;
}

/* one primary [0] and three secondaries */
struct group {
	struct t_proc *p[4];
	ull id[4];
};

static struct group four(void)
{
	struct group g;

	for (int i = 0; i < 4; i++) {
		uint64_t id;

		g.p[i] = up(i == 0 ? "primary" : "secondary", &id);
		g.id[i] = id;
	}
	return g;
}

TEST(addr_one_a_list_and_the_sets)
{
	struct group g = four();

	for (int i = 0; i < 4; i++)
		m_do(g.p[i], "ok", "sreg q none");
	/* who has it: a bit for each; nobody else does, for who is left out hears the next one first */
	static const struct {
		unsigned from;
		const char *to;
		unsigned has;
	} step[] = {{1, "2", 4},  {0, "3", 8}, {1, "0,2,3", 13}, {1, "S", 12},
		    {2, "O", 11}, {3, "P", 1}, {0, "S", 14},	 {1, "O", 13}};

	for (unsigned k = 0; k < sizeof(step) / sizeof(step[0]); k++) {
		char to[128] = "";
		size_t n = 0;

		for (const char *p = step[k].to; *p != '\0'; p++)
			n += *p >= '0' && *p <= '3' ? (size_t)snprintf(to + n, sizeof(to) - n, "%llu", g.id[*p - '0'])
						    : (size_t)snprintf(to + n, sizeof(to) - n, "%c", *p);
		M_IS(g.p[step[k].from], strchr(to, ',') != NULL ? "ssend 0 0 0,0,0" : "ssend 0 0 0",
		     "ssend %s q %u " LONG, to, k);
		for (unsigned i = 0; i < 4; i++)
			if (step[k].has & 1u << i)
				CHECK_STR(t_expect(g.p[i], ""), m_fmt("got q %u 0 good clean", k));
	}
}

TEST(addr_nonsense_is_refused)
{
	struct group g = four();

	m_do(g.p[1], "ok", "sreg q none");
	CHECK_STR(m_do(g.p[0], "", "ssend P q 1 10"), m_fmt("ssend -1 %d 0", EINVAL)); /* the primary itself */
	CHECK_STR(m_do(g.p[1], "", "ssend %llu q 1 10", g.id[1]), m_fmt("ssend -1 %d 0", EINVAL));
	CHECK_STR(m_do(g.p[1], "", "ssend 12345678 q 1 10"), m_fmt("ssend -1 %d 0", EINVAL));
	CHECK_STR(m_do(g.p[1], "", "ssend %llu q 1 10", g.id[2] + 65536 * 100), m_fmt("ssend -1 %d 3", ECONNREFUSED));
	CHECK_STR(m_do(g.p[1], "", "ssend P q %u 10", (64u << 20) + 1), m_fmt("ssend -1 %d 0", E2BIG));
	CHECK_STR(m_do(g.p[1], "", "sreq P q %u 10", (64u << 20) + 1), m_fmt("sreq -1 %d 0 0 ", E2BIG));
	CHECK_STR(m_do(g.p[1], "", "ssend P q 1 10 253"), m_fmt("ssend -1 %d 0", E2BIG));
}

TEST_T(addr_payloads_of_all_sizes_both_ways, 60)
{
	static const unsigned len[] = {0, 1, 256, 257, 32767, 32768, 32769, 1u << 20, 64u << 20};
	uint64_t ia, ib;
	struct t_proc *a = up("primary", &ia), *b = up("secondary", &ib);

	m_do(a, "ok", "sreg q echo");
	for (unsigned i = 0; i < sizeof(len) / sizeof(len[0]); i++)
		for (int fds = 0; fds < 3; fds += 2) {
			CHECK_STR(m_do(b, "sreq", "sreq P q %u " LONG " %d", len[i], fds),
				  m_fmt("sreq 0 0 1 1 1/%u/good", len[i]));
			CHECK_STR(t_expect(a, "got"), m_fmt("got q %u %d good clean", len[i], fds));
		}
	/* and one that is not: 300 bytes in reply to an rte_mp request */
	m_do(a, "ok", "reg h hold");
	t_say(b, "t req h 1 " LONG);
	t_expect(a, "got");
	CHECK_STR(m_do(a, "err", "sreply 257"), m_fmt("err %d", EMSGSIZE));
	CHECK_HAS(t_stderr(a), "257");
	m_do(a, "ok", "rereply 256"); /* it is still open */
	CHECK_STR(t_expect(b, "ret"), "ret 0 0 1 1 good 0");
}

TEST(addr_more_than_256_bytes_to_an_rte_action_fail_at_the_sender)
{
	struct group g = four();

	m_do(g.p[1], "ok", "reg q echo");
	m_do(g.p[2], "ok", "sreg q echo");
	CHECK_STR(m_do(g.p[0], "", "ssend %llu q 257 10", g.id[1]), m_fmt("ssend -1 %d 6", EMSGSIZE));
	CHECK_HAS(t_stderr(g.p[0]), "257 bytes for action q");
	/* to both: nobody is sent to, and nobody is said to have it */
	CHECK_STR(m_do(g.p[0], "", "ssend %llu,%llu q 257 10", g.id[1], g.id[2]), m_fmt("ssend -1 %d 6,7", EMSGSIZE));
	M_IS(g.p[0], "ssend 0 0 0,0", "ssend %llu,%llu q 256 10", g.id[1], g.id[2]);
	CHECK_STR(t_expect(g.p[2], "got"), "got q 256 0 good clean");
	CHECK_STR(t_expect(g.p[1], "got"), "got q 256 0 good clean");
	/* a request: who takes it is asked, who does not has its own outcome */
	M_IS(g.p[0], "sreq 0 0 2 1 6/0/good,1/257/good", "sreq %llu,%llu q 257 " LONG, g.id[1], g.id[2]);
	CHECK_STR(m_do(g.p[0], "", "sreq %llu q 257 " LONG, g.id[1]), m_fmt("sreq -1 %d 1 0 6/0/good", EMSGSIZE));
	/* once it is registered anew for any size it goes */
	m_do(g.p[1], "ok", "unreg q");
	m_do(g.p[1], "ok", "sreg q echo");
	M_IS(g.p[0], "sreq 0 0 2 2 1/257/good,1/257/good", "sreq %llu,%llu q 257 " LONG, g.id[1], g.id[2]);
}

/* fill a stopped member's lane */
static void stuff(struct t_proc *from, ull to)
{
	const char *l;

	do {
		l = m_do(from, "ssend", "ssend %llu q 32768 0", to);
	} while (strcmp(l, "ssend 0 0 0") == 0);
	do {
		l = m_do(from, "ssend", "ssend %llu q 256 0", to);
	} while (strcmp(l, "ssend 0 0 0") == 0);
	do {
		l = m_do(from, "ssend", "ssend %llu q 0 0", to);
	} while (strcmp(l, "ssend 0 0 0") == 0);
	CHECK_STR(l, m_fmt("ssend -1 %d 5", EAGAIN));
}

TEST_T(addr_each_peers_outcome_in_one_request, 40)
{
	static const char *const how[] = {"echo", "hold", "fail", "hold", "echo", "none"};
	struct t_proc *a, *s[6];
	uint64_t ia, id[6];

	a = up("primary", &ia);
	for (int i = 0; i < 6; i++) {
		s[i] = up("secondary", &id[i]);
		m_do(s[i], "ok", "sreg q %s", how[i]);
	}
	t_kill(s[4], SIGSTOP);
	stuff(a, id[4]);
	t_say(a, m_fmt("sreq %llu,%llu,%llu,%llu,%llu,%llu q 256 1500", (ull)id[0], (ull)id[1], (ull)id[2], (ull)id[3],
		       (ull)id[4], (ull)id[5]));
	t_expect(s[3], "got");
	t_kill(s[3], SIGKILL);
	/* answered, silent, refused, died, full, silent */
	CHECK_STR(t_expect(a, "sreq"), "sreq 0 0 6 1 1/256/good,2/0/good,4/0/good,3/0/good,5/0/good,2/0/good");
	t_kill(s[4], SIGCONT);
	/* a dead one named again died at once, the others are not delayed */
	CHECK_STR(m_do(a, "sreq", "sreq %llu,%llu q 1 " LONG, (ull)id[3], (ull)id[0]),
		  "sreq 0 0 2 1 3/0/good,1/1/good");
	CHECK_STR(m_do(a, "sreq", "sreq %llu q 1 " LONG, (ull)id[3]), m_fmt("sreq -1 %d 1 0 3/0/good", ECONNREFUSED));
}

/* the same member twice in a list: two requests, and its death ends both */
TEST(addr_twice_in_a_list)
{
	uint64_t ia, ib;
	struct t_proc *a = up("primary", &ia), *b = up("secondary", &ib);

	m_do(b, "ok", "sreg q echo");
	m_do(b, "ok", "sreg h hold");
	M_IS(a, "sreq 0 0 2 2 1/9/good,1/9/good", "sreq %llu,%llu q 9 " LONG, (ull)ib, (ull)ib);
	t_say(a, m_fmt("sreq %llu,%llu h 9 " LONG, (ull)ib, (ull)ib));
	t_expect(b, "got h");
	t_expect(b, "got h");
	t_kill(b, SIGKILL);
	CHECK_STR(t_expect(a, "sreq"), m_fmt("sreq -1 %d 2 0 3/0/good,3/0/good", ECONNREFUSED));
}

TEST(addr_cancel)
{
	uint64_t ia, ib;
	struct t_proc *a = up("primary", &ia), *b = up("secondary", &ib);
	char handle[64];

	m_do(a, "ok", "sreg q hold");
	snprintf(handle, sizeof(handle), "%s", m_do(b, "ok", "sareq P q 10 " LONG) + 3);
	t_expect(a, "got");
	t_say(b, m_fmt("cancel %s", handle));
	CHECK_STR(t_expect(b, "scb"), "scb 1 0 7");
	CHECK_STR(m_do(b, "err", "cancel %s", handle), m_fmt("err %d", ESTALE));
	CHECK_STR(m_do(b, "err", "cancel 123456"), m_fmt("err %d", ESTALE));
	m_do(a, "ok", "sreply 5"); /* late: dropped */
	/* answered ones cannot be cancelled */
	m_do(a, "ok", "unreg q");
	m_do(a, "ok", "sreg q echo");
	t_say(b, "sareq P q 10 " LONG);
	t_expect(b, "scb 1 1 1");
}

TEST(addr_async_with_nobody_and_with_a_time_limit)
{
	uint64_t ia, ib;
	struct t_proc *a = up("primary", &ia), *b;

	t_say(a, "sareq S q 10 " LONG);
	CHECK_STR(t_expect(a, "scb"), "scb 0 0 ");
	M_IS(a, "sreq 0 0 0 0 ", "sreq O q 10 " LONG);
	M_IS(a, "ssend 0 0 0", "ssend O q 10 " LONG);
	b = up("secondary", &ib);
	m_do(b, "ok", "sreg q hold");
	t_say(a, "sareq S q 10 40");
	CHECK_STR(t_expect(a, "scb"), "scb 1 0 2");
	t_say(a, m_fmt("sareq %llu q 10 " LONG, (ull)ib));
	t_expect(b, "got");
	t_expect(b, "got");
	t_kill(b, SIGKILL);
	CHECK_STR(t_expect(a, "scb"), "scb 1 0 3");
}

TEST_T(addr_a_stopped_one_of_16_delays_nobody, 60)
{
	struct t_proc *a, *s[15];
	uint64_t ia, id[15];
	char list[512] = "", want[128] = "";
	size_t n = 0, w = 0;

	a = up("primary", &ia);
	m_do(a, "ok", "sreg e echo");
	for (int i = 0; i < 15; i++) {
		s[i] = up("secondary", &id[i]);
		m_do(s[i], "ok", "sreg q none");
		m_do(s[i], "ok", "sreg e echo");
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%llu", i != 0 ? "," : "", (ull)id[i]);
		w += (size_t)snprintf(want + w, sizeof(want) - w, "%s%d", i != 0 ? "," : "", i == 7 ? 5 : 0);
	}
	t_kill(s[7], SIGSTOP);
	/* room there is, and no answer; the others answer, each other as well */
	CHECK_STR(m_do(a, "sreq", "sreq %llu q 11 60", (ull)id[7]), m_fmt("sreq -1 %d 1 0 2/0/good", ETIMEDOUT));
	stuff(a, id[7]);
	CHECK_STR(m_do(a, "sreq", "sreq %llu q 11 60", (ull)id[7]), m_fmt("sreq -1 %d 1 0 5/0/good", EAGAIN));
	M_IS(s[2], "sreq 0 0 1 1 1/9/good", "sreq %llu e 9 " LONG, (ull)id[3]);
	M_IS(s[2], "sreq 0 0 1 1 1/9/good", "sreq P e 9 " LONG);
	/* the others have it while the call still waits for the one */
	t_say(a, "t send q 11");
	for (int i = 0; i < 15; i++)
		if (i != 7)
			CHECK_STR(t_expect(s[i], "got q"), "got q 11 0 good clean");
	CHECK_STR(m_do(a, "ssend", "ssend %s q 100 20", list), m_fmt("ssend -1 %d %s", EAGAIN, want));
	for (int i = 0; i < 15; i++)
		if (i != 7)
			CHECK_STR(t_expect(s[i], "got q"), "got q 100 0 good clean");
	CHECK_STR(t_expect(a, "err"), m_fmt("err %d", EAGAIN)); /* rte_mp_sendmsg, after its 5 s */
	t_kill(s[7], SIGCONT);
}

TEST(addr_counters)
{
	uint64_t ia, ib;
	struct t_proc *a = up("primary", &ia), *b = up("secondary", &ib);

	m_do(a, "ok", "reg q echo");
	M_IS(b, "count 0 0 0 0 0 0 0 0", "count 0");
	m_do(b, "ret", "req q 8 " LONG);
	M_IS(b, "count 1 1 0 0 0 0 0 0", "count 0");
	M_IS(b, "count 1 1 0 0 0 0 0 0", "count %llu", (ull)ia); /* another's are seen as well */
	m_do(a, "ok", "reg f fail");
	m_do(b, "ret", "req f 8 " LONG);
	m_do(b, "ok", "send nobody 1");
	m_do(b, "ret", "req q 1 " LONG);
	CHECK_STR(m_do(b, "err", "count 99"), m_fmt("err %d", ESRCH));
}

/* ---- fds ---- */

static unsigned fds(struct t_proc *p)
{
	return (unsigned)atoi(m_do(p, "fds", "fds") + 4);
}

struct count {
	struct t_proc *p;
	unsigned want;
};
static bool has_fds(void *arg)
{
	struct count *c = arg;

	return t_open_fds(c->p->pid) == c->want;
}
static void wait_fds(struct t_proc *p, unsigned want)
{
	struct count c = {p, want};

	t_until(has_fds, &c);
}

TEST_T(addr_no_fd_stays_open_on_any_path, 40)
{
	uint64_t ia, ib;
	struct t_proc *a = up("primary", &ia), *b = up("secondary", &ib);
	unsigned na, nb;

	m_do(a, "ok", "reg q echo");
	m_do(a, "ok", "reg f fail");
	m_do(a, "ok", "reg h hold");
	m_do(a, "ok", "sreg s echo");
	m_do(a, "ok", "sreg k keep");
	m_do(a, "ok", "sreg n none"); /* does not touch its fds: the library closes them */
	m_do(a, "ok", "sreg sf fail");
	m_do(b, "ok", "reg q echo");
	m_do(b, "ret", "req q 1 " LONG " 1"); /* the links of both directions stay */
	m_do(a, "ret", "req q 1 " LONG " 1");
	na = fds(a);
	nb = fds(b);
	for (int i = 0; i < 3; i++) {
		m_do(b, "ok", "send q 1 5");		   /* a message */
		m_do(b, "ok", "send nobody 1 5");	   /* dropped, or held until it is */
		m_do(b, "ret", "req q 1 " LONG " 5");	   /* answered */
		m_do(b, "ret", "req nobody 1 " LONG " 5"); /* refused */
		m_do(b, "ret", "req f 1 " LONG " 5");	   /* failed */
		m_do(b, "ret", "req h 1 10 5");		   /* silence */
		t_expect(a, "got h");
		m_do(a, "ok", "reply 3 7");	 /* late */
		t_say(b, "areq q 1 " LONG " 5"); /* callback */
		t_expect(b, "cb");
		m_do(b, "sreq", "sreq P s 40000 " LONG " 5"); /* large, with fds */
		m_do(b, "sreq", "sreq P sf 40000 " LONG " 5");
		m_do(b, "ssend", "ssend P k 40000 " LONG " 5");
		m_do(b, "ssend", "ssend P n 40000 " LONG " 5");
		m_do(b, "ssend", "ssend P nobody 40000 " LONG " 5");
		m_do(b, "ssend", "ssend P q 40000 " LONG " 5"); /* EMSGSIZE */
		m_do(b, "ret", "req q 257 " LONG " 5");		/* E2BIG */
		m_do(a, "ret", "req q 1 " LONG " 5");
	}
	m_do(b, "ret", "req q 1 " LONG); /* all before it has been taken */
	wait_fds(a, na);
	wait_fds(b, nb);
	/* what was sent to a name that goes, and what is left at cleanup */
	m_do(a, "ok", "reg bl block");
	m_do(b, "ok", "send bl 1");
	t_expect(a, "got bl");
	for (int i = 0; i < 8; i++)
		m_do(b, "ok", "send h 1 5");
	m_do(a, "ok", "unreg h");
	t_say(a, "go");
	m_do(b, "ret", "req q 1 " LONG);
	wait_fds(a, na);
	t_kill(b, SIGSTOP);
	for (int i = 0; i < 5; i++)
		m_do(a, "ok", "send q 1 5");
	CHECK_EQ(fds(a), na);
	t_kill(b, SIGKILL);
	t_wait(b);
	m_do(a, "ret", "req q 1 " LONG); /* nobody is left */
	b = up("secondary", &ib);
	m_do(b, "ok", "send bl 1");
	t_expect(a, "got bl");
	m_do(b, "ok", "send q 1 5");
	t_say(a, "t cleanup");
	t_say(a, "go");
	t_expect(a, "ok");
	m_do(a, "up", "again primary");
}

TEST(addr_credit_of_64_fds_in_flight)
{
	struct group g = four();

	for (int i = 1; i < 4; i++)
		m_do(g.p[i], "ok", "sreg q none");
	t_kill(g.p[1], SIGSTOP);
	for (int i = 0; i < 64; i++)
		M_IS(g.p[0], "ssend 0 0 0", "ssend %llu q 1 0 1", g.id[1]);
	CHECK_STR(m_do(g.p[0], "", "ssend %llu q 1 0 1", g.id[1]), m_fmt("ssend -1 %d 5", EAGAIN));
	M_IS(g.p[0], "ssend 0 0 0", "ssend %llu q 1 0", g.id[1]); /* without an fd there is room */
	/* the others are not concerned, whoever sends */
	for (int i = 0; i < 70; i++)
		M_IS(g.p[0], "ssend 0 0 0", "ssend %llu q 1 " LONG " 1", g.id[2]);
	M_IS(g.p[3], "ssend 0 0 0", "ssend %llu q 1 0 20", g.id[1]);
	t_say(g.p[0], m_fmt("ssend %llu q 2 " LONG " 1", g.id[1])); /* waits for credit */
	t_kill(g.p[1], SIGCONT);
	CHECK_STR(t_expect(g.p[0], "ssend"), "ssend 0 0 0");
	t_expect(g.p[1], "got q 2 1");
}

TEST(addr_a_peer_string_tells_who_asks)
{
	struct group g = four();

	m_do(g.p[0], "ok", "reg w who");
	for (int i = 1; i < 4; i++)
		for (int k = 0; k < 2; k++) {
			t_say(g.p[i], "req w 1 " LONG);
			CHECK_STR(t_expect(g.p[0], "who"), m_fmt("who %llu %s", g.id[i], k == 0 ? "new" : "again"));
			CHECK_STR(t_expect(g.p[i], "ret"), "ret 0 0 1 1 good 0");
		}
	CHECK_EQ(shoal_peer_member("nobody"), 0);
	CHECK_EQ(shoal_peer_member(NULL), 0);
	CHECK(shoal_peer_cmp("nobody", "nobody") != 0);
	CHECK(shoal_peer_cmp(NULL, NULL) != 0);
}

/* an action that does not return: what others send does not cost its process all the fds that it may have */
TEST(addr_fds_wait_with_their_senders)
{
	uint64_t ia, ib;
	struct t_proc *a = up("primary", &ia), *b = up("secondary", &ib);
	unsigned na, n = 0;

	m_do(a, "ok", "sreg bl none");
	m_do(b, "ssend", "ssend P bl 1 " LONG " 1"); /* the link stays */
	t_expect(a, "got");
	m_do(a, "ok", "unreg bl");
	m_do(a, "ok", "reg bl block");
	m_do(b, "ok", "sreg h hold");
	m_do(b, "ok", "sreg e echo");
	na = fds(a);
	t_say(a, m_fmt("t sreq %llu h 1 " LONG, (ull)ib)); /* a requester: it moves what comes to the queue */
	t_expect(b, "got h");
	M_IS(b, "ssend 0 0 0", "ssend P bl 1 " LONG " 20");
	t_expect(a, "got bl"); /* and stays there */
	for (n = 1; strcmp(m_do(b, "ssend", "ssend P bl 1 50 20"), "ssend 0 0 0") == 0; n++)
		CHECK(n < 200);
	CHECK(n > 256 / 20);
	CHECK(t_open_fds(a->pid) < na + 256 + 64);
	for (unsigned i = 1; i < n; i++) {
		t_say(a, "go");
		t_expect(a, "got bl");
	}
	t_say(a, "go");
	m_do(b, "ok", "sreply 5");
	CHECK_STR(t_expect(a, "sreq"), "sreq 0 0 1 1 1/5/good");
	CHECK_STR(m_do(a, "sreq", "sreq %llu e 9 " LONG, (ull)ib), "sreq 0 0 1 1 1/9/good");
	wait_fds(a, na);
}

/* a primary that is stopped is silence to those who ask it, nothing to those who ask each other */
TEST(addr_a_stopped_primary_is_only_silence)
{
	struct group g = four();

	for (int i = 0; i < 4; i++)
		m_do(g.p[i], "ok", "sreg q echo");
	t_kill(g.p[0], SIGSTOP);
	CHECK_STR(m_do(g.p[1], "ret", "req q 1 60"), m_fmt("ret -1 %d 1 0 null 0", ETIMEDOUT));
	M_IS(g.p[1], "sreq 0 0 1 1 1/9/good", "sreq %llu q 9 " LONG, g.id[2]);
	t_kill(g.p[0], SIGCONT);
	CHECK_STR(m_do(g.p[1], "ret", "req q 1 " LONG), "ret 0 0 1 1 good 0");
}
