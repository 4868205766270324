#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""./dev bench rings: rings of shoal beside DPDK's, every mode, from one text in one run.

The two take turns within each repeat, each with processes of its own; a ratio is made inside a repeat and the median is taken
of the ratios. Writes OUT/rings.{txt,tsv,json}. Method and how to read the tables: doc/performance.md.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from beside import TIE, Beside, aligned  # noqa: E402
from harness import Stat, short  # noqa: E402

MODES = ['SP/SC', 'MP/SC', 'SP/MC', 'MP/MC', 'HTS', 'RTS']
SIZES = [1, 8, 32, 128]
PLACES = {'two': 'two cores: one process enqueues, the other dequeues', 'one': 'one core: a process does both in turns',
          'both': 'two cores: two processes, each does both', 'over': 'four threads on two cores, each does both'}
MANY = ['MP/MC', 'HTS', 'RTS'] # may be used by several on each side
# how many elements a measurement has, in millions, by n; both, over: seconds
COUNT = {'two': {1: .5, 8: 2, 32: 4, 128: 5}, 'one': {1: 2, 8: 6, 32: 10, 128: 10},
         'both': dict.fromkeys((1, 8, 32, 128), .06), 'over': dict.fromkeys((1, 8, 32, 128), .06)}
# (mode, place, n): so many times as fast as DPDK
AIMS = {('SP/SC', 'two', 1): 3, ('SP/SC', 'two', 8): 3, ('SP/SC', 'two', 32): 2, ('SP/SC', 'two', 128): 1.2,
        ('MP/MC', 'two', 1): 4, ('MP/MC', 'two', 8): 1.5, ('MP/MC', 'two', 32): 1, ('MP/MC', 'two', 128): 1,
        ('SP/SC', 'one', 1): 1, ('MP/MC', 'one', 1): 1}


def all_rows():
    for place in PLACES:
        for mode in MODES if place in ('two', 'one') else MANY:
            for n in SIZES:
                yield mode, place, n


def commands(scale):
    return [((mode, place, n), f'{MODES.index(mode)} {n} {place} {int(COUNT[place][n] * 1e6 * scale)}')
            for mode, place, n in all_rows()]


def verdict(ratio, aim):
    if ratio is None:
        return 'not measured'
    return 'met' if ratio >= (aim if aim > 1 else TIE) else 'missed'


def tables(b):
    out = []
    for place, what in PLACES.items():
        out += ['', f'{what}; ns an element, median (min..max); xR: so many times as fast as DPDK', '']
        head = ['mode', 'with'] + [f'n={n}' for n in SIZES]
        lines = [head]
        for mode in MODES:
            if (mode, place, 1) not in list(all_rows()):
                continue
            for p in b.peers:
                cells = []
                for n in SIZES:
                    row = (mode, place, n)
                    s = Stat(b.ns[(row, p)], b.noisy > 0)
                    r = b.ratio(row)
                    cells.append(s.text() + (f' x{short(r)}' if p == 'shoal' and r is not None else ''))
                lines.append([mode, p] + cells)
        out += aligned(lines)
    return out


def verdicts(b):
    out, missed = ['', 'Aims: so many times as fast as DPDK in the same run', ''], 0
    for row, aim in AIMS.items():
        r = b.ratio(row)
        v = verdict(r, aim)
        missed += v == 'missed'
        out.append(f'{row[0]}, {row[1]}, n={row[2]}: >= {aim}: {"-" if r is None else short(r)}: {v}')
    for row in all_rows():
        r = b.ratio(row)
        if row not in AIMS and r is not None and r < TIE:
            out.append(f'{row[0]}, {row[1]}, n={row[2]}: slower than DPDK: {short(r)}')
    return out, missed


def show(b):
    aims, missed = verdicts(b)
    b.write(('mode', 'place', 'n'), tables(b) + aims)
    return missed


if __name__ == '__main__':
    Beside('rings', __doc__, commands, ('eal', 'kvargs', 'telemetry', 'ring'), repeats=7, gate_total=120).main(show)
