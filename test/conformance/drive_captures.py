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

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BURST = 32  # packets of one call
CLIENTS = 3
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


def counters(g):
    """what each queue of each port has received and sent: (port, queue) -> both"""
    exe = os.path.join(sys.argv[1], 'watch')
    if not os.path.exists(exe):
        flags = subprocess.run(['pkg-config', '--cflags', '--libs', 'libdpdk'], capture_output=True, text=True, check=True)
        subprocess.run(['cc', '-D_GNU_SOURCE', '-o', exe, os.path.join(ROOT, 'examples', 'packets', 'watch.c'), *flags.stdout.split()],
                       check=True)
    t = g.start(exe, '--proc-type=secondary', '--log-level=error', lcores(1))
    t.expect('port  queue ')
    at = t.seen
    t.expect('port  queue ')  # the next table: the first one is whole
    rows = re.findall(r'^ *(\d+) +(\d+) +\d+ +(\d+) +(\d+)$', t.shown[at:t.seen], re.M)
    t.kill(signal.SIGINT)
    t.ends()
    return {(int(p), int(q)): (int(rx), int(tx)) for p, q, rx, tx in rows}


def untold(what, n):
    """packets of the one burst that somebody had done with and not counted when it died"""
    if not 0 <= n <= BURST:
        raise Failed(f'{n} packets were {what} and not counted')
    return n


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
        then = counters(g)
        held = then[0, victim][0] - then[1, victim][1]
        all_[victim] = g.start(prog, '--proc-type=auto', lcores(1), *ports, dash=('-p', '3', '--num-procs=4',
                                                                               f'--proc-id={victim}'))
        all_[victim].expect(f'lcore 0 using queue {victim} of each port')
        others = sum(queue_of(p, 4) != victim for p in sent)
        last = [p for p in sent if queue_of(p, 4) == victim][-1]
        wait_for(out[1], others, lambda have: last in have and sum(queue_of(p, 4) != victim for p in have) == others)
        now = counters(g)
        for t in all_:
            counted(t)
        lost = same_flows(src, out[1], lambda p: queue_of(p, 4) == victim)
        received = untold('received', sum(queue_of(p, 4) == victim for p in sent) - now[0, victim][0])
        gone = untold('sent', len(packets(out[1])) - sum(n[1] for (port, _), n in now.items() if port == 1))
        if lost != held + received - gone:
            raise Failed(f'{lost} packets are missing; the dead worker held {held}, and {received} that it had not counted; '
                         f'{gone} of them were sent')

    case.__doc__ = f'a worker is killed and replaced while {os.path.basename(capture)} goes through: what it held is missing'
    return case


def steps(lanes, state, pkt, may_miss):
    """where a flow's clients may be behind this packet, of which one of them has sent the next, or, may_miss, a later one"""
    pos, skipped = state
    for i, lane in enumerate(lanes):
        if pos[i] < len(lane) and lane[pos[i]] == pkt:
            yield pos[:i] + (pos[i] + 1,) + pos[i + 1:], skipped
    if may_miss is not None:
        lane, at = lanes[may_miss], pos[may_miss]
        for to in range(at + 1, len(lane)):
            if lane[to] == pkt:
                yield pos[:may_miss] + (to + 1,) + pos[may_miss + 1:], skipped + to - at
                return


def dealt_in_order(src, out, may_miss=None):
    """
    The server deals packets to its clients in turn: each packet once, and within a flow those of one client in their order.
    may_miss: a client that died. Returns how many packets of each are missing.
    """
    lanes = collections.defaultdict(lambda: [[] for _ in range(CLIENTS)])
    for k, (name, pkt) in enumerate(zip(flows(src), packets(src))):
        lanes[name][k % CLIENTS].append(pkt)
    # more than one state: two packets that are the same do not tell whose they were
    states = {name: {((0,) * CLIENTS, 0)} for name in lanes}
    for name, pkt in zip(flows(out), packets(out)):
        before = states.get(name, ())
        states[name] = ({s for b in before for s in steps(lanes[name], b, pkt, None)} or
                        {s for b in before for s in steps(lanes[name], b, pkt, may_miss)})
        if not states[name]:
            raise Failed(f'flow {name!r}: a packet that was not to come there, or came twice')
    missing = [0] * CLIENTS
    for name, all_ in states.items():
        # whose the rest is, is as open: the dead one's, where it may be
        pos, skipped = max(all_, key=lambda s: sum(n for i, n in enumerate(s[0]) if i != may_miss))
        for i in range(CLIENTS):
            missing[i] += len(lanes[name][i]) - pos[i] + (skipped if i == may_miss else 0)
    return missing


class Dealer:
    """mp_server with three clients over a capture"""

    def __init__(self, prog, g, capture, rate):
        self.g, self.client = g, prog.replace('mp_server', 'mp_client')
        self.src, self.out = in_group(g, capture)
        self.sent = packets(self.src)
        self.s = g.start(prog, lcores(2), f'--vdev=net_pcap0,rx_pcap={self.src},tx_pcap={self.out[0]},rate={rate}',
                         f'--vdev=net_pcap1,tx_pcap={self.out[1]}', dash=('-p', '3', '-n', str(CLIENTS)))
        self.s.expect('APP: Finished Process Init.')
        self.c = [self.start(i) for i in range(CLIENTS)]  # at once: their rings have room for 128 packets each
        for i, t in enumerate(self.c):
            t.expect(f'\nClient process {i} handling packets\n')

    def start(self, i):
        return self.g.start(self.client, '--proc-type=auto', lcores(1, 1), dash=('-n', str(i)))

    def counted(self):
        """what the server shows of each client, once all are dealt and nothing moves: rx, rx_drop, tx, tx_drop"""
        rows = None
        while True:
            before = rows
            self.s.expect('\nCLIENTS\n')
            at = self.s.seen
            self.s.expect(f'Client {CLIENTS - 1:2} - rx: ')
            self.s.expect('tx_drop: ')
            self.s.expect('\n')
            rows = [tuple(map(int, r)) for r in
                    re.findall(r'rx: *(\d+), rx_drop: *(\d+)\n *tx: *(\d+), tx_drop: *(\d+)', self.s.shown[at:self.s.seen])]
            if rows == before and sum(r[0] + r[1] for r in rows) == len(self.sent):
                return rows

    def end(self):
        for t in self.c:
            t.kill(signal.SIGINT)
            t.ends(-signal.SIGINT)
        self.s.kill(signal.SIGINT)
        self.s.ends()


def through_clients(capture):
    def case(prog, g):
        d = Dealer(prog, g, capture, 500)
        wait_for(d.out[1], len(d.sent))
        d.end()
        if any(dealt_in_order(d.src, d.out[1])):
            raise Failed('not every packet came once')

    case.__doc__ = f'every packet of {os.path.basename(capture)} once through a server and three clients, those of a client in order'
    return case


def client_killed(capture):
    def case(prog, g):
        d = Dealer(prog, g, capture, 400)
        victim = 1
        wait_for(d.out[1], len(d.sent) // 4)
        d.c[victim].kill()
        d.c[victim].proc.wait()
        d.c[victim] = d.start(victim)
        rows = d.counted()
        sent = counters(g)
        d.end()
        gone = untold('sent', len(packets(d.out[1])) - sum(n[1] for (port, _), n in sent.items() if port == 1))
        missing = dealt_in_order(d.src, d.out[1], victim)
        for i, (rx, drop, tx, tx_drop) in enumerate(rows):
            held = rx - sent[1, i][1]  # it was handed over, and not sent
            if tx_drop != 0 or missing[i] - drop != held - (gone if i == victim else 0):
                raise Failed(f'client {i}: {missing[i]} packets are missing; it was handed {rx}, sent {sent[1, i][1]}, {drop} did not '
                             f'fit while nobody read; the dead one had sent {gone} that it had not counted')

    case.__doc__ = (f'a client is killed and replaced while {os.path.basename(capture)} goes through the server: what is missing '
                    'is what it held')
    return case


SYMMETRIC = 'symmetric_mp/build/symmetric_mp'
SERVER = 'client_server_mp/mp_server/build/mp_server'

if __name__ == '__main__':
    captures = sys.argv[3:]
    sys.exit(run_cases([(SYMMETRIC, through_symmetric(c)) for c in captures] +
                       [(SYMMETRIC, killed_on_the_way(captures[0])), (SERVER, through_clients(captures[0])),
                        (SERVER, client_killed(captures[-1]))]))
