# SPDX-License-Identifier: BSD-3-Clause
# What a user's Makefile looks like. make PROG=name shared|static
PKGCONF ?= pkg-config
ifneq ($(shell $(PKGCONF) --exists libdpdk && echo 0),0)
$(error "no installation of DPDK found")
endif
CFLAGS += -O3 -Wall -Wextra -Werror $(shell $(PKGCONF) --cflags libdpdk) -DALLOW_EXPERIMENTAL_API

shared: $(PROG).c
	$(CC) $(CFLAGS) $< -o $(PROG) $(LDFLAGS) $(shell $(PKGCONF) --libs libdpdk)
static: $(PROG).c
	$(CC) $(CFLAGS) $< -o $(PROG) $(LDFLAGS) $(shell $(PKGCONF) --static --libs libdpdk)
