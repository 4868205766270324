#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""./dev bench pools: objects got and put, by each back end and by cache, beside DPDK's pools, from one text in one run.

They take turns within each repeat, each with processes of its own; a ratio is made inside a repeat and the median is taken
of the ratios. 'tracked' is shoal with SHOAL_MEMPOOL_F_TRACK. Writes OUT/pools.{txt,tsv,json}. Method and how to read the
tables: doc/performance.md.
"""
import os
import statistics
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from beside import TIE, Beside, aligned, by_size, by_size_picture, slower  # noqa: E402
from harness import short  # noqa: E402

# as in pools.c
MODES = ['ring_mp_mc', 'ring_sp_sc', 'ring_mp_sc', 'ring_sp_mc', 'ring_mt_rts', 'ring_mt_hts', 'stack', 'cache', 'cache, 1024 held']
TRACKED = ['ring_mp_mc', 'stack', 'cache', 'cache, 1024 held']
SIZES = [1, 8, 32, 128]
PLACES = {'one': ('one core', 'a thread gets and puts'),
          'threads': ('two cores', 'two threads of a process with an lcore id each; sp, sc: one gets, the other puts'),
          'two': ('two processes', 'a thread each, on two cores; sp, sc: one gets, the other puts'),
          'over': ('more threads than cores', 'four of two processes on two cores; sp, sc: two on one core')}
MS = {'one': 30, 'threads': 40, 'two': 40, 'over': 80} # of a measurement
NAMES = {'shoal': 'shoal', 'dpdk': 'DPDK', 'tracked': 'shoal, tracked'}


def all_rows():
    for place in PLACES:
        for mode in MODES:
            for n in SIZES:
                yield mode, place, n


def command(mode, place, n, scale):
    def said(peer):
        if peer == 'tracked' and mode not in TRACKED:
            return None
        return f'{MODES.index(mode)} {n} {place} {int(peer == "tracked")} {max(1000, int(MS[place] * 1000 * scale))}'
    return said


def commands(scale):
    return [(row, command(*row, scale)) for row in all_rows()]


def tables(b):
    return ['', 'ns an object got and put by anybody, median (min..max) of the repeats. xR: so many times as fast as DPDK, the median',
            f"of the repeats' ratios; slower: below {TIE}; even: {TIE} to 1, nearer than the spread of a quiet machine."] + by_size(
                b, PLACES, MODES, SIZES)


def tracking(b):
    """what tracking costs: the median of the repeats' ratios to the same pool without"""
    lines = [['place', 'mode'] + [f'n={n}' for n in SIZES]]
    for place in PLACES:
        for mode in TRACKED:
            of = [(b.ns.get(((mode, place, n), 'tracked')), b.ns.get(((mode, place, n), 'shoal'))) for n in SIZES]
            if any(t and s for t, s in of):
                lines.append([PLACES[place][0], mode] + [short(statistics.median(x / y for x, y in zip(t, s))) if t and s else '-'
                                                         for t, s in of])
    return ['', 'What tracking costs: so many times the ns of the same pool without', ''] + aligned(lines) if len(lines) > 1 else []


def draw(b):
    foot = ['Below each panel: objects in a call; how many times as fast as DPDK shoal is in the same run, untracked.',
            f'{b.a.repeats} repeats, {b.noisy} noisy. How it is measured: performance.md; all back ends and figures: pools.txt.']
    return by_size_picture(b, 'Pools: ns an object got and put', foot, PLACES, TRACKED, SIZES, NAMES)


def show(b):
    bad, missed = slower(b, all_rows())
    b.write(('mode', 'place', 'n'), tables(b) + tracking(b) + bad, lambda: draw(b))
    return missed


def tracked(out):
    return {'tracked': (os.path.join(os.path.dirname(out), 'bench', 'pools-shoal'), None)}


if __name__ == '__main__':
    Beside('pools', __doc__, commands, ('eal', 'kvargs', 'telemetry', 'ring', 'mempool', 'mempool_ring', 'stack', 'mempool_stack'),
           more=tracked, repeats=5, gate_wait=4, gate_total=30).main(show)
