/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * seg.c - the shared memory as rte_memory.h shows it: lists of segments, which segment an address lies in, its file
 *
 * A list is a window of pages, a segment what is backed or given back at a time: 16 KiB of ordinary pages, or one huge page.
 * Segments that programs are handed live in a private table of their window, reserved when first asked for and as long as the
 * window; an entry is written when it is first shown, always to the same, so that its address is good until
 * rte_eal_cleanup(). Reads the bits of what is backed without a lock: memory that comes or goes meanwhile is seen or not.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <rte_errno.h>
#include <rte_memory.h>

#include "base/export.h"
#include "base/log.h"
#include "base/mtx.h"
#include "mem/priv.h"

struct sh_segs {
	struct sh_mtx lock; /* of seg[][] */
	struct rte_memseg_list list[SH_WINDOWS];
	struct rte_memseg *seg[SH_WINDOWS];
	size_t bytes[SH_WINDOWS]; /* of seg[] */
};

static uint32_t units_of(const struct sh_win *w)
{
	return w->page > SH_UNIT ? (uint32_t)(w->page >> SH_UNIT_SHIFT) : 1;
}

static void drop(struct sh_segs *s)
{
	for (unsigned w = 0; w < SH_WINDOWS; w++)
		if (s->seg[w] != NULL)
			munmap(s->seg[w], s->bytes[w]);
	free(s);
}

static struct sh_segs *make(const struct sh_mem *m)
{
	struct sh_segs *s = calloc(1, sizeof(*s));

	for (unsigned w = 0; s != NULL && w < SH_WINDOWS; w++) {
		const struct sh_win *win = &m->w[w];
		uint64_t size = (uint64_t)units_of(win) << SH_UNIT_SHIFT;
		void *p;

		if (win->heap == NULL)
			continue;
		s->bytes[w] = (size_t)(win->bytes / size) * sizeof(struct rte_memseg);
		p = mmap(NULL, s->bytes[w], PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (p == MAP_FAILED) {
			drop(s);
			return NULL;
		}
		s->seg[w] = p;
		s->list[w] =
			(struct rte_memseg_list){.base_va = win->heap, .page_sz = size, .len = win->bytes, .heap = 1};
	}
	return s;
}

/* NULL, with rte_errno: not started, or no memory for the table */
static struct sh_segs *segs(void)
{
	struct sh_mem *m = sh_ctx.mem;
	struct sh_segs *s, *none = NULL;

	if (m == NULL) {
		rte_errno = E_RTE_NO_CONFIG;
		return NULL;
	}
	s = sh_load_acq(&m->segs); /* A:SEGS */
	if (s != NULL)
		return s;
	s = make(m);
	if (s == NULL) {
		sh_log_rate(SH_ERR, "%s", "no memory for the table of memory segments; raise ulimit -v");
		rte_errno = ENOMEM;
		return NULL;
	}
	if (sh_cas(&m->segs, &none, s)) /* R:SEGS */
		return s;
	drop(s);
	return none;
}

void sh_seg_stop(void)
{
	struct sh_mem *m = sh_ctx.mem;
	struct sh_segs *s = m != NULL ? sh_xchg(&m->segs, NULL) : NULL;

	if (s != NULL)
		drop(s);
}

/* the segment with that number, filled in */
static struct rte_memseg *seg_at(struct sh_segs *s, unsigned w, uint32_t i)
{
	const struct rte_memseg_list *l = &s->list[w];
	struct rte_memseg *ms = &s->seg[w][i];

	sh_lock(&s->lock);
	if (ms->len == 0)
		*ms = (struct rte_memseg){.iova = l->addr_64 + i * l->page_sz,
					  .addr_64 = l->addr_64 + i * l->page_sz,
					  .len = l->page_sz,
					  .hugepage_sz = l->page_sz};
	sh_unlock(&s->lock);
	return ms;
}

static uint32_t count(const struct sh_mem *m, unsigned w)
{
	return (uint32_t)(sh_load_acq(&m->h->pg.w[w].end) / units_of(&m->w[w])); /* A:PGEND */
}

static bool backed(const struct sh_mem *m, unsigned w, uint32_t i)
{
	return sh_unit_backed(m, (uint32_t)(w << SH_UNIT_W_SHIFT) + i * units_of(&m->w[w]));
}

/* ---- queries ---- */

static struct rte_memseg_list *list_of(struct sh_segs *s, const void *virt)
{
	for (unsigned w = 0; w < SH_WINDOWS; w++)
		if (s->seg[w] != NULL && (uint64_t)(uintptr_t)virt - s->list[w].addr_64 < s->list[w].len)
			return &s->list[w];
	return NULL;
}

SH_EXPORT struct rte_memseg_list *rte_mem_virt2memseg_list(const void *virt)
{
	struct sh_segs *s = segs();

	return s != NULL ? list_of(s, virt) : NULL;
}

SH_EXPORT struct rte_memseg *rte_mem_virt2memseg(const void *virt, const struct rte_memseg_list *msl)
{
	struct sh_segs *s = segs();
	struct rte_memseg_list *l = s != NULL ? list_of(s, virt) : NULL;
	unsigned w;
	uint32_t i;

	if (l == NULL || (msl != NULL && msl != l))
		return NULL;
	w = (unsigned)(l - s->list);
	i = (uint32_t)(((uint64_t)(uintptr_t)virt - l->addr_64) / l->page_sz);
	return i < count(sh_ctx.mem, w) && backed(sh_ctx.mem, w, i) ? seg_at(s, w, i) : NULL;
}

/* ---- walks ---- */

SH_EXPORT int rte_memseg_list_walk(rte_memseg_list_walk_t func, void *arg)
{
	struct sh_segs *s = segs();
	int r = s != NULL ? 0 : -1;

	for (unsigned w = 0; r == 0 && w < SH_WINDOWS; w++)
		if (s->seg[w] != NULL)
			r = func(&s->list[w], arg);
	return r;
}

SH_EXPORT int rte_memseg_walk(rte_memseg_walk_t func, void *arg)
{
	struct sh_segs *s = segs();
	int r = s != NULL ? 0 : -1;

	for (unsigned w = 0; r == 0 && w < SH_WINDOWS; w++)
		for (uint32_t i = 0; r == 0 && s->seg[w] != NULL && i < count(sh_ctx.mem, w); i++)
			if (backed(sh_ctx.mem, w, i))
				r = func(&s->list[w], seg_at(s, w, i), arg);
	return r;
}

SH_EXPORT int rte_memseg_contig_walk(rte_memseg_contig_walk_t func, void *arg)
{
	struct sh_segs *s = segs();
	int r = s != NULL ? 0 : -1;

	for (unsigned w = 0; r == 0 && w < SH_WINDOWS; w++) {
		uint32_t n = s->seg[w] != NULL ? count(sh_ctx.mem, w) : 0;

		for (uint32_t i = 0, to; r == 0 && i < n; i = to) {
			for (to = i; to < n && backed(sh_ctx.mem, w, to); to++)
				(void)seg_at(s, w, to); /* a program may step from one to the next */
			if (to == i)
				to++;
			else
				r = func(&s->list[w], seg_at(s, w, i), (size_t)(to - i) * s->list[w].page_sz, arg);
		}
	}
	return r;
}

SH_EXPORT int rte_memseg_walk_thread_unsafe(rte_memseg_walk_t func, void *arg)
{
	return rte_memseg_walk(func, arg);
}

SH_EXPORT int rte_memseg_contig_walk_thread_unsafe(rte_memseg_contig_walk_t func, void *arg)
{
	return rte_memseg_contig_walk(func, arg);
}

SH_EXPORT int rte_memseg_list_walk_thread_unsafe(rte_memseg_list_walk_t func, void *arg)
{
	return rte_memseg_list_walk(func, arg);
}

/* ---- files ---- */

/* the window of one of our segments, or -1 */
static int window_of(const struct sh_segs *s, const struct rte_memseg *ms)
{
	for (unsigned w = 0; w < SH_WINDOWS; w++) {
		uint64_t off = (uint64_t)((uintptr_t)ms - (uintptr_t)s->seg[w]);

		if (s->seg[w] != NULL && off < s->bytes[w] && off % sizeof(*ms) == 0 && ms->len != 0)
			return (int)w;
	}
	return -1;
}

SH_EXPORT int rte_memseg_get_fd(const struct rte_memseg *ms)
{
	struct sh_segs *s = segs();
	int w = s != NULL ? window_of(s, ms) : -1;

	if (w >= 0)
		return sh_ctx.mem->w[w].fd_heap;
	if (s != NULL)
		rte_errno = EINVAL;
	return -1;
}

SH_EXPORT int rte_memseg_get_fd_offset(const struct rte_memseg *ms, size_t *offset)
{
	struct sh_segs *s = segs();
	int w = s != NULL ? window_of(s, ms) : -1;

	if (w >= 0 && offset != NULL) {
		*offset = (size_t)(ms->addr_64 - s->list[w].addr_64);
		return 0;
	}
	if (s != NULL)
		rte_errno = EINVAL;
	return -1;
}

SH_EXPORT int rte_memseg_get_fd_thread_unsafe(const struct rte_memseg *ms)
{
	return rte_memseg_get_fd(ms);
}

SH_EXPORT int rte_memseg_get_fd_offset_thread_unsafe(const struct rte_memseg *ms, size_t *offset)
{
	return rte_memseg_get_fd_offset(ms, offset);
}

/* ---- what a device can reach ---- */

SH_EXPORT int rte_mem_check_dma_mask(uint8_t maskbits)
{
	const struct sh_mem *m = sh_ctx.mem;

	if (maskbits > 63)
		return -1;
	for (unsigned w = 0; m != NULL && w < SH_WINDOWS; w++)
		if (m->w[w].heap != NULL && ((uint64_t)(uintptr_t)m->w[w].heap + m->w[w].bytes - 1) >> maskbits != 0)
			return -1;
	return 0;
}

SH_EXPORT int rte_mem_check_dma_mask_thread_unsafe(uint8_t maskbits)
{
	return rte_mem_check_dma_mask(maskbits);
}
