/* SPDX-License-Identifier: BSD-3-Clause */
/* audit.c - is everything as layout.h says? For tests, and for a tool that looks into a group. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "mem/priv.h"

#define U(w) sh_load_rlx(&(w)) /* relaxed: under the lock */

struct audit {
	struct sh_mem *m;
	char *why;
	size_t cap;
	uint64_t zones, used, pages, entries;
};

__attribute__((format(printf, 2, 3))) static int bad(struct audit *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->why, a->cap, fmt, ap);
	va_end(ap);
	return -EUCLEAN;
}

/* an extent in use has a zone, which has a name, and all three say the same */
static int audit_zone(struct audit *a, uint32_t i)
{
	const struct sh_mem_hdr *h = a->m->h;
	uint64_t slot = U(h->ext[i].use) >> 8, dir;
	const struct sh_zone *z;
	char name[SH_DIR_NAME];

	if ((U(h->ext[i].use) & 0xff) != SH_EXT_ZONE || slot >= U(h->zone_high))
		return bad(a, "extent %u: use is %llx", i, (unsigned long long)U(h->ext[i].use));
	z = &h->zones[slot];
	dir = U(z->use) - 1;
	if (U(z->ext) != i || dir >= U(h->dir_high))
		return bad(a, "extent %u: zone %llu has extent %llu and name %llu", i, (unsigned long long)slot,
			   (unsigned long long)U(z->ext), (unsigned long long)dir);
	if (sh_dir_word(h, (uint32_t)dir, SH_KIND_ZONE) == 0 || U(h->dir[dir].obj) != slot)
		return bad(a, "zone %llu: its name %llu is not its own", (unsigned long long)slot,
			   (unsigned long long)dir);
	for (unsigned n = 0; n < SH_DIR_NAME / 8; n++)
		memcpy(name + n * 8, (uint64_t[]){U(h->dir[dir].name[n])}, 8);
	if (strcmp(name, z->mz.name) != 0 || sh_dir_find(h, SH_KIND_ZONE, name) != (int)dir)
		return bad(a, "zone %llu: %s is called %s, or found elsewhere", (unsigned long long)slot, z->mz.name,
			   name);
	if ((uint64_t)((unsigned char *)z->mz.addr - (unsigned char *)h) != U(h->ext[i].off) ||
	    z->mz.len != U(h->ext[i].len))
		return bad(a, "zone %s: describes other bytes than it has", name);
	a->zones++;
	return 0;
}

static int audit_extents(struct audit *a)
{
	const struct sh_mem_hdr *h = a->m->h;
	uint64_t at = SH_MEM_DATA, seen = 0, page_end = 0;
	uint32_t prev = 0, i;
	bool prev_free = false;

	for (i = (uint32_t)U(h->ext_first); i != 0; prev = i, i = sh_ext_next(U(h->ext[i].link))) {
		const struct sh_ext *e = &h->ext[i];
		bool is_free = U(e->use) == SH_EXT_FREE;
		int r;

		if (i >= U(h->ext_high) || ++seen >= U(h->ext_high))
			return bad(a, "extent list: %u is out of the table or the list is a circle", i);
		if (U(e->off) != at || U(e->len) == 0 || sh_ext_prev(U(e->link)) != prev)
			return bad(a, "extent %u: gap, overlap or wrong link at %llx", i, (unsigned long long)at);
		if (is_free && prev_free)
			return bad(a, "extent %u: two free neighbours", i);
		at += U(e->len);
		prev_free = is_free;
		if (is_free)
			continue;
		r = audit_zone(a, i);
		if (r < 0)
			return r;
		a->used += U(e->len);
		if (sh_page_down(U(e->off)) > page_end)
			page_end = sh_page_down(U(e->off));
		if (sh_page_up(at) > page_end) {
			a->pages += (sh_page_up(at) - page_end) / SH_MEM_PAGE;
			page_end = sh_page_up(at);
		}
	}
	if (at != h->limit)
		return bad(a, "extents end at %llx, not at %llx", (unsigned long long)at, (unsigned long long)h->limit);
	for (i = (uint32_t)U(h->ext_unused); i != 0; i = (uint32_t)U(h->ext[i].link))
		if (U(h->ext[i].use) != SH_EXT_NONE || ++seen >= U(h->ext_high))
			return bad(a, "unused extent %u: in use, or the list is a circle", i);
	if (seen + 1 != U(h->ext_high))
		return bad(a, "%llu extents of %llu are in a list", (unsigned long long)seen,
			   (unsigned long long)U(h->ext_high) - 1);
	return 0;
}

static uint64_t table_pages(const struct sh_mem_hdr *h)
{
	return 3 + sh_page_up(U(h->dir_high) * sizeof(h->dir[0])) / SH_MEM_PAGE +
	       sh_page_up(U(h->zone_high) * sizeof(h->zones[0])) / SH_MEM_PAGE +
	       sh_page_up(U(h->ext_high) * sizeof(h->ext[0])) / SH_MEM_PAGE;
}

static int audit_rest(struct audit *a)
{
	const struct sh_mem_hdr *h = a->m->h;
	uint64_t slots = 0, names = 0, held;
	struct stat st;

	for (uint32_t i = 0; i < U(h->zone_high); i++)
		slots += U(h->zones[i].use) != 0;
	for (uint32_t i = 0; i < U(h->dir_high); i++)
		names += sh_dir_word(h, i, SH_KIND_ZONE) != 0;
	if (slots != a->zones || names != a->zones || U(h->zone_n) != a->zones)
		return bad(a, "%llu extents are zones, %llu slots are used, %llu names, the count is %llu",
			   (unsigned long long)a->zones, (unsigned long long)slots, (unsigned long long)names,
			   (unsigned long long)U(h->zone_n));
	if (U(h->used) != a->used)
		return bad(a, "%llu bytes are used, the count is %llu", (unsigned long long)a->used,
			   (unsigned long long)U(h->used));
	if (U(h->undo_n) != 0 || U(h->punch_len) != 0 || U(h->pub_dir) != 0)
		return bad(a, "the journal is not empty");
	if (fstat(a->m->fd, &st) < 0)
		return bad(a, "fstat: %s", strerror(errno));
	held = (uint64_t)st.st_blocks * 512 / SH_MEM_PAGE;
	/* three more: a table page that was backed by somebody who died before he could use it */
	if (held < a->pages || held > a->pages + table_pages(h) + 3)
		return bad(a, "%llu pages are held, %llu are in use and %llu in tables", (unsigned long long)held,
			   (unsigned long long)a->pages, (unsigned long long)table_pages(h));
	return 0;
}

int sh_mem_audit(char *why, size_t cap)
{
	struct audit a = {.why = why, .cap = cap};
	int r = sh_mem_lock(&a.m);

	if (r < 0)
		return r;
	if (cap > 0)
		why[0] = '\0';
	r = audit_extents(&a);
	if (r == 0)
		r = audit_rest(&a);
	sh_mem_unlock(a.m);
	return r;
}

int sh_mem_stat(struct sh_mem_stat *ret)
{
	struct sh_mem_stat s = {0};
	struct sh_fit fit;
	struct sh_mem *m;
	struct stat st;
	int r = sh_mem_lock(&m);

	if (r < 0)
		return r;
	s.total = m->h->limit - SH_MEM_DATA;
	s.used = U(m->h->used);
	s.zones = U(m->h->zone_n);
	s.mended = U(m->h->lock.mended);
	if (sh_ext_find(m, 0, 64, 0, &fit))
		s.largest_free = fit.len;
	if (fstat(m->fd, &st) == 0) {
		s.file = (uint64_t)st.st_size;
		s.backed = (uint64_t)st.st_blocks * 512;
	}
	sh_mem_unlock(m);
	*ret = s;
	return 0;
}
