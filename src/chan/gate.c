/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gate.c - which calls of the program are under way, so that the channel is not taken away under them
 *
 * Any thread may call at any time, also while another is inside rte_eal_cleanup(). So what is looked at first cannot lie in the
 * channel: two words that are always there. A call adds itself to `calls`, fences, looks at `state`; the stop changes
 * `state`, fences, looks at `calls` (SB:GATE): either the call sees that it is late, or the stop waits for it. Calls that
 * sleep look at sh_gate_closing() or are ended by sh_pend_end_all().
 *
 *   state    OUT -> OPEN | ABSENT (no channel) -> CLOSING -> OUT; FORKED in a child of fork(). Written by init's thread, and by
 *            the child while it has no other thread
 *   calls    each call adds and takes away one; the stop sleeps on it
 *
 * An action may still call while the channel closes: its thread is waited for in another way (sh_disp_stop(), or the
 * shoal_mp_poll() that runs it, which is counted).
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>

#include "base/futex.h"
#include "base/log.h"
#include "chan/chan_int.h"

#define LOOK_NS (10 * SH_NS_PER_MS) /* so often the stop looks, whoever forgot to wake it */
#define SAY_S 5			    /* after so many seconds it says what it waits for */

enum { OUT, OPEN, ABSENT, CLOSING, FORKED };

static struct {
	_Atomic int state;
	_Atomic uint32_t calls;
} gate;

/* calls of this thread that have not ended: a signal handler may have interrupted one. Relaxed, all: this thread's alone */
static _Thread_local _Atomic unsigned inside;

/* one line a second for each call: a program may try for ever */
static void say(const char *call, struct sh_rate *rate, int state)
{
	uint32_t more;

	if (rate == NULL || !sh_rate_ok(rate, &more))
		return;
	if (state == OUT)
		sh_err("%s: not a member of a group; call rte_eal_init() first, and nothing after rte_eal_cleanup()",
		       call);
	else
		sh_err("%s: a forked child is not a member of the group: rte_eal_init() would make it one, or use the "
		       "channel from the parent",
		       call);
}

static int allowed(const char *call, struct sh_rate *rate)
{
	int state = sh_load_sc(&gate.state); /* A:GATE, SB:GATE */

	if (state == OPEN && sh_self() != 0)
		return 0;
	if (state == ABSENT)
		return -ENOTSUP;
	if (state == CLOSING)
		return sh_in_action() ? 0 : -ECANCELED;
	say(call, rate, state);
	return -EPERM;
}

int sh_call_enter(const char *call, struct sh_rate *rate, int *cancel)
{
	int e;

	/* a thread that is cancelled must not take locks with it, nor stay counted */
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, cancel);
	sh_store_rlx(&inside, sh_load_rlx(&inside) + 1); /* relaxed: see there */
	sh_add_sc(&gate.calls, 1);			 /* SB:GATE, the caller's side */
	e = allowed(call, rate);
	if (e < 0)
		sh_call_end(*cancel);
	return e;
}

int sh_call_quiet(int *cancel)
{
	return sh_call_enter("", NULL, cancel);
}

void sh_call_leave(void)
{
	int state = sh_load_rlx(&gate.state); /* relaxed: the stop looks again by itself */

	/* a child that returns from where its parent called: it was not counted there */
	if (state != FORKED && sh_add(&gate.calls, -1u) == 1 && state == CLOSING) /* R:CALLS */
		sh_futex_wake(&gate.calls, INT_MAX, SH_FUTEX_ANY, false);
	if (sh_load_rlx(&inside) > 0)				 /* relaxed: see there */
		sh_store_rlx(&inside, sh_load_rlx(&inside) - 1); /* relaxed: see there */
}

bool sh_call_inside(void)
{
	return sh_load_rlx(&inside) != 0; /* relaxed: see there */
}

void sh_call_end(int cancel)
{
	sh_call_leave();
	(void)pthread_setcancelstate(cancel, &cancel);
}

bool sh_gate_closing(void)
{
	return sh_load_rlx(&gate.state) == CLOSING; /* relaxed: who waits looks again */
}

bool sh_gate_out_of_group(void)
{
	return sh_load_rlx(&gate.state) == OUT; /* relaxed: a peek */
}

bool sh_gate_forked(void)
{
	return sh_load_rlx(&gate.state) == FORKED; /* relaxed: written before this process had a second thread */
}

void sh_gate_open(bool channel)
{
	sh_store_rel(&gate.state, channel ? OPEN : ABSENT); /* R:GATE */
}

void sh_gate_close(void)
{
	sh_store_rel(&gate.state, CLOSING); /* R:GATE */
}

void sh_gate_wait(void)
{
	uint64_t say = sh_deadline(SAY_S * SH_NS_PER_S);
	uint32_t n;

	sh_fence();				      /* SB:GATE, the stop's side */
	while ((n = sh_load_acq(&gate.calls)) != 0) { /* A:CALLS */
		sh_futex_wait(&gate.calls, n, sh_deadline(LOOK_NS), SH_FUTEX_ANY, false);
		if (sh_now_ns() < say)
			continue;
		say = SH_FOREVER;
		sh_warn("rte_eal_cleanup: waits for a call of the channel in another thread, which has not ended for "
			"%u s: let what shoal_mp_poll() runs return",
			SAY_S);
	}
}

void sh_gate_out(void)
{
	sh_store_rel(&gate.state, OUT); /* R:GATE */
}

void sh_gate_in_child(void)
{
	if (sh_load_rlx(&gate.state) != OUT) /* relaxed: no other thread is here */
		sh_store_rlx(&gate.state, FORKED);
	sh_store_rlx(&gate.calls, 0);
	sh_store_rlx(&inside, 0); /* relaxed: see there */
}
