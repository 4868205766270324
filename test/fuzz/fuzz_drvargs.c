/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_drvargs.c - any text as the arguments of each driver: what it reads out of them, before anything is opened or made
 *
 * The first byte chooses the driver. Held against dev.h: 0 or a negative errno, and one line for that; the text is as it was; what
 * was read lies in the driver's bytes, and is what the driver says that it takes.
 */
#include <string.h>

#include <rte_log.h>

#include "base/log.h"
#include "help_must.h"
#include "pkt/afp.h"
#include "pkt/pcap.h"
#include "pkt/tap.h"

#define GUARD 64

/* names of interfaces and rings end within their fields */
static void named(const struct sh_driver *d, const struct sh_port *p)
{
	const struct sh_afp *afp = p->shared;
	const struct tap *tap = p->shared;

	if (strcmp(d->name, "net_af_packet") == 0)
		MUST(afp->iface[0] != '\0' && memchr(afp->iface, '\0', sizeof(afp->iface)) != NULL && afp->qpairs >= 1);
	if (strcmp(d->name, "net_tap") == 0)
		MUST(tap->name[0] != '\0' && memchr(tap->name, '\0', sizeof(tap->name)) != NULL &&
		     strchr(tap->name, '/') == NULL && (tap->mac & 1) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned n;
	const struct sh_driver *d;
	struct sh_port *p;
	unsigned said;
	uint8_t *bytes;
	char *text;
	int r;

	while (sh_drivers[n] != NULL)
		n++;
	if (size == 0 || size > 4096)
		return 0;
	d = sh_drivers[data[0] % n];
	p = calloc(1, sizeof(*p));
	text = malloc(size);
	bytes = calloc(1, d->shared + GUARD);
	if (p == NULL || text == NULL || bytes == NULL || d->args == NULL)
		abort();
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	p->args = text;
	p->shared = bytes;
	(void)snprintf(p->name, sizeof(p->name), "%s0", d->name);
	rte_log_set_global_level(
		RTE_LOG_EMERG); /* a line for each refusal is of no use here; it is counted all the same */
	said = sh_log_errors();
	r = d->args(p);
	MUST(r <= 0 && sh_log_errors() - said == (r < 0));
	MUST(size == 1 || memchr(data + 1, '\0', size - 1) != NULL || memcmp(text, data + 1, size - 1) == 0);
	for (unsigned i = 0; i < GUARD; i++)
		MUST(bytes[d->shared + i] == 0);
	if (r == 0)
		named(d, p);
	free(bytes);
	free(text);
	free(p);
	return 0;
}
