/* SPDX-License-Identifier: BSD-3-Clause */
/* audit.c - is everything as layout.h says? For tests, and for a tool that looks into a group. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "mem/heap.h"
#include "mem/priv.h"

#define U(w) sh_load_rlx(&(w)) /* relaxed: under both locks */

struct audit {
	struct sh_mem *m;
	char *why;
	size_t cap;
	uint64_t used, held, busy, aged, runs[2]; /* units; runs: free ones of each window */
	uint64_t zones, places;			  /* runs that are zones, places that are taken */
};

__attribute__((format(printf, 2, 3))) static int bad(struct audit *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->why, a->cap, fmt, ap);
	va_end(ap);
	return -EUCLEAN;
}

/* ---- runs ---- */

static int audit_small(struct audit *a, uint32_t u)
{
	const struct sh_desc *d = sh_desc(u);
	uint64_t c = (uint32_t)U(d->own[4]), taken = 0, n;

	if (c >= SH_ZCLASSES || sh_zclass_units((unsigned)c) != sh_use_units(U(d->use)))
		return bad(a, "run %u of small zones: class %llu", u, (unsigned long long)c);
	n = sh_zclass_places((unsigned)c);
	for (unsigned i = 0; i < 4; i++)
		taken += (uint64_t)__builtin_popcountll(U(d->own[i]));
	if (taken == 0 || taken > n)
		return bad(a, "run %u of small zones: %llu places of %llu are taken", u, (unsigned long long)taken,
			   (unsigned long long)n);
	a->places += taken;
	return 0;
}

static int audit_run(struct audit *a, uint32_t u)
{
	uint64_t use = U(sh_desc(u)->use);
	uint32_t n = sh_use_units(use);

	switch (sh_use_kind(use)) {
	case SH_PG_FREE:
		if (n > 1 && U(sh_desc(u + n - 1)->use) != sh_use(SH_PG_FREE_END, n))
			return bad(a, "run %u: its end does not say so", u);
		a->runs[sh_unit_w(u)]++;
		a->aged += U(sh_desc(u)->own[0]) != 0;
		if (U(sh_desc(u)->own[0]) == 0 && sh_run_missing(a->m, u, n) != n &&
		    a->m->w[sh_unit_w(u)].page == SH_MEM_PAGE)
			return bad(a, "run %u: free and backed, and nobody will give it back", u);
		return 0;
	case SH_PG_BUSY:
		a->busy++;
		a->used += n;
		break;
	case SH_PG_ZSPAN:
		a->used += n;
		if (audit_small(a, u) < 0)
			return -EUCLEAN;
		break;
	case SH_PG_ZONE:
	case SH_PG_SPAN:
	case SH_PG_BLOCK:
		a->zones += sh_use_kind(use) == SH_PG_ZONE;
		a->used += n;
		break;
	default:
		return bad(a, "run %u: use is %llx", u, (unsigned long long)use);
	}
	if (n > 1 && sh_use_kind(U(sh_desc(u + n - 1)->use)) == SH_PG_FREE_END)
		return bad(a, "run %u: its end says that it is free", u);
	if (sh_use_kind(use) != SH_PG_BUSY && sh_run_missing(a->m, u, n) != 0)
		return bad(a, "run %u: in use and not backed", u);
	return 0;
}

static int audit_runs(struct audit *a, unsigned w)
{
	uint32_t base = (uint32_t)(w << SH_UNIT_W_SHIFT), end = base + (uint32_t)U(a->m->h->pg.w[w].end), u = base;
	bool was_free = false;

	while (u < end) {
		uint64_t use = U(sh_desc(u)->use);
		bool is_free = sh_use_kind(use) == SH_PG_FREE;

		if (sh_use_units(use) == 0 || sh_use_units(use) > end - u)
			return bad(a, "run %u: use is %llx", u, (unsigned long long)use);
		if (is_free && was_free)
			return bad(a, "run %u: two free neighbours", u);
		if (audit_run(a, u) < 0)
			return -EUCLEAN;
		was_free = is_free;
		u += sh_use_units(use);
	}
	a->held += end - base - (end > base ? sh_run_missing(a->m, base, end - base) : 0);
	return 0;
}

/* each list of runs: of this kind, linked both ways, so many */
static int audit_list(struct audit *a, uint64_t first, enum sh_pg kind, uint64_t *n)
{
	uint32_t prev = 0;

	for (uint32_t u = (uint32_t)first; u != 0; prev = u, u = (uint32_t)U(sh_desc(u - 1)->link)) {
		const struct sh_desc *d = sh_desc(u - 1);

		if (++*n > SH_UNIT_W1 || sh_use_kind(U(d->use)) != kind || (uint32_t)(U(d->link) >> 32) != prev)
			return bad(a, "run %u: in a list of kind %d as %llx behind %u", u - 1, (int)kind,
				   (unsigned long long)U(d->use), prev);
	}
	return 0;
}

/* free runs with pages: linked both ways, oldest first; of those with no age in the first descriptor none has pages */
static int audit_ages(struct audit *a)
{
	const struct sh_pages_hdr *pg = &a->m->h->pg;
	uint32_t prev = 0;
	uint64_t n = 0;

	for (uint32_t u = (uint32_t)U(pg->oldest); u != 0; prev = u, u = (uint32_t)U(sh_desc(u - 1)->owner)) {
		const struct sh_desc *d = sh_desc(u - 1);

		if (++n > a->aged || sh_use_kind(U(d->use)) != SH_PG_FREE || (uint32_t)(U(d->owner) >> 32) != prev ||
		    U(d->own[0]) == 0)
			return bad(a, "run %u: in the list of ages as %llx behind %u", u - 1,
				   (unsigned long long)U(d->use), prev);
	}
	if (n != a->aged || U(pg->newest) != prev)
		return bad(a, "%llu free runs have an age, %llu are in the list", (unsigned long long)a->aged,
			   (unsigned long long)n);
	return 0;
}

static int audit_lists(struct audit *a)
{
	const struct sh_pages_hdr *pg = &a->m->h->pg;
	uint64_t n;

	for (unsigned w = 0; w < SH_WINDOWS; w++) {
		n = 0;
		for (unsigned b = 0; b < SH_BINS; b++) {
			if ((U(pg->w[w].map[b / 64]) >> b % 64 & 1) != (U(pg->w[w].head[b]) != 0))
				return bad(a, "window %u: bin %u and the map differ", w, b);
			if (audit_list(a, U(pg->w[w].head[b]), SH_PG_FREE, &n) < 0)
				return -EUCLEAN;
		}
		if (n != a->runs[w])
			return bad(a, "window %u: %llu free runs, %llu in bins", w, (unsigned long long)a->runs[w],
				   (unsigned long long)n);
	}
	n = 0;
	if (audit_list(a, U(pg->busy), SH_PG_BUSY, &n) < 0)
		return -EUCLEAN;
	if (n != a->busy)
		return bad(a, "%llu runs are busy, %llu are in the list", (unsigned long long)a->busy,
			   (unsigned long long)n);
	if (audit_ages(a) < 0)
		return -EUCLEAN;
	n = 0;
	for (unsigned c = 0; c < SH_ZCLASSES; c++)
		if (audit_list(a, U(a->m->h->zspan[c]), SH_PG_ZSPAN, &n) < 0)
			return -EUCLEAN;
	return 0;
}

static int audit_pages(struct audit *a)
{
	const struct sh_pages_hdr *pg = &a->m->h->pg;

	for (unsigned w = 0; w < SH_WINDOWS; w++)
		if (audit_runs(a, w) < 0)
			return -EUCLEAN;
	if (U(pg->used) != a->used)
		return bad(a, "%llu units are used, the count is %llu", (unsigned long long)a->used,
			   (unsigned long long)U(pg->used));
	a->held += sh_back_pending(a->m);
	if (U(pg->backed) != a->held || a->held > pg->max)
		return bad(a, "%llu units are backed, the count is %llu of %llu", (unsigned long long)a->held,
			   (unsigned long long)U(pg->backed), (unsigned long long)pg->max);
	return audit_lists(a);
}

/* ---- zones ---- */

/* it has a name that says the same, and bytes that are its own */
static int audit_zone(struct audit *a, uint32_t slot)
{
	const struct sh_mem_hdr *h = a->m->h;
	const struct sh_zone *z = &h->zones[slot];
	uint64_t dir = U(z->use) - 1;
	uint32_t u = sh_addr_unit(z->mz.addr), run = (uint32_t)U(z->run);
	char name[SH_DIR_NAME];

	if (dir >= U(h->dir_high) || sh_dir_word(h, (uint32_t)dir, SH_KIND_ZONE) == 0 || U(h->dir[dir].obj) != slot)
		return bad(a, "zone %u: its name %llu is not its own", slot, (unsigned long long)dir);
	for (unsigned n = 0; n < SH_DIR_NAME / 8; n++)
		memcpy(name + n * 8, (uint64_t[]){U(h->dir[dir].name[n])}, 8);
	if (strcmp(name, z->mz.name) != 0 || sh_dir_find(h, SH_KIND_ZONE, name) != (int)dir)
		return bad(a, "zone %u: %s is called %s, or found elsewhere", slot, z->mz.name, name);
	if (u == SH_UNIT_NONE || !sh_run_is(a->m, run) || u < run || u >= run + sh_use_units(U(sh_desc(run)->use)))
		return bad(a, "zone %s: its run %u is not where its bytes are", name, run);
	if (sh_use_kind(U(sh_desc(run)->use)) == SH_PG_ZONE) {
		a->zones--;
		return U(sh_desc(run)->owner) == slot && u == run ? 0
								  : bad(a, "zone %s: run %u is not its own", name, run);
	}
	u = (uint32_t)(((unsigned char *)z->mz.addr - (unsigned char *)sh_unit_addr(run)) /
		       sh_zclass_size((uint32_t)U(sh_desc(run)->own[4])));
	if (sh_use_kind(U(sh_desc(run)->use)) != SH_PG_ZSPAN || (U(sh_desc(run)->own[u / 64]) >> u % 64 & 1) == 0)
		return bad(a, "zone %s: its place %u in run %u is not taken", name, u, run);
	a->places--;
	return 0;
}

static int audit_zones(struct audit *a)
{
	const struct sh_mem_hdr *h = a->m->h;
	uint64_t slots = 0, names = 0, bytes = 0;

	for (uint32_t i = 0; i < U(h->zone_high); i++) {
		if (U(h->zones[i].use) == 0)
			continue;
		slots++;
		bytes += h->zones[i].mz.len;
		if (audit_zone(a, i) < 0)
			return -EUCLEAN;
	}
	for (uint32_t i = 0; i < U(h->dir_high); i++)
		names += sh_dir_word(h, i, SH_KIND_ZONE) != 0;
	if (slots != names || U(h->zone_n) != slots || U(h->zone_used) != bytes)
		return bad(a, "%llu slots are used, %llu names, the count is %llu", (unsigned long long)slots,
			   (unsigned long long)names, (unsigned long long)U(h->zone_n));
	if (a->zones != 0 || a->places != 0)
		return bad(a, "%lld runs and %lld places are zones' without a name", (long long)a->zones,
			   (long long)a->places);
	if (U(h->undo_n) != 0 || U(h->pub_dir) != 0)
		return bad(a, "the journal is not empty");
	return 0;
}

/* ---- */

static int lock_both(struct sh_mem **m)
{
	int r = sh_mem_lock_grow(m);

	if (r < 0)
		return r;
	r = sh_mem_lock(m);
	if (r < 0)
		sh_mem_unlock_grow(*m);
	return r;
}

static void unlock_both(struct sh_mem *m)
{
	sh_mem_unlock(m);
	sh_mem_unlock_grow(m);
}

int sh_mem_audit(char *why, size_t cap)
{
	struct audit a = {.why = why, .cap = cap};
	int r = lock_both(&a.m);

	if (r < 0)
		return r;
	if (cap > 0)
		why[0] = '\0';
	r = audit_pages(&a);
	if (r == 0)
		r = audit_zones(&a);
	if (r == 0 && !sh_span_audit(a.m, why, cap))
		r = -EUCLEAN;
	unlock_both(a.m);
	return r;
}

static void add_file(struct sh_mem_stat *s, int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	s->file += (uint64_t)st.st_size;
	s->held += (uint64_t)st.st_blocks * 512;
}

int sh_mem_stat(struct sh_mem_stat *ret)
{
	struct sh_mem_stat s = {0};
	struct sh_mem *m;
	uint64_t room = 0;
	int r = lock_both(&m);

	if (r < 0)
		return r;
	s.total = m->h->pg.max << SH_UNIT_SHIFT;
	s.used = U(m->h->zone_used);
	s.zones = U(m->h->zone_n);
	s.backed = U(m->h->pg.backed) << SH_UNIT_SHIFT;
	s.mended = U(m->h->lock.mended) + U(m->h->grow.mended);
	add_file(&s, m->fd);
	for (unsigned w = 0; w < SH_WINDOWS; w++) {
		uint64_t n = sh_run_room(m, w);

		room = room > n ? room : n;
		add_file(&s, m->w[w].fd_desc);
		add_file(&s, m->w[w].fd_heap);
	}
	if (room > m->h->pg.max - U(m->h->pg.used))
		room = m->h->pg.max - U(m->h->pg.used);
	s.largest_free = room << SH_UNIT_SHIFT;
	unlock_both(m);
	*ret = s;
	return 0;
}
