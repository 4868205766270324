/* SPDX-License-Identifier: BSD-3-Clause */
/* piece_cast.c - see piece_cast.h */
#include "piece_cast.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <shoal.h>
#include <shoal_mem.h>

#include "chan/piece.h"
#include "proc/proc.h"

/* ---- blocks ---- */

struct piece *block(size_t len)
{
	struct piece *p = rte_malloc(NULL, len, 0);

	CHECK(p != NULL);
	memset(p, 0, sizeof(*p));
	for (size_t i = 0; i < len - sizeof(*p); i++)
		p->sum += p->bytes[i] = (unsigned char)(i * 7 + len);
	atomic_store(&p->who, shoal_member_self());
	return p;
}

/* of the whole group, and of one member */
size_t blocks(void)
{
	struct rte_malloc_socket_stats st;

	CHECK_EQ(rte_malloc_get_socket_stats(0, &st), 0);
	return st.alloc_count;
}
long of(uint64_t member)
{
	return shoal_mem_owned_by(member, NULL, NULL);
}

void unblock(void *p)
{
	CHECK_EQ(rte_malloc_validate(p, NULL), 0);
	rte_free(p);
}

uint64_t sum_of(const struct piece *p, size_t len)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < len - sizeof(*p); i++)
		sum += p->bytes[i];
	return sum;
}

/* it changes hands */
void give_up(struct piece *p)
{
	CHECK_EQ(atomic_exchange(&p->who, 0), shoal_member_self());
}
void take_up(struct piece *p)
{
	CHECK_EQ(atomic_exchange(&p->who, shoal_member_self()), 0);
}

/* slots in use, of all members */
unsigned on_their_way(void)
{
	unsigned n = 0;

	for (unsigned s = 0; s < SH_MEMBERS; s++)
		for (unsigned k = 0; k < atomic_load(&sh_pieces()->high[s]); k++)
			n += sh_piece_state(atomic_load(&sh_piece_at(s, k)->word)) != SH_P_FREE;
	return n;
}

bool none_on_their_way(void *arg)
{
	(void)arg;
	return on_their_way() == 0;
}

/* ---- the other member: "what to do with a piece" is the message's text ---- */

void init_as(const char *type)
{
	char prog[] = "piece", p[64], lcores[] = "--lcores=0@0";
	char *argv[] = {prog, p, lcores, NULL};

	snprintf(p, sizeof(p), "--proc-type=%s", type);
	CHECK(rte_eal_init(3, argv) >= 0);
}

static sem_t go_on;

static int act(const struct shoal_in *in, void *arg)
{
	const char *what = in->data;
	struct piece *p = in->piece.addr, *mine;
	struct shoal_msg re = {.data = "seen", .len = 5};

	(void)arg;
	if (in->piece.len < sizeof(*p) || p->sum != sum_of(p, in->piece.len))
		return -EINVAL; /* and it does not answer */
	if (strcmp(what, "look") == 0) {
		t_tell("looked %zu", in->piece.len);
		return 0;
	}
	if (strcmp(what, "fail") == 0)
		return -EIO;
	if (strcmp(what, "wait") == 0) {
		t_tell("waiting");
		sem_wait(&go_on);
		return 0;
	}
	if (strcmp(what, "wait and keep") == 0) {
		t_tell("waiting");
		sem_wait(&go_on);
	}
	if (strncmp(what, "lend", 4) == 0) {
		CHECK_EQ(shoal_reply(in->peer, &re), 0);
		if (strcmp(what, "lend and wait") == 0)
			sem_wait(&go_on);
		return 0;
	}
	mine = shoal_piece_take(&in->piece);
	if (mine != p || shoal_piece_take(&in->piece) != NULL || rte_errno != ESTALE)
		return -EINVAL;
	take_up(mine);
	if (strcmp(what, "swap") == 0) { /* keep that, answer with another */
		unblock(mine);
		mine = block(5000);
		give_up(mine);
		re.piece = mine;
		re.piece_len = 5000;
	}
	if (in->is_request)
		return shoal_reply(in->peer, &re);
	t_tell("kept %zu", in->piece.len);
	return 0;
}

/* sends a piece as its line says: "send" or "ask", and, if not the primary, 3000 bytes and "keep": to whom, how many, what */
static void sends(const char *line)
{
	unsigned long long to_id = SHOAL_TO_PRIMARY;
	char how[16] = "", what[32] = "keep";
	size_t len = 3000;
	struct shoal_answers *a = NULL;
	struct shoal_msg m = {.name = "take", .data = what};
	uint64_t to;
	struct piece *p;
	int r;

	(void)sscanf(line, "%15s %llu %zu %31[a-z ]", how, &to_id, &len, what);
	to = to_id;
	m.len = strlen(what) + 1;
	m.piece_len = len;
	m.piece = p = block(len);
	give_up(p);
	r = strcmp(how, "send") == 0 ? shoal_send(&to, 1, &m, NULL, NULL) : shoal_request(&to, 1, &m, NULL, &a);
	shoal_answers_free(a);
	t_tell("sent %d %d", r, r != 0 ? rte_errno : 0);
}

ROLE(other)
{
	char line[64];

	CHECK_EQ(sem_init(&go_on, 0, 0), 0);
	init_as("secondary");
	CHECK_EQ(shoal_action_register("take", act, NULL), 0);
	t_tell("up %llu", (unsigned long long)shoal_member_self());
	while (t_hear(line, sizeof(line)) && strcmp(line, "bye") != 0) {
		if (strcmp(line, "go on") == 0)
			sem_post(&go_on);
		else
			sends(line);
	}
	sem_post(&go_on);
	if (strcmp(line, "bye") == 0)
		rte_eal_cleanup();
	return 0;
}

struct t_proc *other(uint64_t *id)
{
	struct t_proc *p = t_spawn("other", NULL);

	*id = strtoull(t_expect(p, "up") + 3, NULL, 10);
	return p;
}

struct t_proc *doomed(uint64_t *id, const char *label)
{
	struct t_proc *p;

	CHECK_EQ(setenv("SHOAL_DIE_AT", label, 1), 0);
	p = other(id);
	CHECK_EQ(unsetenv("SHOAL_DIE_AT"), 0);
	return p;
}

/* ---- the test's side ---- */

struct piece *_Atomic came_back;

static void on_return(void *piece, size_t len, uint64_t member, void *arg)
{
	struct piece *p = piece;

	(void)arg;
	CHECK(member != 0 && len >= sizeof(*p));
	take_up(p);
	CHECK(atomic_exchange(&came_back, p) == NULL);
}

bool is_back(void *arg)
{
	return atomic_load(&came_back) == arg;
}

void back(struct piece *p)
{
	t_until(is_back, p);
	atomic_store(&came_back, NULL);
}

int send_one(uint64_t to, const char *what, struct piece *p, size_t len)
{
	struct shoal_msg m = {.name = "take", .data = what, .len = strlen(what) + 1, .piece = p, .piece_len = len};
	int r;

	give_up(p);
	r = shoal_send(&to, 1, &m, NULL, NULL);
	if (r < 0)
		take_up(p);
	return r;
}

/* the outcome, and whether it is mine again */
enum shoal_outcome ask(uint64_t to, const char *what, struct piece *p, size_t len, unsigned ms, int *mine)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	struct shoal_msg m = {.name = "take", .data = what, .len = strlen(what) + 1, .piece = p, .piece_len = len};
	struct shoal_answers *a = NULL;
	enum shoal_outcome o;

	give_up(p);
	(void)shoal_request(&to, 1, &m, &ts, &a);
	CHECK(a != NULL && a->n == 1);
	o = a->a[0].outcome;
	*mine = a->a[0].piece_back;
	if (*mine)
		take_up(p);
	shoal_answers_free(a);
	return o;
}

void begin(void)
{
	init_as("primary");
	CHECK_EQ(shoal_piece_on_return(on_return, NULL), 0);
}
