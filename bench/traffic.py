#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""./dev bench traffic: symmetric_mp, unmodified, between two hosts: shoal's drivers, DPDK's, and the kernel's bridge as the limit.

Each round measures all ways once, in turn; a ratio is made inside a round and the median is taken of the ratios. Gbit/s: iperf3,
one connection for each process, frames of 1500 bytes. Mpps: frames of 64 bytes of 256 flows, sent as fast as the interface takes
them, counted where they come out. DPDK's net_af_packet needs interfaces without offloads: it knows neither checksums that are not
there yet nor frames beyond its own; so its hosts have them off. Its second process cannot use these drivers: one process only.
"""
import argparse
import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'test', 'traffic'))
sys.path.insert(1, HERE)
from harness import machine  # noqa: E402
from world import Failed, Missing, World, build_example, command, enter, forwarders  # noqa: E402

DEVICES = {'af_packet': ['net_af_packet{i},iface=port{i},qpairs={n}', 1], 'tap': ['net_tap{i},iface=tap{i}', 0]}
# way: driver, whose, processes
WAYS = {'kernel bridge': (None, None, 0),
        'af_packet, DPDK': ('af_packet', 'dpdk', 1), 'af_packet': ('af_packet', 'shoal', 1),
        'af_packet, two processes': ('af_packet', 'shoal', 2),
        'tap, DPDK': ('tap', 'dpdk', 1), 'tap': ('tap', 'shoal', 1), 'tap, two processes': ('tap', 'shoal', 2)}
AIMS = [('af_packet', 1.5), ('af_packet, two processes', 2.5), ('tap', 1.5), ('tap, two processes', 2.5)]


def peer(way):
    return way.split(',')[0] + ', DPDK'


def measure(way, exes, a):
    """Gbit/s, Mpps"""
    driver, whose, n = WAYS[way]
    w = World()
    try:
        if driver != 'tap':
            w.veths(offloads=whose != 'dpdk')
        if driver is None:
            w.bridge()
        else:
            devices = [DEVICES[driver][0].format(i=i, n=n) for i in range(2)]
            forwarders(w, exes[whose], devices, n, whose == 'dpdk')
        if driver == 'tap':
            w.plug_taps()
        w.ping()
        gbit = w.iperf(a.seconds, streams=max(1, n))
        before, began = w.right.counter('rx_packets'), time.monotonic()
        sent = int(w.left.run(exes['gen'], 'eth0', str(a.seconds), '256', '60').split()[1])
        took, came = time.monotonic() - began, w.right.counter('rx_packets') - before
        return gbit, came / took / 1e6, came / sent
    finally:
        w.close()


def row(name, values, ratios):
    text = f'{name:28}'
    for k in range(2):
        v = [x[k] for x in values]
        text += f'{statistics.median(v):8.2f} ({min(v):.2f}..{max(v):.2f})'.ljust(26)
        text += f'{statistics.median(ratios[k]):6.2f}x ' if ratios[k] else ' ' * 8
    return text + f'{statistics.median(x[2] for x in values):8.0%}'


def report(a, got):
    lines = [f'{"":28}{"Gbit/s, 1500 B":^34}{"Mpps, 64 B":^34}{"arrived":>8}']
    ratio = {}
    for way in a.ways:
        if not got[way]:
            continue
        ratio[way] = [[], []]
        for k in range(2):
            if way != peer(way) and way != 'kernel bridge' and got.get(peer(way)):
                ratio[way][k] = [x[k] / y[k] for x, y in zip(got[way], got[peer(way)]) if y[k] > 0]
        lines.append(row(way, got[way], ratio[way]))
    lines.append('')
    for way, aim in AIMS:
        for k, what in enumerate(('Gbit/s', 'Mpps')):
            if ratio.get(way, [0, 0])[k]:
                is_ = statistics.median(ratio[way][k])
                lines.append(f'{"met" if is_ >= aim else "missed":7} {way}: {what} {is_:.2f} times DPDK\'s with one process, aim {aim}')
    return '\n'.join(lines)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--build', default=os.path.join(os.path.dirname(HERE), 'build-release'))
    p.add_argument('--rounds', type=int, default=5)
    p.add_argument('--seconds', type=float, default=2)
    p.add_argument('--ways', default='', help='a comma between: parts of names')
    a = p.parse_args()
    a.ways = [w for w in WAYS if not a.ways or any(part in w for part in a.ways.split(','))]
    try:
        enter(('iperf3', 'ping', 'ethtool'))
        shop = World()
    except Missing as e:
        sys.exit(f'bench traffic: {e}')
    got = {w: [] for w in a.ways}
    try:
        exes = {'shoal': build_example(a.build, 'symmetric_mp', shop.dir), 'gen': os.path.join(shop.dir, 'gen')}
        command('cc', '-O2', '-D_GNU_SOURCE', '-o', exes['gen'], os.path.join(HERE, 'traffic_gen.c'))
        try:
            exes['dpdk'] = build_example(None, 'symmetric_mp', shop.dir)
        except Missing as e:
            print(f'without DPDK: {e}')
        for i in range(a.rounds):
            for way in a.ways:
                if WAYS[way][1] == 'dpdk' and 'dpdk' not in exes:
                    continue
                try:
                    got[way].append(measure(way, exes, a))
                    print(f'{i + 1}: {way}: {got[way][-1][0]:.2f} Gbit/s, {got[way][-1][1]:.3f} Mpps', file=sys.stderr, flush=True)
                except Failed as e:
                    print(f'{i + 1}: {way}: {e}', flush=True)
    finally:
        shop.close()
    m = machine()
    print(f'{m["cpu"]}, CPUs {m["cpus"]}, Linux {m["kernel"]}, {m["when"]}; load {os.getloadavg()[0]:.1f}')
    print(report(a, got))


if __name__ == '__main__':
    main()
