/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * internal.h - one member's runtime asks another's: small requests that no program sees
 *
 * Beside the lanes, and independent of them: a request lies in a post of the sender's own block of the control region, and a
 * bell calls the receiver's internal thread, which does nothing else. So it is answered while the receiver's dispatcher is
 * inside an action, while its inbox is full, while its requesters wait; it never passes the baton and runs no action. What
 * an action or a requester wants of other runtimes (memory above all) therefore always ends.
 *
 * What a request asks for should be a state that the receiver brings about, not an event that it counts: one that found the
 * receiver stopped is withdrawn at its time limit, and an answer that comes later than that is dropped.
 *
 *   who             sees
 *   the asker dies  its post stays as it is: the receiver answers into the void, or does not know its sender any more
 *   a receiver      is found dead or gone within 10 ms (proof, not suspicion): SH_INT_GONE
 *   dies
 *   a receiver is   the others' answers count; at the time limit SH_INT_TIMED_OUT. What it had not begun it never begins
 *   stopped
 *
 * The internal thread serves one request at a time, those of one sender in their order. A service may ask others in turn.
 */
#ifndef SH_CHAN_INTERNAL_H
#define SH_CHAN_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctx.h"

enum sh_service { SH_SVC_MEM, SH_SVC_FD, SH_SVC_MBUF, SH_SVC_PORTS, SH_SVC_TEST, SH_SERVICES };
#define SH_INT_DATA 192 /* bytes of a request */

enum sh_int_outcome { SH_INT_ANSWERED, SH_INT_TIMED_OUT, SH_INT_GONE };
struct sh_int_answer {
	sh_id_t to; /* in: an ACTIVE member, not the caller */
	enum sh_int_outcome outcome;
	int code; /* ANSWERED: what the service returned */
};

/*
 * On the internal thread, without a lock. Returns 0 .. 255: 0 or a positive errno. len is at most SH_INT_DATA.
 * data NULL, from 0: nobody asks; sh_internal_poke() was called, sh_internal_poke_others() by another member, or a request came and
 * was withdrawn before it was seen. Then look for yourself what there is to do.
 */
typedef int (*sh_service_fn)(void *arg, sh_id_t from, const void *data, size_t len);

/*
 * A service that has much to do, or must wait for others, does not keep the internal thread: it notes what it is to answer
 * (sh_internal_due(), inside fn), hands the work to another thread and returns SH_INT_LATER; that one answers. Who never does is
 * waited for to the time limit, or until this member is gone.
 */
#define SH_INT_LATER (-1000)
struct sh_int_due {
	void *post;
	uint64_t seq;
};
void sh_internal_due(struct sh_int_due *due);
/* any thread, once; too late it changes nothing */
void sh_internal_done(const struct sh_int_due *due, int code);

/*
 * From now on fn answers; NULL: ENOSYS does. When it returns the former fn is not running and never will (from the internal
 * thread itself: it will not be started again). Does nothing where there is no channel.
 */
void sh_internal_serve(enum sh_service svc, sh_service_fn fn, void *arg);
/* have the service of this process look, on the internal thread; returns at once */
void sh_internal_poke(enum sh_service svc);
/* the same in another, and in all others; who is stopped looks when it goes on */
void sh_internal_nudge(sh_id_t to, enum sh_service svc);
void sh_internal_poke_others(enum sh_service svc);
/*
 * Ask all n at once and wait for all, until dl, or until moot (may be NULL) says, about every 10 ms, that the answers are no
 * longer wanted (those missing are SH_INT_TIMED_OUT then): 0, every outcome filled in; -ENOTSUP (no channel: --no-shconf), -EPERM (a
 * forked child), -EMSGSIZE, -EAGAIN (other threads of this process hold all posts until dl). Not cancellable.
 */
struct sh_int_ask {
	enum sh_service svc;
	const void *data;
	size_t len;
	uint64_t dl;
	bool (*moot)(void *arg);
	void *arg;
};
int sh_internal_ask(struct sh_int_answer *a, unsigned n, const struct sh_int_ask *q);

#endif
