/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * role.c - primary or secondary: who takes the lock, who asks whom, who waits for what
 *
 * The lock on "config" only picks who may try. The role itself is the word in the region: a would-be primary first asks every
 * listener in the directory; if a group lives it joins that group, and takes the word only after proof that its holder is
 * gone. So a primary that lost its lock (a program opened and closed the file) stays the only one. One that lost its sockets
 * too (a program closed all fds) and has no other member to vouch for it is known by "alive", see alive.c.
 *
 *   lock      somebody answers        nobody answers
 *   mine      join and take the word  a new group; refused while another's "alive" lasts
 *   taken     primary: refused        primary: refused
 *             others: join            others: its holder is still inside init: wait, bounded
 *   free      join                    secondary: no primary, at once
 */
#include "proc/priv.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"

#define CLOSED_NS SH_NS_PER_S /* from leaving's first step, or a kill, to the end of the address space: much less */

int sh_no_primary(const struct sh_proc *p)
{
	sh_err("no primary in %s: start it first, with the same --file-prefix and RUNTIME_DIRECTORY", p->dir);
	return -ENOENT;
}

static int other_primary(const struct sh_proc *p)
{
	sh_err("another primary runs in %s: start this one with --proc-type=secondary or auto, or with another "
	       "--file-prefix",
	       p->dir);
	return -EEXIST;
}

static int foreign(const struct sh_proc *p)
{
	sh_err("a DPDK runtime that is not shoal lives in %s: choose another --file-prefix", p->dir);
	return -EPROTONOSUPPORT;
}

/* "alive" is another's: that one is about to end or to leave, or lives without its fds. -EAGAIN: look again */
static int unreachable(struct sh_proc *p)
{
	if (p->closed_dl == 0)
		p->closed_dl = sh_deadline(CLOSED_NS);
	if (sh_left_ns(p->closed_dl) != 0)
		return -EAGAIN;
	sh_err("the primary in %s lives, but its program has closed the library's file descriptors, so nobody can join "
	       "it: end it, or choose another --file-prefix",
	       p->dir);
	return p->o.role == SH_ROLE_PRIMARY ? -EEXIST : -ECONNREFUSED;
}

/*
 * The word is mine, so the primary before is gone, but for the last step of its end. Should its "alive" last longer, a process
 * that shares its memory has it: the word decides, as long as the group has members.
 */
static int hold_alive(struct sh_proc *p)
{
	struct timespec pause = {.tv_nsec = (long)SH_NS_PER_MS};
	uint64_t dl = sh_deadline(CLOSED_NS);
	int err;

	while ((err = sh_alive_take(p)) == -EBUSY && sh_left_ns(dl) != 0)
		nanosleep(&pause, NULL);
	return err == -EBUSY ? 0 : err;
}

/* I hold the lock. -EAGAIN: somebody is there but does not answer yet */
static int as_primary(struct sh_proc *p, uint64_t dl)
{
	int err = 0;

	SH_STEP("lock_taken");
	if (sh_cfg_kind(p) != SH_CFG_OURS)
		err = sh_cfg_write(p);
	if (err == 0)
		err = sh_join(p, true, dl);
	if (err == -EEXIST) { /* a primary that lost its lock */
		sh_cfg_unlock(p);
		return p->o.role == SH_ROLE_AUTO ? -EAGAIN : other_primary(p);
	}
	if (err == 0) {
		err = sh_take_primary(p);
		if (err != 0)
			return other_primary(p);
		err = hold_alive(p);
		if (err != 0)
			return err;
		sh_rundir_sweep(p);
		sh_info("took over the group in %s, whose primary is gone", p->dir);
		return 0;
	}
	if (err != -ENOENT)
		return err;
	err = sh_alive_take(p);
	if (err != 0)
		return err == -EBUSY ? unreachable(p) : err;
	sh_rundir_sweep(p);
	err = sh_region_make(p);
	if (err == 0)
		err = sh_listen(p);
	if (err == 0 && !sh_word_move(p, p->id, SH_JOINING, SH_INIT))
		err = -EPROTO;
	return err;
}

static int as_secondary(struct sh_proc *p, uint64_t dl, unsigned *strange)
{
	bool locked;
	int err;

	if (p->cfg < 0) {
		err = sh_cfg_open(p, false);
		if (err != 0)
			return err == -ENOENT ? sh_no_primary(p) : err;
	}
	locked = sh_cfg_locked_by_other(p);
	/* seen more than once: a shoal primary may be about to overwrite what an old runtime left */
	if (locked && sh_cfg_kind(p) == SH_CFG_FOREIGN && ++*strange > 8)
		return foreign(p);
	err = sh_join(p, false, dl);
	if (err == -ENOENT && p->o.role == SH_ROLE_SECONDARY && !locked && !sh_cfg_locked_by_other(p)) {
		if (sh_alive_elsewhere(p))
			return unreachable(p);
		return sh_no_primary(p);
	}
	return err == -ENOENT ? -EAGAIN : err;
}

static int one_round(struct sh_proc *p, uint64_t dl, unsigned *strange)
{
	int err;

	if (p->o.role == SH_ROLE_SECONDARY)
		return as_secondary(p, dl, strange);
	err = sh_cfg_lock(p);
	if (err == 0) {
		p->primary = true;
		err = as_primary(p, dl);
		if (err != -EAGAIN || p->cfg_locked)
			return err;
		p->primary = false;
		return as_secondary(p, dl, strange);
	}
	if (err != -EAGAIN) {
		sh_err("cannot lock %s/config: %s; point RUNTIME_DIRECTORY to a file system with POSIX locks", p->dir,
		       strerror(-err));
		return err;
	}
	if (p->o.role == SH_ROLE_PRIMARY) {
		if (sh_cfg_kind(p) == SH_CFG_FOREIGN && ++*strange > 8)
			return foreign(p);
		return sh_cfg_kind(p) == SH_CFG_FOREIGN ? -EAGAIN : other_primary(p);
	}
	return as_secondary(p, dl, strange);
}

static int too_late(struct sh_proc *p)
{
	if (p->silent)
		sh_err("the primary in %s does not answer; is it stopped? This process has waited %u ms: continue or "
		       "end "
		       "that one, or raise --join-timeout",
		       p->dir, p->o.join_timeout_ms);
	else if (p->cfg_locked)
		sh_err("the processes of the group in %s do not answer (stopped?) within %u ms: continue or end them, "
		       "or raise "
		       "--join-timeout",
		       p->dir, p->o.join_timeout_ms);
	else
		sh_err("the primary in %s did not finish its init within %u ms: is it stopped? --join-timeout waits "
		       "longer",
		       p->dir, p->o.join_timeout_ms);
	return -ETIMEDOUT;
}

int sh_role_settle(struct sh_proc *p)
{
	uint64_t dl = sh_deadline(p->o.join_timeout_ms * SH_NS_PER_MS);
	struct timespec pause = {.tv_nsec = (long)SH_NS_PER_MS};
	unsigned strange = 0;
	int err;

	if (p->o.role != SH_ROLE_SECONDARY) {
		err = sh_cfg_open(p, true);
		if (err != 0)
			return err;
	}
	for (;;) {
		err = one_round(p, dl, &strange);
		if (err != -EAGAIN)
			return err;
		if (sh_left_ns(dl) == 0)
			return too_late(p);
		nanosleep(&pause, NULL);
		pause.tv_nsec = SH_MIN(2 * pause.tv_nsec, (long)(20 * SH_NS_PER_MS));
	}
}
