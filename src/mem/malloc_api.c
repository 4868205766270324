/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * malloc_api.c - rte_malloc.h: checks arguments, says what was wrong, maps errors. No state.
 *
 * What goes right takes no call but the one the program made: the hot path of heap.h is expanded here.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "base/export.h"
#include "base/log.h"
#include "mem/heap.h"

#define COLD __attribute__((noinline, cold))

/* ---- what was wrong ---- */

COLD static void *refuse_ask(const char *call, size_t size, size_t align)
{
	if (size == 0)
		sh_err("%s: 0 bytes are no block; ask for at least 1", call);
	else
		sh_err("%s: the alignment %zu is no power of two", call, align);
	rte_errno = EINVAL;
	return NULL;
}

COLD static int cannot(const char *call, size_t size, int r)
{
	struct sh_pages_stat s = {0};

	switch (r) {
	case -ENODEV:
		sh_log_rate(SH_ERR, "%s: there is no memory before rte_eal_init() and after rte_eal_cleanup()", call);
		return E_RTE_NO_CONFIG;
	case -EPERM:
		sh_log_rate(SH_ERR, "%s: this is a child of fork(), no member of the group: call rte_eal_init() in it",
			    call);
		return EPERM;
	case -EFBIG:
		sh_log_rate(
			SH_ERR,
			"%s: no memory for %zu bytes: the limit on file size, which counts for shared memory, is in "
			"the way: raise ulimit -f",
			call, size);
		return ENOMEM;
	case -ENOBUFS:
		sh_log_rate(SH_ERR, "%s: the machine has no memory for %zu bytes", call, size);
		return ENOMEM;
	case -ETIMEDOUT:
		sh_log_rate(
			SH_ERR,
			"%s: no memory for %zu bytes: what is needed for that a stopped member has; the line before "
			"names it",
			call, size);
		return ENOMEM;
	case -ECANCELED:
		sh_log_rate(SH_ERR, "%s: a member that observes memory refused %zu bytes more: see its validator", call,
			    size);
		return ENOMEM;
	case -ENOMEM:
		(void)sh_pages_stat(&s);
		sh_log_rate(
			SH_ERR,
			"%s: no room for %zu bytes: %llu of %llu are in use; free something, or raise --memory-max of "
			"whoever creates the group",
			call, size, (unsigned long long)s.used, (unsigned long long)s.max);
		return ENOMEM;
	default:
		sh_log_rate(SH_ERR, "%s: no memory for %zu bytes: %s", call, size, rte_strerror(-r));
		return -r;
	}
}

COLD static void refuse_block(const char *call, const void *p, enum sh_what what, int err)
{
	const char *why = "the address is not in the group's heap";

	if (err < 0) {
		(void)cannot(call, 0, err);
		return;
	}
	if (what == SH_BLOCK_FREE)
		why = "it was freed already, or never taken";
	else if (what == SH_BLOCK_INSIDE)
		why = "a block begins before it; free the pointer that was returned";
	else if (what == SH_BLOCK_ZONE)
		why = "it is a memzone's; use rte_memzone_free()";
	if (what == SH_BLOCK_SENT) {
		sh_err("%s: %p is on its way to another member, or on loan from one: %s; who sent it waits until it "
		       "is back, who got it calls shoal_piece_take() first",
		       call, p, strstr(call, "realloc") != NULL ? "not changed" : "not freed");
		return;
	}
	sh_err("%s: %p is no block: %s", call, p, why);
}

/* ---- take ---- */

COLD static void *take_slow(const char *call, size_t size, size_t align, bool zero)
{
	void *p;
	int r;

	if (size == 0 || (align & (align - 1)) != 0)
		return refuse_ask(call, size, align);
	p = zero ? sh_heap_get_zero(size, align, &r) : sh_heap_get(size, align, &r);
	if (p == NULL)
		rte_errno = cannot(call, size, r);
	return p;
}

static inline void *take(const char *call, size_t size, size_t align)
{
	void *p = NULL;

	if (sh_likely(size - 1 < SH_SMALL_MAX && align <= SH_BLOCK_ALIGN && (align & (align - 1)) == 0))
		p = sh_heap_pop(size);
	return sh_likely(p != NULL) ? p : take_slow(call, size, align, false);
}

static void *take_zero(const char *call, size_t size, size_t align)
{
	void *p;

	if (size > SH_SMALL_MAX)
		return take_slow(call, size, align, true);
	p = take(call, size, align);
	return p != NULL ? memset(p, 0, size) : NULL;
}

COLD static void *overflows(const char *call, size_t num, size_t size)
{
	sh_err("%s: %zu times %zu bytes are more than an address can tell", call, num, size);
	rte_errno = ENOMEM;
	return NULL;
}

static void *take_array(const char *call, size_t num, size_t size, size_t align)
{
	size_t all;

	if (__builtin_mul_overflow(num, size, &all))
		return overflows(call, num, size);
	return take_zero(call, all, align);
}

/* true; or rte_errno, and a line */
static bool socket_ok(const char *call, int socket)
{
	if (sh_likely(socket == SOCKET_ID_ANY || socket == 0))
		return true;
	if (socket < SOCKET_ID_ANY) {
		sh_err("%s: %d is no socket; SOCKET_ID_ANY is %d", call, socket, SOCKET_ID_ANY);
		rte_errno = EINVAL;
		return false;
	}
	if (sh_have_socket(socket))
		return true;
	sh_err("%s: this machine has no socket %d", call, socket);
	rte_errno = ENOMEM;
	return false;
}

SH_EXPORT void *rte_malloc(const char *type, size_t size, unsigned align)
{
	(void)type;
	return take("rte_malloc", size, align);
}

SH_EXPORT void *rte_malloc_socket(const char *type, size_t size, unsigned align, int socket)
{
	(void)type;
	return socket_ok("rte_malloc_socket", socket) ? take("rte_malloc_socket", size, align) : NULL;
}

SH_EXPORT void *rte_zmalloc(const char *type, size_t size, unsigned align)
{
	(void)type;
	return take_zero("rte_zmalloc", size, align);
}

SH_EXPORT void *rte_zmalloc_socket(const char *type, size_t size, unsigned align, int socket)
{
	(void)type;
	return socket_ok("rte_zmalloc_socket", socket) ? take_zero("rte_zmalloc_socket", size, align) : NULL;
}

SH_EXPORT void *rte_calloc(const char *type, size_t num, size_t size, unsigned align)
{
	(void)type;
	return take_array("rte_calloc", num, size, align);
}

SH_EXPORT void *rte_calloc_socket(const char *type, size_t num, size_t size, unsigned align, int socket)
{
	(void)type;
	return socket_ok("rte_calloc_socket", socket) ? take_array("rte_calloc_socket", num, size, align) : NULL;
}

/* ---- give ---- */

COLD static void give_slow(const char *call, void *p)
{
	enum sh_what what;
	int err;

	if (p == NULL)
		return;
	what = sh_heap_put(p, &err);
	if (what != SH_BLOCK_OK || err < 0)
		refuse_block(call, p, what, err);
}

/* not part of rte_free(): what comes first there needs no register saved */
__attribute__((noinline)) static void give_other(struct sh_heap *t, void *p)
{
	if (sh_unlikely(!sh_heap_push_any(t, p)))
		give_slow("rte_free", p);
}

SH_EXPORT void rte_free(void *ptr)
{
	struct sh_heap *t = sh_my_heap;

	if (sh_likely(t->id == sh_self())) {
		if (!sh_heap_is_last(t, ptr)) {
			give_other(t, ptr);
			return;
		}
		if (sh_likely(sh_heap_push_last(t, ptr)))
			return;
	}
	give_slow("rte_free", ptr);
}

SH_EXPORT void rte_free_sensitive(void *ptr)
{
	struct sh_block b;

	if (ptr != NULL && sh_self() != 0 && sh_block_at(ptr, &b) == SH_BLOCK_OK) {
		memset(ptr, 0, b.usable);
		__asm__ volatile("" ::"r"(ptr) : "memory"); /* the stores are not for nothing */
	}
	give_slow("rte_free_sensitive", ptr);
}

/* ---- realloc ---- */

/* a block that has room enough stays where it is, unless most of it would lie idle */
static bool stays(const struct sh_block *b, const void *p, size_t size, size_t align)
{
	return size <= b->usable && (align == 0 || ((uintptr_t)p & (align - 1)) == 0) &&
	       (b->usable <= 1024 || size > b->usable / 2);
}

static void *resize(const char *call, void *ptr, size_t size, size_t align)
{
	struct sh_block b;
	enum sh_what what;
	void *p;

	if (ptr == NULL)
		return take(call, size, align);
	if (size == 0) {
		rte_free(ptr);
		return NULL;
	}
	if ((align & (align - 1)) != 0)
		return refuse_ask(call, size, align);
	if (sh_ctx.mem == NULL || sh_self() == 0) {
		rte_errno = cannot(call, size, sh_ctx.mem == NULL ? -ENODEV : -EPERM);
		return NULL;
	}
	what = sh_block_at(ptr, &b);
	if (what != SH_BLOCK_OK) {
		refuse_block(call, ptr, what, 0);
		rte_errno = EINVAL;
		return NULL;
	}
	if (stays(&b, ptr, size, align))
		return ptr;
	p = take(call, size, align);
	if (p == NULL)
		return NULL;
	memcpy(p, ptr, b.usable < size ? b.usable : size);
	rte_free(ptr);
	return p;
}

SH_EXPORT void *rte_realloc(void *ptr, size_t size, unsigned int align)
{
	return resize("rte_realloc", ptr, size, align);
}

SH_EXPORT void *rte_realloc_socket(void *ptr, size_t size, unsigned int align, int socket)
{
	return socket_ok("rte_realloc_socket", socket) ? resize("rte_realloc_socket", ptr, size, align) : NULL;
}

/* ---- questions ---- */

SH_EXPORT int rte_malloc_validate(const void *ptr, size_t *size)
{
	struct sh_block b;

	enum sh_what what = ptr != NULL ? sh_block_at(ptr, &b) : SH_BLOCK_FOREIGN;

	if (what != SH_BLOCK_OK && what != SH_BLOCK_SENT)
		return -1;
	if (size != NULL)
		*size = b.usable;
	return 0;
}

SH_EXPORT int rte_malloc_get_socket_stats(int socket, struct rte_malloc_socket_stats *socket_stats)
{
	if (socket_stats == NULL || socket < 0 || !sh_have_socket(socket))
		return -1;
	return sh_heap_stats(socket_stats) == 0 ? 0 : -1;
}

SH_EXPORT void rte_malloc_dump_stats(FILE *f, const char *type)
{
	struct rte_malloc_socket_stats s;

	(void)type;
	if (sh_heap_stats(&s) < 0)
		return;
	fprintf(f, "heap socket_0: %zu bytes from the machine\n", s.heap_totalsz_bytes);
	fprintf(f, "  in blocks %zu (%u), free %zu (%u), the largest free piece %zu\n", s.heap_allocsz_bytes,
		s.alloc_count, s.heap_freesz_bytes, s.free_count, s.greatest_free_size);
}

SH_EXPORT void rte_malloc_dump_heaps(FILE *f)
{
	sh_heap_dump(f);
}

SH_EXPORT rte_iova_t rte_malloc_virt2iova(const void *addr)
{
	return sh_addr_unit(addr) != SH_UNIT_NONE ? (rte_iova_t)(uintptr_t)addr : RTE_BAD_IOVA;
}

/* ---- a program's own heaps: none ---- */

static int no_heaps(const char *call)
{
	sh_err("%s: memory that a program brings itself is not supported; use rte_malloc()", call);
	rte_errno = ENOTSUP;
	return -1;
}

SH_EXPORT int rte_malloc_heap_create(const char *heap_name)
{
	(void)heap_name;
	return no_heaps("rte_malloc_heap_create");
}

SH_EXPORT int rte_malloc_heap_destroy(const char *heap_name)
{
	(void)heap_name;
	return no_heaps("rte_malloc_heap_destroy");
}

SH_EXPORT int rte_malloc_heap_memory_add(const char *heap_name, void *va_addr, size_t len, rte_iova_t iova_addrs[],
					 unsigned int n_pages, size_t page_sz)
{
	(void)heap_name, (void)va_addr, (void)len, (void)iova_addrs, (void)n_pages, (void)page_sz;
	return no_heaps("rte_malloc_heap_memory_add");
}

SH_EXPORT int rte_malloc_heap_memory_remove(const char *heap_name, void *va_addr, size_t len)
{
	(void)heap_name, (void)va_addr, (void)len;
	return no_heaps("rte_malloc_heap_memory_remove");
}

SH_EXPORT int rte_malloc_heap_memory_attach(const char *heap_name, void *va_addr, size_t len)
{
	(void)heap_name, (void)va_addr, (void)len;
	return no_heaps("rte_malloc_heap_memory_attach");
}

SH_EXPORT int rte_malloc_heap_memory_detach(const char *heap_name, void *va_addr, size_t len)
{
	(void)heap_name, (void)va_addr, (void)len;
	return no_heaps("rte_malloc_heap_memory_detach");
}

SH_EXPORT int rte_malloc_heap_get_socket(const char *name)
{
	if (name == NULL || name[0] == '\0' || strnlen(name, 32) == 32) {
		rte_errno = EINVAL;
		return -1;
	}
	if (strcmp(name, "socket_0") == 0)
		return 0;
	rte_errno = ENOENT;
	return -1;
}

SH_EXPORT int rte_malloc_heap_socket_is_external(int socket_id)
{
	if (socket_id == SOCKET_ID_ANY || (socket_id >= 0 && sh_have_socket(socket_id)))
		return 0;
	rte_errno = EINVAL;
	return -1;
}
