#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""./dev bench rings: rings of shoal beside DPDK's, every mode, from one text in one run.

The two take turns within each repeat, each with processes of its own; a ratio is made inside a repeat and the median is taken
of the ratios. Writes OUT/rings.{txt,tsv,json}. Method and how to read the tables: doc/performance.md.
"""
import argparse
import json
import os
import statistics
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from channel import build_dpdk, build_own  # noqa: E402
from harness import Crew, Failed, Gate, Stat, machine, short, workdir  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
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
TIE = 0.95 # what is nearer to 1 than the spread of a quiet machine is not slower


def rows():
    for place in PLACES:
        for mode in MODES if place in ('two', 'one') else MANY:
            for n in SIZES:
                yield mode, place, n


class Rings:
    def __init__(self, a, peers):
        self.a, self.peers, self.dir, self.ns, self.noisy, self.turn = a, peers, workdir(), {}, 0, False
        self.floor = own(a, 'channel-floor')

    def one_repeat(self, gate):
        """{(mode, place, n): {peer: ns}}, noisy"""
        crew, got = Crew(self.floor, self.dir), {}
        run = os.path.join(self.dir, 'run')
        os.makedirs(run, mode=0o700, exist_ok=True)
        gate.open()
        try:
            procs = {p: crew.start([b], env={'RUNTIME_DIRECTORY': run}) for p, b in self.peers.items()}
            for p in procs.values():
                p.ready()
            for mode, place, n in rows():
                count = int(COUNT[place][n] * 1e6 * self.a.scale)
                self.turn = not self.turn
                for p, proc in sorted(procs.items(), reverse=self.turn):
                    proc.say(f'{MODES.index(mode)} {n} {place} {count}')
                    try:
                        got.setdefault((mode, place, n), {})[p] = proc.result()['ns']
                    except Failed as e:
                        raise Failed(f'{p}, {mode}, {place}, n={n}: {e}')
        finally:
            used = crew.end()
        others, noisy = gate.close(used)
        return got, noisy

    def run(self):
        gate = Gate(self.a.gate_wait, self.a.gate_total)
        for i in range(self.a.repeats):
            for _ in range(self.a.retries + 1):
                got, noisy = self.one_repeat(gate)
                if not noisy:
                    break
            self.noisy += noisy
            for row, by in got.items():
                for p, v in by.items():
                    self.ns.setdefault((row, p), []).append(v)
            print(f'repeat {i + 1} of {self.a.repeats}{" (noisy)" if noisy else ""}', file=sys.stderr)

    def ratio(self, row):
        """how many times as fast as DPDK: the median of the repeats' ratios"""
        ours, theirs = self.ns.get((row, 'shoal')), self.ns.get((row, 'dpdk'))
        if not ours or not theirs:
            return None
        return statistics.median(t / o for o, t in zip(ours, theirs))


def own(a, name):
    binary, why = build_own(a.build, name)
    if binary is None:
        sys.exit(f'bench rings: {name} {why}')
    return binary


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
            if (mode, place, 1) not in [r for r in rows()]:
                continue
            for p in b.peers:
                cells = []
                for n in SIZES:
                    row = (mode, place, n)
                    s = Stat(b.ns[(row, p)], b.noisy > 0)
                    r = b.ratio(row)
                    cells.append(s.text() + (f' x{short(r)}' if p == 'shoal' and r is not None else ''))
                lines.append([mode, p] + cells)
        width = [max(len(line[i]) for line in lines) for i in range(len(head))]
        out += ['  '.join(c.ljust(w) for c, w in zip(line, width)).rstrip() for line in lines]
    return out


def verdicts(b):
    out, missed = ['', 'Aims: so many times as fast as DPDK in the same run', ''], 0
    for row, aim in AIMS.items():
        r = b.ratio(row)
        v = verdict(r, aim)
        missed += v == 'missed'
        out.append(f'{row[0]}, {row[1]}, n={row[2]}: >= {aim}: {"-" if r is None else short(r)}: {v}')
    for row in rows():
        r = b.ratio(row)
        if row not in AIMS and r is not None and r < TIE:
            out.append(f'{row[0]}, {row[1]}, n={row[2]}: slower than DPDK: {short(r)}')
    return out, missed


def write(b, why, version):
    head = [f'rings: shoal beside DPDK {version or "(absent: " + str(why) + ")"}; {b.a.repeats} repeats, {b.noisy} of them noisy',
            json.dumps(machine())]
    aims, missed = verdicts(b)
    text = '\n'.join(head + tables(b) + aims) + '\n'
    base = os.path.join(b.a.out, 'rings')
    with open(base + '.txt', 'w') as f:
        f.write(text)
    with open(base + '.tsv', 'w') as f:
        f.write('mode\tplace\tn\tpeer\tns\n')
        f.writelines(f'{m}\t{pl}\t{n}\t{p}\t{v}\n' for ((m, pl, n), p), vs in b.ns.items() for v in vs)
    with open(base + '.json', 'w') as f:
        json.dump({'machine': machine(), 'dpdk': version,
                   'ns': [{'mode': m, 'place': pl, 'n': n, 'peer': p, 'ns': vs} for ((m, pl, n), p), vs in b.ns.items()]}, f)
    print(text)
    return missed


def main():
    p = argparse.ArgumentParser(prog='./dev bench rings', description=__doc__.splitlines()[0])
    p.add_argument('--quick', action='store_true', help='one short repeat: does everything still run?')
    p.add_argument('--repeats', type=int, default=7)
    p.add_argument('--scale', type=float, default=1, help='so many times the elements')
    p.add_argument('--build', default=os.path.join(ROOT, 'build'), help='meson build directory')
    p.add_argument('--gate-wait', type=float, default=8, help='seconds to wait for quiet before one repeat')
    p.add_argument('--gate-total', type=float, default=120, help='seconds to wait for quiet in the whole run')
    p.add_argument('--retries', type=int, default=1, help='how often a noisy repeat is made again')
    p.add_argument('--strict', action='store_true', help='end with 1 when an aim is missed')
    a = p.parse_args()
    if a.quick:
        a.repeats, a.gate_wait, a.gate_total, a.retries, a.scale = 1, 0, 0, 0, .05
    a.build = os.path.abspath(a.build)
    a.out = os.path.join(a.build, 'bench')
    os.makedirs(a.out, exist_ok=True)
    peers = {'shoal': own(a, 'rings-shoal')}
    found, version, why = build_dpdk(a.out, 'rings', ('eal', 'kvargs', 'telemetry', 'ring'), '-O3')
    if 'dpdk' in found:
        peers['dpdk'] = found['dpdk']
    b = Rings(a, peers)
    try:
        b.run()
    except Failed as e:
        sys.exit(f'bench rings: {e}')
    missed = write(b, why, version)
    sys.exit(1 if a.strict and missed else 0)


if __name__ == '__main__':
    main()
