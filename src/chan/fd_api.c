/* SPDX-License-Identifier: BSD-3-Clause */
/* fd_api.c - shoal_fd_*: check arguments, say what is wrong with them, map errors. See shoal_fd.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/export.h"
#include "base/later.h"
#include "base/log.h"
#include "chan/chan_int.h"
#include "chan/fdreg.h"
#include "proc/proc.h"
#include "rte_errno.h"
#include "shoal_fd.h"

static int fail(int e)
{
	rte_errno = -e;
	return -1;
}

static int check_name(const char *call, const char *name)
{
	int e = sh_fd_name_check(name);

	if (e < 0)
		sh_err("%s: the name %s; give 1 to 63 printable characters", call,
		       name == NULL	 ? "is NULL"
		       : e == -E2BIG	 ? "has 64 characters or more"
		       : name[0] == '\0' ? "is empty"
					 : "has a character that cannot be printed");
	return e;
}

static int check_register(const char *name, int fd, const struct shoal_fd_blob *blob, struct sh_fd_what *what)
{
	int e = check_name("shoal_fd_register", name);

	if (e < 0)
		return e;
	if (blob != NULL && blob->len > SHOAL_FD_BLOB_MAX) {
		sh_err("shoal_fd_register: the blob says that it has %u bytes, at most %u fit", blob->len,
		       SHOAL_FD_BLOB_MAX);
		return -EINVAL;
	}
	if (fd < 0 || fcntl(fd, F_GETFD) < 0) {
		sh_err("shoal_fd_register: '%s': %d is not an open file descriptor", name, fd);
		return -EBADF;
	}
	memset(what, 0, sizeof(*what));
	memcpy(what->name, name, strlen(name));
	if (blob != NULL) {
		what->blob.type = blob->type;
		what->blob.len = blob->len;
		memcpy(what->blob.data, blob->data, blob->len);
	}
	return 0;
}

/* what the caller can do about it; those of which the code says all have no line */
static int said(const char *call, const char *name, int e)
{
	if (e == -EMFILE)
		sh_err("%s: '%s': no file descriptor is left here or in the primary; raise ulimit -n", call, name);
	else if (e == -ENOSPC)
		sh_err("%s: '%s': the group has %u names of file descriptors, no more fit; revoke some", call, name,
		       SHOAL_FD_NAMES);
	else if (e == -ETIMEDOUT)
		sh_warn("%s: '%s': the processes that were asked did not answer in time; if one is stopped, let it go "
			"on (kill -CONT) or end it",
			call, name);
	else if (e == -EACCES)
		sh_err("%s: '%s': another process registered it; that one may revoke it, or the primary", call, name);
	return e;
}

SH_EXPORT int shoal_fd_register(const char *name, int fd, const struct shoal_fd_blob *blob, const struct timespec *ts)
{
	struct sh_fd_what what;
	uint64_t dl = 0;
	int cancel = 0, e = sh_wait_begin("shoal_fd_register", check_register(name, fd, blob, &what), ts, &dl, &cancel);

	if (e < 0)
		return fail(e);
	e = sh_fdreg_register(sh_chan()->fdreg, &what, fd, dl);
	sh_call_end(cancel);
	return e < 0 ? fail(said("shoal_fd_register", what.name, e)) : 0;
}

SH_EXPORT int shoal_fd_get(const char *name, struct shoal_fd_blob *blob, const struct timespec *ts)
{
	uint64_t dl = 0;
	int cancel = 0, e = sh_wait_begin("shoal_fd_get", check_name("shoal_fd_get", name), ts, &dl, &cancel);

	if (e < 0)
		return fail(e);
	e = sh_fdreg_get(sh_chan()->fdreg, name, blob, dl);
	sh_call_end(cancel);
	return e < 0 ? fail(said("shoal_fd_get", name, e)) : e;
}

SH_EXPORT int shoal_fd_put(int fd)
{
	int cancel = 0, e = sh_call_begin("shoal_fd_put", &cancel);

	if (e < 0)
		return fail(e);
	e = sh_fdreg_put(sh_chan()->fdreg, fd);
	sh_call_end(cancel);
	if (e < 0)
		sh_err("shoal_fd_put: %d was not got with shoal_fd_get(), or has been put already", fd);
	return e < 0 ? fail(e) : 0;
}

SH_EXPORT int shoal_fd_revoke(const char *name, const struct timespec *ts)
{
	uint64_t dl = 0;
	int cancel = 0, e = sh_wait_begin("shoal_fd_revoke", check_name("shoal_fd_revoke", name), ts, &dl, &cancel);

	if (e < 0)
		return fail(e);
	e = sh_fdreg_revoke(sh_chan()->fdreg, name, dl);
	sh_call_end(cancel);
	if (e < 0)
		return fail(e == -EACCES ? said("shoal_fd_revoke", name, e) : e);
	return 0;
}

/* ---- callbacks ---- */

static int find_cb(const struct sh_fdreg *r, shoal_fd_cb cb, const void *arg)
{
	for (int k = 0; k < SH_FD_CALLBACKS; k++)
		if (r->cbs[k].fn == cb && (cb == NULL || r->cbs[k].arg == arg))
			return k;
	return -1;
}

SH_EXPORT int shoal_fd_event_register(shoal_fd_cb cb, void *arg)
{
	int cancel = 0, at,
	    e = cb == NULL ? sh_is_null("the callback") : sh_call_begin("shoal_fd_event_register", &cancel);
	struct sh_fdreg *r;

	if (e < 0)
		return fail(e);
	r = sh_chan()->fdreg;
	e = sh_later_ready(SH_LATER_CALL);
	sh_lock(&r->lk);
	at = find_cb(r, NULL, NULL);
	if (e == 0 && find_cb(r, cb, arg) >= 0)
		e = -EEXIST;
	else if (e == 0 && at < 0)
		e = -ENOSPC;
	if (e == 0) {
		r->cbs[at].fn = cb;
		r->cbs[at].arg = arg;
	}
	sh_unlock(&r->lk);
	if (e == 0)
		sh_fdreg_look(r);
	sh_call_end(cancel);
	if (e == -EAGAIN || e == -ENOMEM)
		sh_err("shoal_fd_event_register: cannot start the thread for callbacks: %s; raise ulimit -u or ulimit "
		       "-v",
		       strerror(-e));
	return e < 0 ? fail(e) : 0;
}

SH_EXPORT int shoal_fd_event_unregister(shoal_fd_cb cb, void *arg)
{
	int cancel = 0, at, e = sh_call_begin("shoal_fd_event_unregister", &cancel);
	struct sh_fdreg *r;

	if (e < 0)
		return fail(e);
	r = sh_chan()->fdreg;
	sh_lock(&r->lk);
	at = cb != NULL ? find_cb(r, cb, arg) : -1;
	if (at >= 0)
		r->cbs[at].fn = NULL;
	while (at >= 0 && r->cb_running == at + 1 && !pthread_equal(r->cb_thread, pthread_self()))
		sh_fdreg_wait(r, SH_FOREVER);
	sh_unlock(&r->lk);
	sh_call_end(cancel);
	return at < 0 ? fail(-ENOENT) : 0;
}

/* ---- for the operator ---- */

/* the i-th entry, if it has a name that was given out: its holders too, if ids is not NULL */
static bool entry(unsigned i, struct shoal_fd_info *info, sh_id_t *ids)
{
	uint64_t w = sh_fdtab_word(i);
	enum sh_fd_state st = sh_fd_word_state(w);
	struct sh_fd_what what;

	if ((st != SH_FD_LIVE && st != SH_FD_CLOSED) || !sh_fdtab_read(i, w, &what))
		return false;
	*info = (struct shoal_fd_info){.type = what.blob.type,
				       .len = what.blob.len,
				       .owner = sh_fd_word_maker(w),
				       .holders = sh_fdtab_holders(i, ids),
				       .revoked = st == SH_FD_CLOSED};
	memcpy(info->name, what.name, sizeof(info->name));
	return st == SH_FD_LIVE || info->holders != 0;
}

SH_EXPORT int shoal_fd_list(struct shoal_fd_info *infos, unsigned int cap)
{
	struct shoal_fd_info one;
	int cancel = 0, n = 0;
	int e = infos == NULL && cap != 0 ? sh_is_null("the list") : sh_call_begin("shoal_fd_list", &cancel);

	if (e < 0)
		return fail(e);
	for (unsigned i = 0; i < sh_fdtab_high(); i++) {
		if (!entry(i, &one, NULL))
			continue;
		if ((unsigned)n < cap)
			infos[n] = one;
		n++;
	}
	sh_call_end(cancel);
	return n;
}

SH_EXPORT int shoal_fd_holders(const char *name, uint64_t *ids, unsigned int cap)
{
	sh_id_t all[SH_MEMBERS];
	struct shoal_fd_info one;
	int cancel = 0, n = -ENOENT, e = check_name("shoal_fd_holders", name);

	if (e == 0 && ids == NULL && cap != 0)
		e = sh_is_null("the list of members");
	if (e == 0)
		e = sh_call_begin("shoal_fd_holders", &cancel);
	if (e < 0)
		return fail(e);
	/* of a name that was revoked and registered anew: the new one */
	for (unsigned i = 0; i < sh_fdtab_high(); i++) {
		if (!entry(i, &one, all) || strcmp(one.name, name) != 0 || (one.revoked != 0 && n >= 0))
			continue;
		n = (int)one.holders;
		for (unsigned k = 0; k < cap && k < one.holders; k++)
			ids[k] = all[k];
		if (one.revoked == 0)
			break;
	}
	sh_call_end(cancel);
	return n < 0 ? fail(n) : n;
}

SH_EXPORT void shoal_fd_dump(FILE *f)
{
	struct shoal_fd_info one;
	sh_id_t ids[SH_MEMBERS];
	int cancel = 0;

	if (f == NULL || sh_call_begin("shoal_fd_dump", &cancel) < 0)
		return;
	for (unsigned i = 0; i < sh_fdtab_high(); i++) {
		if (!entry(i, &one, ids))
			continue;
		fprintf(f, "%-24s type %" PRIu32 ", %" PRIu32 " bytes, registered by member %u%s%s, held by", one.name,
			one.type, one.len, sh_id_slot(one.owner), sh_member_alive(one.owner) ? "" : " (gone)",
			one.revoked != 0 ? ", revoked" : "");
		for (unsigned k = 0; k < one.holders; k++)
			fprintf(f, " %u", sh_id_slot(ids[k]));
		fprintf(f, "\n");
	}
	sh_call_end(cancel);
}
