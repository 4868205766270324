#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""./dev bench rings: rings of shoal beside DPDK's and Concurrency Kit's, every mode, from one text in one run.

They take turns within each repeat, each with processes of its own; a ratio is made inside a repeat and the median is taken
of the ratios. Writes OUT/rings.{txt,tsv,json}. Method and how to read the tables: doc/performance.md.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from beside import TIE, Beside, by_size, by_size_picture, slower  # noqa: E402
from channel import find_cc  # noqa: E402
from harness import ROOT, short  # noqa: E402

MODES = ['SP/SC', 'MP/SC', 'SP/MC', 'MP/MC', 'HTS', 'RTS']
PLAIN = MODES[:4] # those that Concurrency Kit has, too
MANY = MODES[3:] # may be used by several on each side
SIZES = [1, 8, 32, 128]
PLACES = {'one': ('one core', 'a process does both in turns'),
          'threads': ('two cores, threads', 'one enqueues, the other dequeues'),
          'two': ('two processes', 'one enqueues, the other dequeues, on two cores'),
          'over': ('more threads than cores', 'four on two cores, of two processes: P 1 or 3, C 1 or 3, MP/MC 2 and 2; SP/SC two on one core'),
          'both': ('two processes, both ways', 'each does both, on two cores')}
# how many elements a measurement has, in millions, by n; both, over: seconds
COUNT = {'one': {1: 2, 8: 6, 32: 10, 128: 10}, 'two': {1: .5, 8: 2, 32: 4, 128: 5}, 'threads': {1: .5, 8: 2, 32: 4, 128: 5},
         'both': dict.fromkeys(SIZES, .06), 'over': dict.fromkeys(SIZES, .1)}
CK_MOST = .5 # for Concurrency Kit, whose elements cost the same for every n
# (mode, place, n): so many times as fast as DPDK
AIMS = {('SP/SC', 'two', 1): 3, ('SP/SC', 'two', 8): 3, ('SP/SC', 'two', 32): 2, ('SP/SC', 'two', 128): 1.2,
        ('MP/MC', 'two', 1): 4, ('MP/MC', 'two', 8): 1.5, ('MP/MC', 'two', 32): 1, ('MP/MC', 'two', 128): 1,
        ('SP/SC', 'one', 1): 1, ('MP/MC', 'one', 1): 1}
NAMES = {'shoal': 'shoal', 'dpdk': 'DPDK', 'ck': 'Concurrency Kit'}


def all_rows():
    for place in PLACES:
        for mode in MANY if place == 'both' else MODES:
            for n in SIZES:
                yield mode, place, n


def command(mode, place, n, scale):
    def said(peer):
        if peer == 'ck' and mode not in PLAIN:
            return None
        count = COUNT[place][n] if peer != 'ck' or place in ('both', 'over') else min(COUNT[place][n], CK_MOST)
        return f'{MODES.index(mode)} {n} {place} {int(count * 1e6 * scale)}'
    return said


def commands(scale):
    return [(row, command(*row, scale)) for row in all_rows()]


def build_ck(out):
    """{'ck': (program, why not)}"""
    binary = os.path.join(out, 'rings-ck')
    r = subprocess.run(find_cc() + ['-O3', '-g', '-D_GNU_SOURCE', '-w', os.path.join(ROOT, 'bench', 'rings_ck.c'), '-o', binary,
                                    '-pthread'], capture_output=True, text=True)
    if r.returncode == 0:
        return {'ck': (binary, None)}
    missing = 'ck_ring.h: No such file' in r.stderr
    return {'ck': (None, 'no libck-dev' if missing else 'does not build: ' + r.stderr.strip().splitlines()[0])}


def verdict(ratio, aim):
    if ratio is None:
        return 'not measured'
    return 'met' if ratio >= (aim if aim > 1 else TIE) else 'missed'


def tables(b):
    return ['', 'ns an element put in and taken out, median (min..max) of the repeats. xR: so many times as fast as DPDK, the median of',
            f"the repeats' ratios; slower: below {TIE}; even: {TIE} to 1, nearer than the spread of a quiet machine."] + by_size(
                b, PLACES, MODES, SIZES)


def draw(b):
    """the four pairs of modes by place"""
    foot = ['Below each panel: elements in a call; how many times as fast as DPDK shoal is in the same run.',
            f'{b.a.repeats} repeats, {b.noisy} noisy. How it is measured: performance.md; all figures: rings.txt.']
    return by_size_picture(b, 'Rings: ns an element put in and taken out', foot, {k: PLACES[k] for k in ('one', 'threads', 'two', 'over')},
                           PLAIN, SIZES, NAMES)


def verdicts(b):
    out, missed = ['', 'Aims: so many times as fast as DPDK in the same run', ''], 0
    for row, aim in AIMS.items():
        r = b.ratio(row)
        v = verdict(r, aim)
        missed += v == 'missed'
        out.append(f'{row[0]}, {row[1]}, n={row[2]}: >= {aim}: {"-" if r is None else short(r)}: {v}')
    out += slower(b, all_rows())[0]
    return out, missed


def show(b):
    aims, missed = verdicts(b)
    b.write(('mode', 'place', 'n'), tables(b) + aims, lambda: draw(b))
    return missed


if __name__ == '__main__':
    Beside('rings', __doc__, commands, ('eal', 'kvargs', 'telemetry', 'ring'), more=build_ck, repeats=5,
           gate_total=60).main(show)
