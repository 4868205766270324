#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""./dev bench pools: objects got and put, by cache and past it, beside DPDK's pools, from one text in one run.

The two take turns within each repeat; a ratio is made inside a repeat and the median is taken of the ratios. Writes
OUT/pools.{txt,tsv,json}. Method and how to read the table: doc/performance.md.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import picture  # noqa: E402
from beside import TIE, Beside, aligned  # noqa: E402
from harness import Stat, short  # noqa: E402

# as in pools.c, with the millions of objects a measurement has
CASES = {'cache, 1': 20, 'cache, bulk 32': 60, 'cache, 1024 held by 32': 20, 'no cache, 1': 3, 'no cache, bulk 32': 20}


def commands(scale):
    return [(case, f'{i} {max(1024, int(millions * 1e6 * scale))}') for i, (case, millions) in enumerate(CASES.items())]


def table(b):
    lines = [['case'] + list(b.peers) + ['times as fast as DPDK', '']]
    for case in [c for c in CASES if (c, 'shoal') in b.ns]:
        lines.append([case] + [c + ': slower' if c == 'missed' else c for c in b.cells(case)])
    return aligned(lines)


def draw(b):
    cases = []
    for case in CASES:
        ns = [(p, b.ns.get((case, p))) for p in b.peers]
        what = ', '.join(f'{"DPDK" if p == "dpdk" else p} {short(Stat(v, False).med)} ns' for p, v in ns if v)
        r = b.ratio(case)
        cases.append((case, r, f'{b.beside_dpdk(case)} ({what})', r is not None and r < TIE))
    return picture.bars('Pools: an object got and put, how many times as fast as DPDK', [f'Line: as fast as DPDK in the same run. {b.a.repeats} '
                        f'repeats, {b.noisy} noisy. How it is measured: performance.md.'], cases)


def show(b):
    lines = table(b)
    b.write(('case',), ['', 'ns for an object got and put, median (min..max); aim: as fast as DPDK', ''] + lines,
            lambda: draw(b))
    return sum('missed' in line for line in lines)


if __name__ == '__main__':
    Beside('pools', __doc__, commands, ('eal', 'kvargs', 'telemetry', 'ring', 'mempool', 'mempool_ring'), gate_wait=4,
           gate_total=30).main(show)
