#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Real captures through the example programs: net_pcap, RSS, several processes, net_pcap.

drive_captures.py DIR TAG CAPTURE...: as drive_ports.py. What comes out is compared with what went in, byte by byte; flows are told
apart by tshark, at both ends. The worker's queue of each packet is foretold by the Toeplitz hash as it is published.
"""
import collections
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time

from drive import Group, run_cases
from drive_ports import counted, lcores, workers
from terminal import Failed

BURST = 32  # packets that symmetric_mp has in its hands at most
KEY = bytes.fromhex('6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa')


def packets(path):
    """the bytes of each packet of a capture file, which must be whole"""
    data = open(path, 'rb').read()
    order = '<' if data[:4] in (b'\xd4\xc3\xb2\xa1', b'\x4d\x3c\xb2\xa1') else '>'
    at, out = 24, []
    while at < len(data):
        if at + 16 > len(data):
            raise Failed(f'{os.path.basename(path)} ends inside a header')
        caplen, = struct.unpack(order + 'I', data[at + 8:at + 12])
        at += 16
        if at + caplen > len(data):
            raise Failed(f'{os.path.basename(path)} ends inside a packet')
        out.append(data[at:at + caplen])
        at += caplen
    return out


def flows(path):
    """what tshark says whose each packet is: addresses, protocol, ports"""
    fields = ['ip.src', 'ip.dst', 'ipv6.src', 'ipv6.dst', 'ip.proto', 'ipv6.nxt', 'tcp.srcport', 'tcp.dstport', 'udp.srcport',
              'udp.dstport', 'eth.type']
    out = subprocess.run(['tshark', '-n', '-r', path, '-o', 'ip.defragment:FALSE', '-T', 'fields', '-E', 'occurrence=f'] +
                         [x for f in fields for x in ('-e', f)], capture_output=True, text=True, check=True)
    return out.stdout.split('\n')[:-1]


def by_flow(path):
    """flow -> its packets in order"""
    all_ = collections.defaultdict(list)
    got, names = packets(path), flows(path)
    if len(got) != len(names):
        raise Failed(f'tshark sees {len(names)} packets in {os.path.basename(path)}, not {len(got)}')
    for name, pkt in zip(names, got):
        all_[name].append(pkt)
    return all_


def toeplitz(data):
    key, h = int.from_bytes(KEY, 'big'), 0
    for i in range(len(data) * 8):
        if data[i // 8] & 0x80 >> i % 8:
            h ^= key >> len(KEY) * 8 - 32 - i & 0xffffffff
    return h


def queue_of(pkt, n):
    """by RTE_ETH_RSS_IP and a table that deals the queues in turn: addresses alone; what is no IP has no hash"""
    kind, at = pkt[12:14], 14
    while kind in (b'\x81\x00', b'\x88\xa8'):
        kind, at = pkt[at + 2:at + 4], at + 4
    if kind == b'\x08\x00':
        return toeplitz(pkt[at + 12:at + 20]) % 128 % n
    if kind == b'\x86\xdd':
        return toeplitz(pkt[at + 8:at + 40]) % 128 % n
    return 0


def in_group(g, capture):
    """names of files that the ordinary user may read and write"""
    src = os.path.join(g.dir, 'in.pcap')
    shutil.copy(capture, src)
    os.chmod(src, 0o644)
    return src, [os.path.join(g.dir, f'out{i}.pcap') for i in range(2)]


def same_flows(src, out, may_miss=None):
    """each packet once, in order within its flow; may_miss(packet): was with somebody who is dead"""
    want, got = by_flow(src), by_flow(out)
    missing = 0
    for name, sent in want.items():
        came = got.pop(name, [])
        at = 0
        for pkt in sent:
            if at < len(came) and came[at] == pkt:
                at += 1
            elif may_miss is not None and may_miss(pkt):
                missing += 1
            else:
                raise Failed(f'flow {name!r}: packet {at + 1} of {len(sent)} did not come in its place; {len(came)} came')
        if at != len(came):
            raise Failed(f'flow {name!r}: {len(came)} packets came, {len(sent)} were sent')
    if got:
        raise Failed(f'flows that nobody sent: {list(got)[:3]}')
    return missing


def until_rx(stats, total):
    """statistics of workers, for what they are worth: sums of port 0"""
    n = sum(int(f[0][1]) for f in stats)
    if n != total:
        raise Failed(f'the workers received {n} packets, {total} are in the file')


def wait_for(out, n, enough=lambda have: True):
    """until the file has n packets, and enough: it is what the group has done"""
    until = time.monotonic() + 30 * float(os.environ.get('SHOAL_TEST_SLOW', '1'))
    while True:
        try:
            have = packets(out)
        except (Failed, OSError):
            have = []
        if len(have) >= n and enough(have):
            return
        if time.monotonic() > until:
            raise Failed(f'{os.path.basename(out)} has {len(have)} packets of at least {n} that were to come')
        time.sleep(0.02)  # sleep: a file tells nobody that it grows


def through_symmetric(capture):
    def case(prog, g):
        src, out = in_group(g, capture)
        sent = packets(src)
        ports = (f'--vdev=net_pcap0,rx_pcap={src},tx_pcap={out[0]}', f'--vdev=net_pcap1,tx_pcap={out[1]}')
        all_ = workers(prog, g, 4, *ports)
        wait_for(out[1], len(sent))
        stats = [counted(t) for t in all_]
        until_rx(stats, len(sent))
        for i, s in enumerate(stats):
            want = sum(queue_of(p, 4) == i for p in sent)
            if int(s[0][1]) != want:
                raise Failed(f'worker {i} received {s[0][1]} packets; the hash gives it {want}')
        same_flows(src, out[1])

    case.__doc__ = f'every packet of {os.path.basename(capture)} once through four processes, each its flows, in order'
    return case


def killed_on_the_way(capture):
    def case(prog, g):
        src, out = in_group(g, capture)
        sent = packets(src)
        ports = (f'--vdev=net_pcap0,rx_pcap={src},tx_pcap={out[0]},rate=1000', f'--vdev=net_pcap1,tx_pcap={out[1]}')
        all_ = workers(prog, g, 4, *ports)
        victim = 2
        wait_for(out[1], len(sent) // 4)
        all_[victim].kill()
        all_[victim].proc.wait()
        all_[victim] = g.start(prog, '--proc-type=auto', lcores(1), *ports, dash=('-p', '3', '--num-procs=4',
                                                                               f'--proc-id={victim}'))
        all_[victim].expect(f'lcore 0 using queue {victim} of each port')
        others = sum(queue_of(p, 4) != victim for p in sent)
        last = [p for p in sent if queue_of(p, 4) == victim][-1]
        wait_for(out[1], others, lambda have: last in have and sum(queue_of(p, 4) != victim for p in have) == others)
        for t in all_:
            counted(t)
        lost = same_flows(src, out[1], lambda p: queue_of(p, 4) == victim)
        if lost > BURST:
            raise Failed(f'{lost} packets are missing; the dead worker held {BURST} at most')

    case.__doc__ = f'a worker is killed and replaced while {os.path.basename(capture)} goes through: what it held is missing'
    return case


def through_clients(capture):
    def case(prog, g):
        client = prog.replace('mp_server', 'mp_client')
        src, out = in_group(g, capture)
        sent = packets(src)
        s = g.start(prog, lcores(2), f'--vdev=net_pcap0,rx_pcap={src},tx_pcap={out[0]},rate=2000',
                    f'--vdev=net_pcap1,tx_pcap={out[1]}', dash=('-p', '3', '-n', '3'))
        s.expect('APP: Finished Process Init.')
        c = []
        for i in range(3):
            c.append(g.start(client, '--proc-type=auto', lcores(1, 1), dash=('-n', str(i))))
            c[i].expect(f'\nClient process {i} handling packets\n')
        wait_for(out[1], len(sent))
        for t in c:
            t.kill(signal.SIGINT)
            t.ends(-signal.SIGINT)
        s.kill(signal.SIGINT)
        s.ends()
        if collections.Counter(packets(out[1])) != collections.Counter(sent):
            raise Failed('not every packet came once')

    case.__doc__ = f'every packet of {os.path.basename(capture)} once through a server and three clients'
    return case


SYMMETRIC = 'symmetric_mp/build/symmetric_mp'
SERVER = 'client_server_mp/mp_server/build/mp_server'

if __name__ == '__main__':
    captures = sys.argv[3:]
    sys.exit(run_cases([(SYMMETRIC, through_symmetric(c)) for c in captures] +
                       [(SYMMETRIC, killed_on_the_way(captures[0])), (SERVER, through_clients(captures[0]))]))
