/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memory_iox.c - the same request as "ref" of memory.c over iceoryx (C binding), both sides polling: a chunk of SIZE bytes
 * there, 8 bytes back
 *
 *   memory_iox serve                     answers until it is killed
 *   memory_iox ask SIZE N WARM TOUCH     TOUCH 0: one word is written and read; 1: every line. One line of JSON
 */
#include <iceoryx_binding_c/client.h>
#include <iceoryx_binding_c/request_header.h>
#include <iceoryx_binding_c/response_header.h>
#include <iceoryx_binding_c/runtime.h>
#include <iceoryx_binding_c/server.h>

#include "common.h"

struct head {
	uint64_t value, size, touch;
};

static void answer(iox_server_t s, const void *q)
{
	const struct head *h = q;
	uint64_t sum = 0;
	void *out;

	if (h->touch)
		for (size_t i = 0; i < h->size; i += 64)
			sum += *(const volatile uint64_t *)(const void *)((const char *)q + i);
	else
		sum = h->value;
	if (iox_server_loan_response(s, q, &out, sizeof(sum)) != AllocationResult_SUCCESS)
		b_die("iceoryx: no chunk for the answer");
	memcpy(out, &sum, sizeof(sum));
	if (iox_server_send(s, out) != ServerSendResult_SUCCESS)
		b_die("iceoryx: the answer was not sent");
	iox_server_release_request(s, q);
}

static void serve(void)
{
	iox_server_storage_t storage;
	iox_server_t s;
	const void *q;

	iox_runtime_init("bench-server");
	s = iox_server_init(&storage, "bench", "memory", "ref", NULL);
	printf("ready 0\n");
	fflush(stdout);
	for (;;)
		if (iox_server_take_request(s, &q) == ServerRequestResult_SUCCESS)
			answer(s, q);
}

static void ask_once(iox_client_t c, size_t size, uint64_t i, bool touch)
{
	struct head *h;
	const void *r;
	void *p;

	if (iox_client_loan_request(c, &p, (uint32_t)size) != AllocationResult_SUCCESS)
		b_die("iceoryx: no chunk");
	if (touch)
		memset(p, (int)i, size);
	h = p;
	*h = (struct head){i, size, touch};
	if (iox_client_send(c, p) != ClientSendResult_SUCCESS)
		b_die("iceoryx: not sent");
	while (iox_client_take_response(c, &r) != ChunkReceiveResult_SUCCESS)
		;
	if (!touch && *(const uint64_t *)r != i)
		b_die("iceoryx: wrong answer");
	iox_client_release_response(c, r);
}

static void ask(size_t size, unsigned n, unsigned warm, bool touch)
{
	int64_t *v = calloc(n, sizeof(*v));
	iox_client_storage_t storage;
	iox_client_t c;

	if (v == NULL || size < sizeof(struct head))
		b_die("no memory");
	iox_runtime_init("bench-client");
	c = iox_client_init(&storage, "bench", "memory", "ref", NULL);
	for (unsigned ms = 0; iox_client_get_connection_state(c) != ConnectionState_CONNECTED; ms++) {
		if (ms > 10000)
			b_die("iceoryx: no connection");
		b_sleep_ns(1000000);
	}
	for (unsigned i = 0; i < n + warm; i++) {
		uint64_t t0 = b_now();

		ask_once(c, size, i, touch);
		if (i >= warm)
			v[i - warm] = (int64_t)(b_now() - t0);
	}
	b_report(v, n);
	iox_client_deinit(c);
	iox_runtime_shutdown();
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "serve") == 0)
		serve();
	if (argc == 6 && strcmp(argv[1], "ask") == 0)
		ask(strtoul(argv[2], NULL, 0), (unsigned)atoi(argv[3]), (unsigned)atoi(argv[4]), atoi(argv[5]) != 0);
	return argc == 6 ? 0 : 1;
}
