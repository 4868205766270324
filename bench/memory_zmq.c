/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memory_zmq.c - the same request as "ref" of memory.c over ZeroMQ REQ/REP, ipc: SIZE bytes there, 8 back
 *
 *   memory_zmq serve PATH            answers until its stdin ends
 *   memory_zmq ask PATH SIZE N WARM  writes the payload, sends it, reads the answer; one line of JSON
 */
#include <zmq.h>

#include "common.h"

static void serve(const char *url)
{
	void *s = zmq_socket(zmq_ctx_new(), ZMQ_REP);
	zmq_msg_t m;

	if (zmq_bind(s, url) != 0)
		b_die("zmq_bind");
	printf("ready 0\n");
	fflush(stdout);
	for (;;) {
		uint64_t sum = 0;
		const char *p;

		zmq_msg_init(&m);
		if (zmq_msg_recv(&m, s, 0) < 0)
			b_die("zmq_msg_recv");
		p = zmq_msg_data(&m);
		for (size_t i = 0; i < zmq_msg_size(&m); i += 64)
			sum += *(const volatile uint64_t *)(const void *)(p + i);
		zmq_msg_close(&m);
		if (zmq_send(s, &sum, sizeof(sum), 0) < 0)
			b_die("zmq_send");
	}
}

static void ask(const char *url, size_t size, unsigned n, unsigned warm)
{
	void *s = zmq_socket(zmq_ctx_new(), ZMQ_REQ);
	int64_t *v = calloc(n, sizeof(*v));
	char *p = malloc(size);
	uint64_t sum;

	if (v == NULL || p == NULL || zmq_connect(s, url) != 0)
		b_die("zmq_connect");
	for (unsigned i = 0; i < n + warm; i++) {
		uint64_t t0 = b_now();

		memset(p, (int)i, size);
		if (zmq_send(s, p, size, 0) < 0 || zmq_recv(s, &sum, sizeof(sum), 0) != sizeof(sum))
			b_die("zmq");
		if (i >= warm)
			v[i - warm] = (int64_t)(b_now() - t0);
	}
	b_report(v, n);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		serve(argv[2]);
	if (argc == 6 && strcmp(argv[1], "ask") == 0)
		ask(argv[2], strtoul(argv[3], NULL, 0), (unsigned)atoi(argv[4]), (unsigned)atoi(argv[5]));
	return argc == 6 ? 0 : 1;
}
