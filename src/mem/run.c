/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * run.c - who has which units of a window
 *
 * The units below a window's end are one row of runs without a gap. Of a free run the first descriptor says FREE and how
 * many units, the last says FREE_END and how many: so the neighbours of any run are found in one look. Of a run in use the
 * first says what it is, and the last does not say FREE_END. What the descriptors between them say has no meaning.
 *
 * No two free runs are neighbours. Each is in the bin of its size (four to each power of 2, a doubly linked list, a bit
 * that says whether there is anything in it). Whether units have pages is of no concern here, see back.c.
 *
 * Everything is under H and part of the caller's journalled change.
 */
#include "base/clock.h"
#include "base/fault.h"
#include "mem/priv.h"

#define U(w) sh_load_rlx(&(w)) /* relaxed: under the lock */
#define LOOKS 16	       /* runs of a bin that are looked at before the next bin is */

/* links hold a unit + 1, 0: none */
#define prev_of(link) ((uint32_t)((link) >> 32))
#define next_of(link) ((uint32_t)(link))
#define link_of(prev, next) ((uint64_t)(prev) << 32 | (uint64_t)(next))

static unsigned bin_of(uint32_t n)
{
	unsigned l = 31 - (unsigned)__builtin_clz(n);

	return l * 4 + ((l >= 2 ? n >> (l - 2) : n << (2 - l)) & 3);
}

static struct sh_desc *desc_of(const struct sh_mem *m, uint32_t u)
{
	return &m->w[sh_unit_w(u)].desc[sh_unit_idx(u)];
}

/* ---- lists ---- */

void sh_run_link(struct sh_mem *m, sh_w64 *head, uint32_t u)
{
	struct sh_mem_hdr *h = m->h;
	uint32_t first = (uint32_t)U(*head);

	sh_set(h, &desc_of(m, u)->link, link_of(0, first));
	if (first != 0) {
		sh_w64 *l = &desc_of(m, first - 1)->link;

		sh_set(h, l, link_of(u + 1, next_of(U(*l))));
	}
	SH_STEP("mem_run_half_linked");
	sh_set(h, head, (uint64_t)u + 1);
}

void sh_run_unlink(struct sh_mem *m, sh_w64 *head, uint32_t u)
{
	struct sh_mem_hdr *h = m->h;
	uint64_t link = U(desc_of(m, u)->link);
	uint32_t prev = prev_of(link), next = next_of(link);

	if (next != 0) {
		sh_w64 *l = &desc_of(m, next - 1)->link;

		sh_set(h, l, link_of(prev, next_of(U(*l))));
	}
	SH_STEP("mem_run_half_unlinked");
	if (prev != 0) {
		sh_w64 *l = &desc_of(m, prev - 1)->link;

		sh_set(h, l, link_of(prev_of(U(*l)), next));
	} else {
		sh_set(h, head, next);
	}
}

/*
 * Free runs with pages are also in one list in order of age, oldest first: what is to be given back to the kernel next. Of
 * their first descriptor: owner is the link, own[0] the time when they became free, in ms. A run that is joined with an
 * older one takes its place and its age; a rest keeps those of the run it was cut from.
 */
struct age {
	uint64_t ms;	/* 0: no pages, in no list */
	uint32_t after; /* behind this one, a unit + 1; 0: first. FROM_END: last */
};
#define FROM_END UINT32_MAX

static void age_in(struct sh_mem *m, uint32_t u, struct age a)
{
	struct sh_mem_hdr *h = m->h;
	uint32_t prev = a.after == FROM_END ? (uint32_t)U(h->pg.newest) : a.after, next;

	sh_set(h, &desc_of(m, u)->own[0], a.ms);
	if (a.ms == 0)
		return;
	next = prev != 0 ? next_of(U(desc_of(m, prev - 1)->owner)) : (uint32_t)U(h->pg.oldest);
	sh_set(h, &desc_of(m, u)->owner, link_of(prev, next));
	if (prev != 0) {
		sh_w64 *l = &desc_of(m, prev - 1)->owner;

		sh_set(h, l, link_of(prev_of(U(*l)), u + 1));
	} else {
		sh_set(h, &h->pg.oldest, (uint64_t)u + 1);
	}
	SH_STEP("mem_age_half_linked");
	if (next != 0) {
		sh_w64 *l = &desc_of(m, next - 1)->owner;

		sh_set(h, l, link_of(u + 1, next_of(U(*l))));
	} else {
		sh_set(h, &h->pg.newest, (uint64_t)u + 1);
	}
}

/* its age and place, for what takes it over */
static struct age age_out(struct sh_mem *m, uint32_t u)
{
	struct sh_mem_hdr *h = m->h;
	struct age a = {.ms = U(desc_of(m, u)->own[0]), .after = FROM_END};
	uint32_t next;

	if (a.ms == 0)
		return a;
	a.after = prev_of(U(desc_of(m, u)->owner));
	next = next_of(U(desc_of(m, u)->owner));
	if (a.after != 0) {
		sh_w64 *l = &desc_of(m, a.after - 1)->owner;

		sh_set(h, l, link_of(prev_of(U(*l)), next));
	} else {
		sh_set(h, &h->pg.oldest, next);
	}
	SH_STEP("mem_age_half_unlinked");
	if (next != 0) {
		sh_w64 *l = &desc_of(m, next - 1)->owner;

		sh_set(h, l, link_of(a.after, next_of(U(*l))));
	} else {
		sh_set(h, &h->pg.newest, a.after);
	}
	return a;
}

/* a stretch becomes a free run */
static void make_free(struct sh_mem *m, uint32_t u, uint32_t n, struct age a)
{
	struct sh_mem_hdr *h = m->h;
	struct sh_win_hdr *w = &h->pg.w[sh_unit_w(u)];
	unsigned b = bin_of(n);

	age_in(m, u, a);

	sh_set(h, &desc_of(m, u)->use, sh_use(SH_PG_FREE, n));
	if (n > 1)
		sh_set(h, &desc_of(m, u + n - 1)->use, sh_use(SH_PG_FREE_END, n));
	if (U(w->head[b]) == 0)
		sh_set(h, &w->map[b / 64], U(w->map[b / 64]) | 1ull << b % 64);
	sh_run_link(m, &w->head[b], u);
}

/* a free run is in no list any more; its tags are still there */
static struct age out_of_bin(struct sh_mem *m, uint32_t u, uint32_t n)
{
	struct sh_mem_hdr *h = m->h;
	struct sh_win_hdr *w = &h->pg.w[sh_unit_w(u)];
	unsigned b = bin_of(n);

	sh_run_unlink(m, &w->head[b], u);
	if (U(w->head[b]) == 0)
		sh_set(h, &w->map[b / 64], U(w->map[b / 64]) & ~(1ull << b % 64));
	return age_out(m, u);
}

/* ---- find ---- */

static bool fits(const struct sh_mem *m, uint32_t u, uint32_t units, uint32_t align, struct sh_run *ret)
{
	uint32_t n = sh_use_units(U(desc_of(m, u)->use));
	uint64_t at = ((uintptr_t)m->w[sh_unit_w(u)].heap >> SH_UNIT_SHIFT) + sh_unit_idx(u);
	uint32_t front = (uint32_t)(-at & (align - 1)); /* it is the address that is aligned */

	if (front > n || n - front < units)
		return false;
	*ret = (struct sh_run){u, u + front, units};
	return true;
}

static bool in_bin(const struct sh_mem *m, uint32_t first, uint32_t units, uint32_t align, bool deep,
		   struct sh_run *ret)
{
	for (unsigned i = 0; first != 0 && (deep || i < LOOKS); i++) {
		if (fits(m, first - 1, units, align, ret))
			return true;
		first = next_of(U(desc_of(m, first - 1)->link));
	}
	return false;
}

/* Good fit: the first bin that has one which is large enough. In bins above that of units + align every run is. */
bool sh_run_find(const struct sh_mem *m, unsigned w, uint32_t units, uint32_t align, bool deep, struct sh_run *ret)
{
	const struct sh_win_hdr *wh = &m->h->pg.w[w];

	for (unsigned b = bin_of(units); b < SH_BINS; b++) {
		uint64_t rest = U(wh->map[b / 64]) >> b % 64;

		if (rest == 0) {
			b |= 63; /* and on with the next word */
			continue;
		}
		b += (unsigned)__builtin_ctzll(rest);
		if (in_bin(m, (uint32_t)U(wh->head[b]), units, align, deep, ret))
			return true;
	}
	return false;
}

/* The largest lies in the highest bin; with an alignment that is so for what it is not larger than. */
void sh_run_largest(const struct sh_mem *m, unsigned w, uint32_t align, struct sh_run *ret)
{
	const struct sh_win_hdr *wh = &m->h->pg.w[w];
	struct sh_run r;
	uint32_t n;

	ret->units = 0;
	for (unsigned b = SH_BINS; b-- > 0 && ret->units == 0;)
		for (uint32_t u = (uint32_t)U(wh->head[b]); u != 0; u = next_of(U(desc_of(m, u - 1)->link))) {
			n = sh_use_units(U(desc_of(m, u - 1)->use));
			if (!fits(m, u - 1, 1, align, &r))
				continue;
			r.units = n - (r.unit - r.free);
			if (r.units > ret->units)
				*ret = r;
		}
}

/* ---- cut, join ---- */

void sh_run_cut(struct sh_mem *m, const struct sh_run *fit, enum sh_pg kind)
{
	struct sh_mem_hdr *h = m->h;
	uint32_t n = sh_use_units(U(desc_of(m, fit->free)->use)), front = fit->unit - fit->free;
	uint32_t back = n - front - fit->units;
	struct age a = out_of_bin(m, fit->free, n);

	if (front > 0)
		make_free(m, fit->free, front, a);
	SH_STEP("mem_run_half_cut");
	if (back > 0)
		make_free(m, fit->unit + fit->units, back, a);
	if (fit->units > 1)
		sh_set(h, &desc_of(m, fit->unit + fit->units - 1)->use, sh_use(SH_PG_INNER, 0));
	sh_set(h, &desc_of(m, fit->unit)->use, sh_use(kind, fit->units));
	if (kind == SH_PG_BUSY)
		sh_run_link(m, &h->pg.busy, fit->unit);
	sh_set(h, &h->pg.used, U(h->pg.used) + fit->units);
}

/* the free run that ends right before u: how many units, 0 if there is none */
static uint32_t free_before(const struct sh_mem *m, uint32_t u)
{
	uint64_t use;

	if (sh_unit_idx(u) == 0)
		return 0;
	use = U(desc_of(m, u - 1)->use);
	if (sh_use_kind(use) == SH_PG_FREE_END)
		return sh_use_units(use);
	return use == sh_use(SH_PG_FREE, 1) ? 1 : 0;
}

static uint32_t free_behind(const struct sh_mem *m, uint32_t u)
{
	uint64_t use;

	if (sh_unit_idx(u) >= U(m->h->pg.w[sh_unit_w(u)].end))
		return 0;
	use = U(desc_of(m, u)->use);
	return sh_use_kind(use) == SH_PG_FREE ? sh_use_units(use) : 0;
}

/* of two that become one: the older, in its place */
static struct age older(struct age a, struct age b)
{
	if (a.ms == 0 || b.ms == 0)
		return a.ms != 0 ? a : b;
	return a.ms <= b.ms ? a : b;
}

/* these units, which are in no list, become free with their free neighbours; ms: their own age */
static uint32_t give_back(struct sh_mem *m, uint32_t u, uint32_t n, uint64_t ms)
{
	uint32_t before = free_before(m, u), behind = free_behind(m, u + n);
	struct age a = {ms, FROM_END}, b = {0, 0}, c = {0, 0};

	if (before > 0)
		b = out_of_bin(m, u - before, before);
	SH_STEP("mem_run_half_joined");
	if (behind > 0)
		c = out_of_bin(m, u + n, behind);
	if (b.ms != 0 && b.after == u + n + 1) /* that place went with the other one */
		b.after = c.after;
	a = older(a, older(b, c));
	make_free(m, u - before, before + n + behind, a);
	return u - before;
}

static uint64_t age_of(const struct sh_mem *m, uint32_t u, uint32_t n)
{
	return sh_run_missing(m, u, n) < n ? sh_now_ns() / SH_NS_PER_MS + 1 : 0;
}

uint32_t sh_run_join(struct sh_mem *m, uint32_t unit)
{
	struct sh_mem_hdr *h = m->h;
	uint64_t use = U(desc_of(m, unit)->use);

	if (sh_use_kind(use) == SH_PG_BUSY)
		sh_run_unlink(m, &h->pg.busy, unit);
	sh_set(h, &h->pg.used, U(h->pg.used) - sh_use_units(use));
	/* else this tag, of a run that is inside another one by then, would be taken for a first unit */
	sh_set(h, &desc_of(m, unit)->use, sh_use(SH_PG_INNER, 0));
	return give_back(m, unit, sh_use_units(use), age_of(m, unit, sh_use_units(use)));
}

void sh_run_trim(struct sh_mem *m, uint32_t unit, uint32_t n)
{
	struct sh_mem_hdr *h = m->h;
	uint64_t use = U(desc_of(m, unit)->use);
	uint32_t all = sh_use_units(use);

	if (n >= all)
		return;
	sh_set(h, &desc_of(m, unit)->use, sh_use(sh_use_kind(use), n));
	if (n > 1)
		sh_set(h, &desc_of(m, unit + n - 1)->use, sh_use(SH_PG_INNER, 0));
	sh_set(h, &h->pg.used, U(h->pg.used) - (all - n));
	(void)give_back(m, unit + n, all - n, age_of(m, unit + n, all - n));
}

uint32_t sh_run_tail(const struct sh_mem *m, unsigned w)
{
	return free_before(m, (uint32_t)((w << SH_UNIT_W_SHIFT) + U(m->h->pg.w[w].end)));
}

uint64_t sh_run_room(const struct sh_mem *m, unsigned w)
{
	const struct sh_win_hdr *wh = &m->h->pg.w[w];
	uint64_t tail = wh->units - U(wh->end) + sh_run_tail(m, w);
	struct sh_run run;

	sh_run_largest(m, w, 1, &run);
	return run.units > tail ? run.units : tail;
}

void sh_run_extend(struct sh_mem *m, unsigned w, uint32_t units)
{
	struct sh_mem_hdr *h = m->h;
	uint32_t end = (uint32_t)U(h->pg.w[w].end), u = (uint32_t)(w << SH_UNIT_W_SHIFT) + end;
	uint32_t before = free_before(m, u);
	struct age a = {0, FROM_END};

	if (before > 0)
		a = out_of_bin(m, u - before, before);
	make_free(m, u - before, before + units, a);
	SH_STEP("mem_run_half_longer");
	sh_set(h, &h->pg.w[w].end, (uint64_t)end + units); /* R:PGEND */
}

void sh_run_forget_age(struct sh_mem *m, uint32_t u)
{
	(void)age_out(m, u);
	sh_set(m->h, &desc_of(m, u)->own[0], 0);
}

bool sh_run_is(const struct sh_mem *m, uint32_t unit)
{
	enum sh_pg kind;

	if (sh_unit_w(unit) >= SH_WINDOWS || sh_unit_idx(unit) >= U(m->h->pg.w[sh_unit_w(unit)].end))
		return false;
	kind = sh_use_kind(U(desc_of(m, unit)->use));
	return kind > SH_PG_BUSY && kind < SH_PG_LAST;
}
