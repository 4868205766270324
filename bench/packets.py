#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""./dev bench packets: mbufs beside DPDK's, from one text in one run.

A part is a program bench/packets_PART.c, built against both; the two take turns within each repeat; a ratio is made inside a
repeat and the median is taken of the ratios. Writes OUT/packets.{txt,tsv,json}. Method: doc/performance.md.
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
TIE = 0.95 # what is nearer to 1 than the spread of a quiet machine is not slower
# each part: what a figure is, the cases in the program's order with the millions a measurement has, DPDK's libraries
PARTS = {
    'mbuf': ('ns for an mbuf (chains: a packet) taken and given back',
             {'alloc, free, 1': 10, 'alloc, free, bulk 32': 20, 'alloc bulk 32, free 1': 15, '1024 held by 32': 10,
              'no cache, bulk 32': 10, 'clone, free': 5, 'clone, free, 3 segments': 2, 'chain of 3': 3,
              'adj, prepend, append, trim': 20, 'external buffer': 5},
             ('eal', 'kvargs', 'telemetry', 'ring', 'mempool', 'mempool_ring', 'mbuf')),
}


def own(a, name):
    binary, why = build_own(a.build, name)
    if binary is None:
        sys.exit(f'bench packets: {name} {why}')
    return binary


class Part:
    def __init__(self, a, name, peers):
        self.a, self.name, self.peers, self.dir = a, name, peers, workdir()
        self.what, self.cases = PARTS[name][:2]
        self.ns, self.noisy, self.turn = {}, 0, False
        self.floor = own(a, 'channel-floor')

    def measure(self, procs):
        """{case: {peer: ns}}"""
        got = {}
        for i, (case, millions) in enumerate(self.cases.items()):
            self.turn = not self.turn
            for p, proc in sorted(procs.items(), reverse=self.turn):
                proc.say(f'{i} {max(1024, int(millions * 1e6 * self.a.scale))}')
                try:
                    got.setdefault(case, {})[p] = proc.result()['ns']
                except Failed as e:
                    raise Failed(f'{p}, {case}: {e}')
        return got

    def one_repeat(self, gate):
        """what measure() has, noisy"""
        crew, got = Crew(self.floor, self.dir), {}
        gate.open()
        try:
            procs = {}
            for p, b in self.peers.items():
                where = os.path.join(self.dir, 'run', p)
                os.makedirs(where, mode=0o700, exist_ok=True)
                procs[p] = crew.start([b], env={'RUNTIME_DIRECTORY': where})
            for p in procs.values():
                p.ready()
            got = self.measure(procs)
        finally:
            used = crew.end()
        return got, gate.close(used)[1]

    def run(self):
        gate = Gate(self.a.gate_wait, self.a.gate_total)
        for i in range(self.a.repeats):
            for _ in range(self.a.retries + 1):
                got, noisy = self.one_repeat(gate)
                if not noisy:
                    break
            self.noisy += noisy
            for case, by in got.items():
                for p, v in by.items():
                    self.ns.setdefault((case, p), []).append(v)
            print(f'{self.name}: repeat {i + 1} of {self.a.repeats}{" (noisy)" if noisy else ""}', file=sys.stderr)

    def ratio(self, case):
        """how many times as fast as DPDK: the median of the repeats' ratios"""
        ours, theirs = self.ns.get((case, 'shoal')), self.ns.get((case, 'dpdk'))
        return statistics.median(t / o for o, t in zip(ours, theirs)) if ours and theirs else None

    def table(self):
        lines = [[self.name] + list(self.peers) + ['times as fast as DPDK', '']]
        for case in self.cases:
            r = self.ratio(case)
            lines.append([case] + [Stat(self.ns[(case, p)], self.noisy > 0).text() for p in self.peers] +
                         (['-', 'not measured'] if r is None else [short(r), 'met' if r >= TIE else 'missed']))
        width = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        head = f'{self.what}, median (min..max); {self.a.repeats} repeats, {self.noisy} noisy; aim: never slower than DPDK'
        return [head] + ['  '.join(c.ljust(w) for c, w in zip(line, width)).rstrip() for line in lines] + ['']


def write(a, parts, version, why):
    head = [f'packets: shoal beside DPDK {version or "(absent: " + str(why) + ")"}', json.dumps(machine()), '']
    lines = [line for p in parts for line in p.table()]
    text = '\n'.join(head + lines)
    base = os.path.join(a.out, 'packets')
    with open(base + '.txt', 'w') as f:
        f.write(text)
    with open(base + '.tsv', 'w') as f:
        f.write('part\tcase\tpeer\tns\n')
        f.writelines(f'{q.name}\t{c}\t{p}\t{v}\n' for q in parts for (c, p), vs in q.ns.items() for v in vs)
    with open(base + '.json', 'w') as f:
        json.dump({'machine': machine(), 'dpdk': version,
                   'ns': [{'part': q.name, 'case': c, 'peer': p, 'ns': vs} for q in parts for (c, p), vs in q.ns.items()]}, f)
    print(text)
    return sum(line.endswith('missed') for line in lines)


def main():
    p = argparse.ArgumentParser(prog='./dev bench packets', description=__doc__.splitlines()[0])
    p.add_argument('--part', choices=list(PARTS), action='append', help='this one alone; may be given again')
    p.add_argument('--quick', action='store_true', help='one short repeat: does everything still run?')
    p.add_argument('--repeats', type=int, default=5)
    p.add_argument('--scale', type=float, default=1, help='so many times the mbufs')
    p.add_argument('--build', default=os.path.join(ROOT, 'build'), help='meson build directory')
    p.add_argument('--gate-wait', type=float, default=4, help='seconds to wait for quiet before one repeat')
    p.add_argument('--gate-total', type=float, default=30, help='seconds to wait for quiet in the whole run')
    p.add_argument('--retries', type=int, default=1, help='how often a noisy repeat is made again')
    p.add_argument('--strict', action='store_true', help='end with 1 when an aim is missed')
    a = p.parse_args()
    if a.quick:
        a.repeats, a.gate_wait, a.gate_total, a.retries, a.scale = 1, 0, 0, 0, .05
    a.build = os.path.abspath(a.build)
    a.out = os.path.join(a.build, 'bench')
    os.makedirs(a.out, exist_ok=True)
    parts, version, why = [], None, None
    for name in a.part or PARTS:
        peers = {'shoal': own(a, f'packets-{name}-shoal')}
        found, version, why = build_dpdk(a.out, f'packets_{name}', PARTS[name][2], '-O3')
        if 'dpdk' in found:
            peers['dpdk'] = found['dpdk']
        parts.append(Part(a, name, peers))
    try:
        for part in parts:
            part.run()
    except Failed as e:
        sys.exit(f'bench packets: {e}')
    missed = write(a, parts, version, why)
    sys.exit(1 if a.strict and missed else 0)


if __name__ == '__main__':
    main()
