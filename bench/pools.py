#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""./dev bench pools: objects got and put, by cache and past it, beside DPDK's pools, from one text in one run.

The two take turns within each repeat; a ratio is made inside a repeat and the median is taken of the ratios. Writes
OUT/pools.{txt,tsv,json}. Method and how to read the table: doc/performance.md.
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
# as in pools.c, with the millions of objects a measurement has
CASES = {'cache, 1': 20, 'cache, bulk 32': 60, 'cache, 1024 held by 32': 20, 'no cache, 1': 3, 'no cache, bulk 32': 20}
TIE = 0.95 # what is nearer to 1 than the spread of a quiet machine is not slower


def own(a, name):
    binary, why = build_own(a.build, name)
    if binary is None:
        sys.exit(f'bench pools: {name} {why}')
    return binary


class Pools:
    def __init__(self, a, peers):
        self.a, self.peers, self.dir, self.ns, self.noisy, self.turn = a, peers, workdir(), {}, 0, False
        self.floor = own(a, 'channel-floor')

    def one_repeat(self, gate):
        """{case: {peer: ns}}, noisy"""
        crew, got = Crew(self.floor, self.dir), {}
        run = os.path.join(self.dir, 'run')
        gate.open()
        try:
            procs = {}
            for p, b in self.peers.items():
                os.makedirs(os.path.join(run, p), mode=0o700, exist_ok=True)
                procs[p] = crew.start([b], env={'RUNTIME_DIRECTORY': os.path.join(run, p)})
            for p in procs.values():
                p.ready()
            for i, (case, millions) in enumerate(CASES.items()):
                self.turn = not self.turn
                for p, proc in sorted(procs.items(), reverse=self.turn):
                    proc.say(f'{i} {max(1024, int(millions * 1e6 * self.a.scale))}')
                    try:
                        got.setdefault(case, {})[p] = proc.result()['ns']
                    except Failed as e:
                        raise Failed(f'{p}, {case}: {e}')
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
            for case, by in got.items():
                for p, v in by.items():
                    self.ns.setdefault((case, p), []).append(v)
            print(f'repeat {i + 1} of {self.a.repeats}{" (noisy)" if noisy else ""}', file=sys.stderr)

    def ratio(self, case):
        """how many times as fast as DPDK: the median of the repeats' ratios"""
        ours, theirs = self.ns.get((case, 'shoal')), self.ns.get((case, 'dpdk'))
        return statistics.median(t / o for o, t in zip(ours, theirs)) if ours and theirs else None


def table(b):
    lines = [['case'] + list(b.peers) + ['times as fast as DPDK', '']]
    for case in CASES:
        r = b.ratio(case)
        lines.append([case] + [Stat(b.ns[(case, p)], b.noisy > 0).text() for p in b.peers] +
                     (['-', 'not measured'] if r is None else [short(r), 'met' if r >= TIE else 'missed']))
    width = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return ['  '.join(c.ljust(w) for c, w in zip(line, width)).rstrip() for line in lines]


def write(b, why, version):
    head = [f'pools: shoal beside DPDK {version or "(absent: " + str(why) + ")"}; {b.a.repeats} repeats, {b.noisy} of them noisy',
            json.dumps(machine()), '', 'ns for an object got and put, median (min..max); aim: as fast as DPDK', '']
    lines = table(b)
    text = '\n'.join(head + lines) + '\n'
    base = os.path.join(b.a.out, 'pools')
    with open(base + '.txt', 'w') as f:
        f.write(text)
    with open(base + '.tsv', 'w') as f:
        f.write('case\tpeer\tns\n')
        f.writelines(f'{c}\t{p}\t{v}\n' for (c, p), vs in b.ns.items() for v in vs)
    with open(base + '.json', 'w') as f:
        json.dump({'machine': machine(), 'dpdk': version,
                   'ns': [{'case': c, 'peer': p, 'ns': vs} for (c, p), vs in b.ns.items()]}, f)
    print(text)
    return sum(line.endswith('missed') for line in lines)


def main():
    p = argparse.ArgumentParser(prog='./dev bench pools', description=__doc__.splitlines()[0])
    p.add_argument('--quick', action='store_true', help='one short repeat: does everything still run?')
    p.add_argument('--repeats', type=int, default=5)
    p.add_argument('--scale', type=float, default=1, help='so many times the objects')
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
    peers = {'shoal': own(a, 'pools-shoal')}
    found, version, why = build_dpdk(a.out, 'pools', ('eal', 'kvargs', 'telemetry', 'ring', 'mempool', 'mempool_ring'), '-O3')
    if 'dpdk' in found:
        peers['dpdk'] = found['dpdk']
    b = Pools(a, peers)
    try:
        b.run()
    except Failed as e:
        sys.exit(f'bench pools: {e}')
    missed = write(b, why, version)
    sys.exit(1 if a.strict and missed else 0)


if __name__ == '__main__':
    main()
