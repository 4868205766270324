/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fdask.c - what this process wants of the others with shared fds: a copy, that one be kept, that they let go
 *
 * On a thread of the program, which waits. Everything asked for is a state; an answer that comes too late changes nothing: an
 * fd that nobody waits for is closed where it arrives (sh_fdreg_came()).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/futex.h"
#include "base/log.h"
#include "chan/chan_int.h"
#include "chan/fdreg.h"
#include "chan/internal.h"
#include "proc/proc.h"

#define SLICE_NS (100 * SH_NS_PER_MS) /* for one holder at first; doubled each time all were asked */
#define NAP_NS SH_NS_PER_MS
#define LOOK_NS (10 * SH_NS_PER_MS)

static bool closing(void *arg)
{
	(void)arg;
	return sh_gate_closing() && !sh_in_action();
}

static int ask(struct sh_int_answer *a, unsigned n, enum sh_fd_op op, unsigned i, uint32_t serial, uint64_t dl)
{
	struct sh_fd_req q = {.op = op, .index = i, .serial = serial};

	return sh_internal_ask(
		a, n, &(struct sh_int_ask){.svc = SH_SVC_FD, .data = &q, .len = sizeof(q), .dl = dl, .moot = closing});
}

/* why one stops waiting: 0 not yet */
static int over(uint64_t dl)
{
	return closing(NULL) ? -ECANCELED : sh_now_ns() >= dl ? -ETIMEDOUT : 0;
}

static void nap(struct sh_fdreg *r)
{
	sh_lock(&r->lk);
	sh_fdreg_wait(r, sh_deadline(NAP_NS));
	sh_unlock(&r->lk);
}

/* ---- get ---- */

/* relaxed, as where it is written: a guess about who is worth asking first */
static bool was_late(const struct sh_fdreg *r, sh_id_t id)
{
	return sh_load_rlx(&r->late[sh_id_slot(id) % SH_MEMBERS]) == id;
}

/* the others that have a copy: who registered it first, then the primary; last those that did not answer when asked before */
static unsigned whom(const struct sh_fdreg *r, unsigned i, uint64_t word, sh_id_t ids[SH_MEMBERS])
{
	sh_id_t first[2] = {sh_primary_id(), sh_fd_word_maker(word)}, self = sh_self();
	unsigned n = sh_fdtab_holders(i, ids), k = 0;

	for (unsigned j = 0; j < n; j++)
		if (ids[j] != self)
			ids[k++] = ids[j];
	for (unsigned f = 0; f < 2; f++)
		for (unsigned j = 0; j < k; j++)
			if (ids[j] == first[f]) {
				ids[j] = ids[0];
				ids[0] = first[f];
			}
	for (unsigned j = 0, end = k; j < end;) {
		sh_id_t id = ids[j];

		if (!was_late(r, id)) {
			j++;
			continue;
		}
		end--;
		memmove(&ids[j], &ids[j + 1], (k - 1 - j) * sizeof(ids[0]));
		ids[k - 1] = id;
	}
	return k;
}

/* one holder: 1 it has come, 0 try another, or -errno */
static int get_from(struct sh_fdreg *r, struct sh_fdwait *w, sh_id_t id, uint64_t dl, bool *late)
{
	struct sh_int_answer a = {.to = id};
	bool fair = sh_left_ns(dl) >= SLICE_NS / 2; /* else nobody could have answered */
	int e = ask(&a, 1, SH_FD_SEND, w->index, w->serial, dl), in;

	if (e < 0 && e != -EAGAIN)
		return e;
	if (e == 0 && (a.outcome != SH_INT_ANSWERED || a.code == 0) && a.outcome != SH_INT_TIMED_OUT)
		sh_fdlink_pull(r);
	if (e == 0 && (fair || a.outcome != SH_INT_TIMED_OUT))
		sh_store_rlx(&r->late[sh_id_slot(id) % SH_MEMBERS], a.outcome == SH_INT_TIMED_OUT ? id : 0);
	*late = *late || e < 0 || a.outcome == SH_INT_TIMED_OUT;
	sh_lock(&r->lk);
	in = w->in;
	sh_unlock(&r->lk);
	if (in == -EMFILE || (in < 0 && !sh_fdlink_room()))
		return -EMFILE;
	return in >= 0;
}

static int fetch(struct sh_fdreg *r, struct sh_fdwait *w, uint64_t word, uint64_t dl)
{
	uint64_t slice = SLICE_NS;
	sh_id_t ids[SH_MEMBERS];

	if (!sh_fdlink_room())
		return -EMFILE;
	for (;; slice *= 2) {
		unsigned n = whom(r, w->index, word, ids);
		bool late = false;

		for (unsigned k = 0; k < n; k++) {
			uint64_t to = sh_deadline(slice);
			int e = get_from(r, w, ids[k], to < dl ? to : dl, &late);

			SH_STEP("fd_asked");
			if (e != 0)
				return e;
			if (sh_fdtab_word(w->index) != word)
				return -ENOENT;
			e = over(dl);
			if (e < 0)
				return e;
		}
		if (n == 0)
			return -ENOENT; /* the last one died, or put it */
		if (!late)
			nap(r);
	}
}

/* under lk: another thread of this process is getting the same */
static bool others_get(const struct sh_fdreg *r, unsigned i, uint32_t serial)
{
	for (const struct sh_fdwait *w = r->waits; w != NULL; w = w->next)
		if (w->index == i && w->serial == serial)
			return true;
	return false;
}

static void unlist(struct sh_fdreg *r, struct sh_fdwait *w)
{
	struct sh_fdwait **at = &r->waits;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	sh_fdreg_changed(r);
}

/* under lk, which it leaves and takes again: 1 mine[i] is a copy now; 0 look again; or -errno */
static int get_once(struct sh_fdreg *r, unsigned i, uint64_t word, uint64_t dl)
{
	struct sh_fdwait w = {.index = i, .serial = sh_fd_word_serial(word), .in = -1};
	int e;

	if (r->mine[i].fd >= 0 && r->mine[i].serial == w.serial)
		return 1;
	e = over(dl);
	if (others_get(r, i, w.serial)) {
		if (e == 0)
			sh_fdreg_wait(r, sh_deadline(LOOK_NS) < dl ? sh_deadline(LOOK_NS) : dl);
		return e;
	}
	w.next = r->waits;
	r->waits = &w; /* cppcheck-suppress autoVariables ; taken out below */
	sh_unlock(&r->lk);
	e = fetch(r, &w, word, dl);
	SH_STEP("fd_got");
	sh_lock(&r->lk);
	unlist(r, &w);
	if (w.in >= 0 && sh_fdtab_word(i) == word && sh_fdcopy_set(r, i, w.serial, w.in))
		return 1;
	sh_close(&w.in);
	return e > 0 ? over(dl) : e; /* revoked meanwhile: perhaps there is another of that name */
}

int sh_fdreg_get(struct sh_fdreg *r, const char *name, struct shoal_fd_blob *blob, uint64_t dl)
{
	struct sh_fd_what what;
	uint64_t word;
	int i, e;

	sh_lock(&r->lk);
	do {
		i = sh_fdtab_find(name, &word);
		e = i < 0 ? i : get_once(r, (unsigned)i, word, dl);
		if (e == 1 && !sh_fdtab_read((unsigned)i, word, &what)) /* revoked since: not handed out any more */
			e = 0;
	} while (e == 0);
	if (e == 1) {
		r->mine[i].gets++;
		if (blob != NULL)
			*blob = what.blob;
		e = r->mine[i].fd;
	}
	sh_unlock(&r->lk);
	return e;
}

/* ---- register ---- */

/* the primary takes a copy: 0, also when there is none; or -errno */
static int offer(struct sh_fdreg *r, unsigned i, uint32_t serial, int fd, uint64_t dl)
{
	struct sh_fd_pkt p = {.magic = SH_FD_MAGIC, .offer = 1, .index = i, .serial = serial};

	for (;;) {
		struct sh_int_answer a = {.to = sh_primary_id()};
		int e;

		if (a.to == 0 || a.to == sh_self())
			return 0;
		e = sh_fdlink_send(a.to, &p, fd);
		if (e == -EMFILE || e == -ENFILE || e == -EINVAL || e == -EPERM)
			return e;
		if (e == 0)
			e = ask(&a, 1, SH_FD_KEEP, i, serial, dl);
		if (e == 0 && a.outcome == SH_INT_ANSWERED && a.code == 0)
			return 0;
		if (e == 0 && a.outcome == SH_INT_ANSWERED && a.code == EMFILE)
			return -EMFILE;
		e = over(dl);
		if (e < 0)
			return e;
		nap(r);
	}
}

/* what I began is not to be: the primary hears of it, too */
static void give_up(struct sh_fdreg *r, unsigned i, uint64_t word)
{
	struct sh_int_answer a = {.to = sh_primary_id()};
	uint32_t serial = sh_fd_word_serial(word);

	(void)sh_fdtab_close(i, word);
	sh_lock(&r->lk);
	r->mine[i].owned = false;
	sh_fdcopy_drop(r, i, serial);
	sh_unlock(&r->lk);
	sh_fdtab_free(i);
	if (a.to != 0 && a.to != sh_self())
		(void)ask(&a, 1, SH_FD_LOOK, i, serial, sh_deadline(LOOK_NS)); /* it looks, also when this is late */
}

static int publish(unsigned i, uint64_t *word, const char *name, uint64_t dl)
{
	int e;

	while ((e = sh_fdtab_try(i, word, name)) == 0) {
		e = over(dl);
		if (e < 0)
			return e;
	}
	return e;
}

/* under lk: an entry with my copy in it, MAKING; takes fd */
static int begin(struct sh_fdreg *r, const struct sh_fd_what *what, int fd, uint64_t *word)
{
	int i = sh_fdtab_find(what->name, word);

	if (i >= 0 && sh_fdtab_holders((unsigned)i, NULL) == 0) { /* the last one has died, nobody has swept yet */
		sh_fdtab_sweep();
		i = sh_fdtab_find(what->name, word);
	}
	i = i >= 0 ? -EEXIST : sh_fdtab_claim(what, word);
	if (i == -ENOSPC) {
		sh_fdtab_sweep();
		i = sh_fdtab_claim(what, word);
	}
	if (i >= 0 && sh_fdcopy_set(r, (unsigned)i, sh_fd_word_serial(*word), fd)) {
		r->mine[i].owned = true;
		return i;
	}
	if (i >= 0) {
		(void)sh_fdtab_close((unsigned)i, *word);
		sh_fdtab_free((unsigned)i);
		i = -ECANCELED;
	}
	sh_close(&fd);
	return i;
}

int sh_fdreg_register(struct sh_fdreg *r, const struct sh_fd_what *what, int fd, uint64_t dl)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3), i, e;
	uint64_t word;

	if (copy < 0)
		return errno == EINVAL ? -EMFILE : -errno;
	sh_lock(&r->lk);
	i = begin(r, what, copy, &word);
	sh_unlock(&r->lk);
	if (i < 0)
		return i;
	e = offer(r, (unsigned)i, sh_fd_word_serial(word), copy, dl);
	SH_STEP("fd_offered");
	if (e == 0)
		e = publish((unsigned)i, &word, what->name, dl);
	if (e == 1)
		return 0;
	give_up(r, (unsigned)i, word);
	return e == -ESTALE ? -ECANCELED : e;
}

/* ---- revoke ---- */

static bool gone(sh_id_t id)
{
	return !sh_member_alive(id) || sh_member_probe(id) == 1;
}

static bool may_revoke(uint64_t word)
{
	sh_id_t maker = sh_fd_word_maker(word);

	return maker == sh_self() || sh_is_primary() || gone(maker);
}

static void say_late(const char *name, unsigned n, sh_id_t id)
{
	sh_warn("shoal_fd_revoke: '%s' is revoked, but %u members still have a copy, member %u (pid %u) first: it is "
		"stopped, or still uses it and must shoal_fd_put() it",
		name, n, sh_id_slot(id), sh_region()->members[sh_id_slot(id)].pid);
}

/* until no other member has a copy: 0 or -errno. Who does not wait at all is not surprised by those that still have one. */
static int wait_gone(const struct sh_fdreg *r, unsigned i, uint64_t dl, const char *name, bool waits)
{
	_Atomic uint32_t *word = &sh_fdtab_entry(i)->gone;

	for (;;) {
		uint32_t seen = sh_load_acq(word); /* A:FDHOLD */
		uint64_t look_dl = sh_deadline(LOOK_NS);
		sh_id_t ids[SH_MEMBERS];
		unsigned n = whom(r, i, 0, ids), left = 0;
		int e = over(dl);

		for (unsigned k = 0; k < n; k++)
			if (e < 0 || !gone(ids[k]))
				ids[left++] = ids[k];
		if (left == 0)
			return 0;
		if (e == -ETIMEDOUT && waits)
			say_late(name, left, ids[0]);
		if (e < 0)
			return e;
		(void)sh_futex_wait(word, seen, look_dl < dl ? look_dl : dl, SH_FUTEX_ANY, true);
	}
}

int sh_fdreg_revoke(struct sh_fdreg *r, const char *name, uint64_t dl)
{
	struct sh_int_answer a[SH_MEMBERS];
	sh_id_t ids[SH_MEMBERS];
	bool waits = sh_left_ns(dl) > 0;
	uint64_t word;
	unsigned n;
	int i, e = 0;

	sh_lock(&r->lk);
	i = sh_fdtab_find(name, &word);
	if (i >= 0 && !may_revoke(word))
		i = -EACCES;
	else if (i >= 0) {
		r->mine[i].last = r->mine[i].fd >= 0;
		if (!sh_fdtab_close((unsigned)i, word)) {
			r->mine[i].last = false;
			i = -ENOENT;
		}
	}
	sh_unlock(&r->lk);
	if (i < 0)
		return i;
	n = whom(r, (unsigned)i, word, ids);
	for (unsigned k = 0; k < n; k++)
		a[k].to = ids[k];
	if (n > 0)
		(void)ask(a, n, SH_FD_LOOK, (unsigned)i, sh_fd_word_serial(word), dl);
	SH_STEP("fd_told");
	e = wait_gone(r, (unsigned)i, dl, name, waits);
	sh_lock(&r->lk);
	if (r->mine[i].fd >= 0 && r->mine[i].serial == sh_fd_word_serial(word)) {
		r->mine[i].owned = r->mine[i].kept = r->mine[i].last = false;
		sh_fdcopy_drop(r, (unsigned)i, r->mine[i].serial);
	}
	sh_unlock(&r->lk);
	sh_fdtab_free((unsigned)i);
	return e;
}
