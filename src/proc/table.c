/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * table.c - files of the group that grow: how long they are, and making them longer. See region.h.
 *
 * The length of a file is the only mark there is, and the kernel keeps it: it cannot lie, and F_SEAL_SHRINK lets nobody take
 * it back. p->len[] repeats what this process has seen of it; it only grows. Two who grow one file at a time do no harm: the
 * kernel refuses to the slower of them what would make it shorter.
 */
#include <errno.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/fd.h"
#include "proc/priv.h"

static bool has(struct sh_proc *p, enum sh_group_fd which, uint64_t len)
{
	uint64_t seen = sh_load_rlx(&p->len[which]); /* relaxed: true for ever once it was true */
	struct stat st;

	if (len <= seen)
		return true;
	/* a program that closed everything may have another file under this number by now */
	if (fstat(p->gfd[which], &st) < 0 || !sh_own_is(p, p->gfd[which]))
		return false;
	while (seen < (uint64_t)st.st_size && !sh_cas(&p->len[which], &seen, (uint64_t)st.st_size))
		;
	return len <= (uint64_t)st.st_size;
}

bool sh_group_has(enum sh_group_fd which, uint64_t len)
{
	return sh_ctx.proc != NULL && has(sh_ctx.proc, which, len);
}

int sh_group_grow(enum sh_group_fd which, uint64_t len)
{
	struct sh_proc *p = sh_ctx.proc;

	if (sh_group_has(which, len))
		return 0;
	if (p == NULL)
		return -ENOMEM;
	if (!sh_fsize_ok(len))
		return -EFBIG;
	SH_STEP("table_grows");
	/* EPERM: somebody made it longer meanwhile */
	if (!sh_own_is(p, p->gfd[which]) || (sh_ftruncate(p->gfd[which], (off_t)len) < 0 && errno != EPERM))
		return -ENOMEM;
	SH_STEP("table_grown");
	return has(p, which, len) ? 0 : -ENOMEM;
}
