#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""./dev bench pools: objects got and put, by cache and past it, beside DPDK's pools, from one text in one run.

The two take turns within each repeat; a ratio is made inside a repeat and the median is taken of the ratios. Writes
OUT/pools.{txt,tsv,json}. Method and how to read the table: doc/performance.md.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from beside import Beside, aligned  # noqa: E402

# as in pools.c, with the millions of objects a measurement has
CASES = {'cache, 1': 20, 'cache, bulk 32': 60, 'cache, 1024 held by 32': 20, 'no cache, 1': 3, 'no cache, bulk 32': 20}


def commands(scale):
    return [(case, f'{i} {max(1024, int(millions * 1e6 * scale))}') for i, (case, millions) in enumerate(CASES.items())]


def table(b):
    lines = [['case'] + list(b.peers) + ['times as fast as DPDK', '']]
    for case in CASES:
        lines.append([case] + b.cells(case))
    return aligned(lines)


def show(b):
    lines = table(b)
    b.write(('case',), ['', 'ns for an object got and put, median (min..max); aim: as fast as DPDK', ''] + lines)
    return sum(line.endswith('missed') for line in lines)


if __name__ == '__main__':
    Beside('pools', __doc__, commands, ('eal', 'kvargs', 'telemetry', 'ring', 'mempool', 'mempool_ring'), gate_wait=4,
           gate_total=30).main(show)
