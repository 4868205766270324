/* SPDX-License-Identifier: BSD-3-Clause */
/* progshoal.c - a program that asks for shoal by its own name (shoal.pc) and includes nothing by force */
#include <shoal.h>
#include <shoal_version.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
	char built[32];

	snprintf(built, sizeof(built), "%d.%d.%d", SHOAL_VERSION_MAJOR, SHOAL_VERSION_MINOR, SHOAL_VERSION_PATCH);
	printf("progshoal: built with %s, runs with %s\n", built, shoal_version());
	return strcmp(built, shoal_version()) != 0;
}
