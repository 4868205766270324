#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""./dev bench memory: the shared heap of shoal beside DPDK's, beside private allocators, and pieces of it beside messages.

Method as in channel.py, from which the runner comes: peers take turns within each repeat, each repeat has fresh processes, a
ratio is made inside a repeat and the median is taken of the ratios. How to read the tables: doc/performance.md. Writes
OUT/memory.{txt,tsv,json}.
"""
import glob
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from channel import ROOT, Bench, Group, Peer, build_dpdk, build_own, find_cc, pick  # noqa: E402
from harness import Failed, HugePages, machine, options_rows, short, write_rows  # noqa: E402

HUGE_PAGES = 320
HEAPS = ('shoal', 'dpdk', 'glibc', 'jemalloc', 'mimalloc')
SHARED = ('shoal', 'dpdk')
PRIVATE = {'glibc': [], 'jemalloc': ['-ljemalloc'], 'mimalloc': ['-lmimalloc']}
ALL = ('floor',) + HEAPS + ('zeromq', 'iceoryx')
ROUDI = '[general]\nversion = 1\n[[segment]]\n' + ''.join(
    f'[[segment.mempool]]\nsize = {size}\ncount = {count}\n'
    for size, count in ((256, 1000), (2048, 200), (70000, 50), (1100000, 20), (16800000, 8)))


def build_private(out, name, source, libs, macro=None):
    binary = os.path.join(out, 'memory-' + name)
    cc = find_cc() + ['-O2', '-g', '-D_GNU_SOURCE', os.path.join(ROOT, 'bench', source), '-o', binary, '-pthread']
    r = subprocess.run(cc + ([macro] if macro else []) + libs, capture_output=True, text=True)
    if r.returncode == 0:
        return binary, None
    return None, 'does not build: ' + (r.stderr.strip().splitlines() or ['?'])[-1] + '; is its -dev package there?'


# ---- jobs ----

def alone(b, crew, peer, cpu):
    """one process that allocates: a primary, or a program with a private heap"""
    if peer.name in SHARED:
        return Group(b, crew, peer).member(cpu, secondary=False)
    p = crew.start([peer.binary], str(cpu))
    p.ready()
    return p


def per_op(peer, size):
    """how many pairs take about a tenth of a second"""
    if peer.name == 'dpdk':
        return 40000 if size > 10000 else 80000
    return 200000 if size > 10000 else 2000000


def job_pair(b, crew, peer, size=64, threads=1, processes=1):
    n = b.n(per_op(peer, size), least=2000)
    if processes == 1:
        p = alone(b, crew, peer, '0,1' if threads > 1 else b.cpus[1])
        p.say(f'pair {size} {threads} {n} 0')
        return p.result()
    g = Group(b, crew, peer)
    g.member(b.cpus[0], secondary=False)
    secs = [g.member(c) for c in b.cpus]
    at = time.clock_gettime_ns(time.CLOCK_MONOTONIC) + 400_000_000
    for s in secs:
        s.say(f'pair {size} 1 {n} {at}')
    return {'ns': sum(s.result()['ns'] for s in secs) / len(secs)}


def job_given(b, crew, peer, size=64):
    n = b.n(per_op(peer, size) // 4, least=2000)
    if peer.name not in SHARED:
        p = alone(b, crew, peer, '0,1')
        p.say(f'pass {size} {n}')
        return p.result()
    g = Group(b, crew, peer)
    prim = g.member(b.cpus[0], secondary=False)
    sec = g.member(b.cpus[1])
    prim.say(f'take {n}')
    sec.say(f'give {size} {n}')
    return prim.result()


def job_grow(b, crew, peer, secondary=False, others=0):
    k = 16 if not b.a.quick else 4
    if peer.name == 'floor':
        p = alone(b, crew, peer, b.cpus[1])
    else:
        g = Group(b, crew, peer)
        prim = g.member(b.cpus[0], secondary=False)
        for _ in range(others):
            g.member(b.cpus[0])
        p = g.member(b.cpus[1]) if secondary else prim
    p.say(f'grow {k}')
    return p.result()


def job_ref(b, crew, peer, size=64):
    n = b.n(max(60, min(20000, (256 << 20) // size)))
    warm = n // 10 + 20
    if peer.name == 'zeromq':
        url = f'ipc://{b.work}/z{Group.serial}-{len(b.raw)}'
        crew.start([peer.binary, 'serve', url], str(b.cpus[0])).ready()
        got = crew.start([peer.binary, 'ask', url, str(size), str(n), str(warm)], str(b.cpus[1])).result()
        return {'all50': got['p50'], 'all99': got['p99']}
    if peer.name == 'iceoryx':
        return iceoryx(b, crew, peer, (size, n, warm))
    g = Group(b, crew, peer)
    g.member(b.cpus[0], secondary=False)
    sec = g.member(b.cpus[1])
    sec.say(f'ref {size} {n} {warm} 0')
    word = pick(sec.result())
    sec.say(f'ref {size} {n} {warm} 1')
    whole = sec.result()
    return dict(word, all50=whole['p50'], all99=whole['p99'])


def iceoryx_files():
    names = ('/dev/shm/iceoryx_mgmt', '/dev/shm/root', '/tmp/roudi*', '/tmp/bench-server*', '/tmp/bench-client*')
    return {path for name in names for path in glob.glob(name)}


def iceoryx(b, crew, peer, numbers):
    before = iceoryx_files()
    toml = os.path.join(b.work, 'roudi.toml')
    with open(toml, 'w') as f:
        f.write(ROUDI)
    roudi = crew.start(['iox-roudi', '-c', toml])
    try:
        roudi.expect('RouDi is ready', 20)
        server = crew.start([peer.binary, 'serve'], str(b.cpus[0]))
        server.ready()
        got = []
        for touch in (0, 1):
            argv = [peer.binary, 'ask', *map(str, numbers), str(touch)]
            p = crew.start(argv, str(b.cpus[1]))
            got.append(p.result())
            p.end()
        server.end(kill=True)
    finally:
        os.kill(roudi.pid, signal.SIGTERM)
        roudi.end()
        for path in iceoryx_files() - before: # what it and its killed server leave behind
            os.unlink(path)
    word, whole = got
    return dict(pick(word), all50=whole['p50'], all99=whole['p99'])


def job_survive(b, crew, peer):
    g = Group(b, crew, peer)
    prim = g.member(b.cpus[0], secondary=False)
    program = [b.floor, 't0', str(b.cpus[1]), peer.binary] + g.options(b.cpus[1], True)
    prim.say(f'survive {b.n(200)} ' + ' '.join(program))
    after, before = prim.result(180), prim.result()
    return dict(pick(after), before50=before['p50'], before99=before['p99'])


def job_mend(b, crew, peer):
    g = Group(b, crew, peer)
    prim = g.member('0,1', secondary=False) # a thread that calls, and one that kills
    program = [b.floor, 't0', str(b.cpus[1]), peer.binary] + g.options(b.cpus[1], True)
    prim.say(f'mend {b.n(300)} {b.n(300)} ' + ' '.join(program))
    any_time, inside = prim.result(300), prim.result()
    got = {k: any_time[k] for k in ('p50', 'p99', 'max')}
    return dict(got, **{'in' + k: inside[k] for k in ('p50', 'p99', 'max')})


def job_frag(b, crew, peer, mix=0):
    p = alone(b, crew, peer, b.cpus[1])
    p.say(f'frag {mix}')
    return p.result(180)


# ---- rows ----

NS = (('ns', 'ns'),)
GROW = (('grow', 'grows, us'), ('touch', 'first touch, us'), ('back', 'freed, us'), ('loop', 'both in a loop, us'))
REF = (('p50', 'one word, us p50'), ('p99', 'one word, us p99'), ('all50', 'every line, us p50'),
       ('all99', 'every line, us p99'))
HELD = (('ratio', 'held / asked'), ('later', 'held / asked, 1.5 s later'), ('held', 'held, MB'), ('left', 'left when all is free, MB'))
SIZES = ((64, '64 B'), (1024, '1 KiB'), (65536, '64 KiB'))
ROWS = []
for size, text in SIZES:
    ROWS.append((f'pair-{size}', f'malloc + free {text}, 1 thread', HEAPS, job_pair, {'size': size}, NS, False))
    ROWS.append((f'pair2-{size}', f'malloc + free {text}, 2 threads', HEAPS, job_pair, {'size': size, 'threads': 2}, NS, True))
    ROWS.append((f'pairp-{size}', f'malloc + free {text}, 2 processes', SHARED, job_pair, {'size': size, 'processes': 2}, NS, True))
for size, text in SIZES:
    ROWS.append((f'given-{size}', f'{text} freed by another', HEAPS, job_given, {'size': size}, NS, True))
for who in ('primary', 'secondary'):
    for others in (0, 4, 16):
        peers = ('floor',) + SHARED if others == 0 else SHARED
        ROWS.append((f'grow-{who[:3]}-{others}', f'8 MiB by a {who}, {others} others', peers, job_grow,
                     {'secondary': who == 'secondary', 'others': others}, GROW, True))
for size, text in ((64, '64 B'), (1024, '1 KiB'), (65536, '64 KiB'), (1 << 20, '1 MiB'), (16 << 20, '16 MiB')):
    ROWS.append((f'ref-{size}', f'request with {text} by reference', ('shoal', 'zeromq', 'iceoryx'), job_ref, {'size': size}, REF, True))
ROWS.append(('survive', 'kill -9 in a heap loop: longest call of another', ('shoal',), job_survive,
             {}, (('p50', 'after it, us p50'), ('p99', 'after it, us p99'), ('before50', 'before it, us p50'),
                  ('before99', 'before it, us p99')), True))
ROWS.append(('mend', "proof of a death to the end of another's call", ('shoal',), job_mend, {},
             (('p50', 'killed at random, us p50'), ('p99', 'killed at random, us p99'), ('max', 'killed at random, max'),
              ('inp50', 'with a lock, us p50'), ('inp99', 'with a lock, us p99'), ('inmax', 'with a lock, us max')), True))
for mix, text in enumerate(('server', 'sizes shift', 'long tail')):
    ROWS.append((f'frag-{mix}', f'memory held, mix: {text}', HEAPS, job_frag, {'mix': mix}, HELD, False))

# row, metric, what, limit, unit, over, under: None = absolute; else over/under of peer or (row, metric)
AIMS = [(f'pair{k}-{s}', 'ns', f'malloc + free {t}, {w}', 20, 'ns', None)
        for s, t in SIZES for k, w in (('', '1 thread'), ('2', '2 threads'), ('p', '2 processes'))]
AIMS += [
    ('grow-pri-0', 'grow', 'first growth by 8 MiB, primary', 1.3, 'x floor', 'floor'),
    ('grow-sec-0', 'grow', 'first growth by 8 MiB, secondary', 1.3, 'x floor', 'floor'),
    ('grow-sec-0', 'loop', '8 MiB in a loop: no growth', 100, 'us', None),
    ('grow-pri-16', 'grow', 'growth with 16 others', 1.3, 'x of 0', 'grow-pri-0'),
    ('grow-sec-16', 'grow', 'growth by a secondary with 16 others', 1.3, 'x of 0', 'grow-sec-0'),
    ('ref-1048576', 'p50', '1 MiB by reference', 1.2, 'x of 64 B', 'ref-64'),
    ('ref-16777216', 'p50', '16 MiB by reference', 1.2, 'x of 64 B', 'ref-64'),
    ('survive', 'p99', 'others go on after a kill, p99', 10000, 'us', None),
    ('mend', 'p99', 'a death at random mended, p99', 10000, 'us', None),
    ('mend', 'inp99', 'a death with a lock mended, p99', 10000, 'us', None),
]


class Memory(Bench):
    rows = ROWS

    def peers(self):
        p = {}
        self.floor, why = build_own(self.a.build, 'channel-floor') # starts and stamps processes
        if self.floor is None:
            sys.exit('bench: channel-floor ' + why)
        binary, why = build_own(self.a.build, 'memory-shoal')
        if binary is not None:
            p['shoal'] = Peer('shoal', binary)
        else:
            self.absent['shoal'] = why
        for name, libs in PRIVATE.items():
            binary, why = build_private(self.a.out, name, 'memory.c', libs, '-DB_LIBC')
            if binary is None:
                self.absent[name] = why
                continue
            p[name] = Peer(name, binary)
            if name == 'glibc':
                p['floor'] = Peer('floor', binary)
        binary, why = build_private(self.a.out, 'zeromq', 'memory_zmq.c', ['-lzmq'])
        if binary is None:
            self.absent['zeromq'] = why
        else:
            p['zeromq'] = Peer('zeromq', binary)
        self.iceoryx(p)
        self.dpdk(p)
        return {k: v for k, v in p.items() if not self.a.peer or k in self.a.peer}

    def iceoryx(self, p):
        where = sorted(glob.glob('/usr/include/iceoryx/v*'))
        why = 'no libiceoryx-binding-c-dev, or no iox-roudi'
        if where and shutil.which('iox-roudi'):
            binary, why = build_private(self.a.out, 'iceoryx', 'memory_iox.c', ['-liceoryx_binding_c'], '-I' + where[-1])
            if binary is not None:
                p['iceoryx'] = Peer('iceoryx', binary)
                return
        self.absent['iceoryx'] = why

    def dpdk(self, p):
        if self.a.peer and 'dpdk' not in self.a.peer:
            self.dpdk_version = None
            return
        found, self.dpdk_version, why = build_dpdk(self.a.out, 'memory')
        try:
            if not found:
                raise Failed(why)
            huge = HugePages(self.work, HUGE_PAGES)
            p['dpdk'] = Peer('dpdk', found['dpdk'], ['--huge-dir', huge.dir])
        except Failed as e:
            self.absent['dpdk'] = str(e)

    def across(self, row, metric, base):
        """shoal's figure of one row over that of another, in the same repeat"""
        a, c = self.pairs(row, 'shoal', metric), self.pairs(base, 'shoal', metric)
        return self.stat([(a[i][0] / c[i][0], a[i][1] or c[i][1]) for i in a if i in c and c[i][0] > 0])


# ---- output ----

def cell(b, row, metric, peer):
    if peer not in row[2]:
        return '-'
    s = b.value(row[0], peer, metric)
    return s.text() if s else 'failed' if (row[0], peer) in b.failed else 'absent' if peer in b.absent else '-'


def section(b, rows, title, prefixes, columns, ratios):
    """one table: the rows whose names start so, the peers that are columns, (over, under) pairs"""
    rows = [r for r in rows if r[0].startswith(prefixes)]
    if not rows:
        return []
    head = f'{title:48} {"":26}' + ''.join(f'{c:>24}' for c in columns) + ''.join(f'{o + "/" + u:>16}' for o, u in ratios)
    out = [head, '-' * len(head)]
    for row in rows:
        for k, (metric, unit) in enumerate(row[5]):
            line = f'{row[1] if k == 0 else "":48} {unit:26}'
            line += ''.join(f'{cell(b, row, metric, c):>24}' for c in columns)
            for over, under in ratios:
                s = b.ratio(row[0], metric, over, under)
                line += f'{("~" if s.noisy else "x") + short(s.med) if s else "":>16}'
            out.append(line.rstrip())
    return out + ['']


def verdicts(b, rows):
    out, done, wanted = [], [], {r[0] for r in rows}
    for row, metric, what, limit, unit, against in AIMS:
        if row not in wanted or (against is not None and against != 'floor' and against not in wanted):
            continue
        if against is None:
            s = b.value(row, 'shoal', metric)
        elif against == 'floor':
            s = b.ratio(row, metric, 'shoal', 'floor')
        else:
            s = b.across(row, metric, against)
        verdict = 'not measured' if s is None else 'met' if s.med <= limit else 'missed'
        out.append(f'{what:42} <= {short(limit):>6} {unit:10} {s.text() if s else "-":>26}  {verdict}')
        done.append({'aim': what, 'limit': limit, 'unit': unit, 'measured': s.med if s else None,
                     'noisy': s.noisy if s else None, 'verdict': verdict})
    return out, done


def write(b, rows):
    m = machine()
    out = [f'shoal bench memory, {m["when"]}: {m["cpu"]}, CPUs {m["cpus"]}, Linux {m["kernel"]}, '
           f'DPDK {b.dpdk_version or "-"}, {b.a.repeats} repeats' + (', quick' if b.a.quick else ''),
           'median (min..max) of the clean repeats; ~ = too few clean ones, the noisy ones are in it. Ratios: the same repeat.',
           '']
    out += section(b, rows, 'ns of one malloc and one free', ('pair', 'given'), HEAPS,
                   (('dpdk', 'shoal'), ('shoal', 'jemalloc')))
    out += section(b, rows, 'growth', ('grow',), ('floor',) + SHARED, (('shoal', 'floor'), ('dpdk', 'shoal')))
    out += section(b, rows, 'payload by reference', ('ref',), ('shoal', 'zeromq', 'iceoryx'),
                   (('zeromq', 'shoal'), ('iceoryx', 'shoal')))
    out += section(b, rows, 'deaths', ('survive', 'mend'), ('shoal',), ())
    out += section(b, rows, 'fragmentation', ('frag',), HEAPS, ())
    lines, aims = verdicts(b, rows)
    return write_rows(b, 'memory', out, m, lines, aims)


def main():
    a = options_rows('memory', __doc__, [r[0] for r in ROWS], ALL)
    b = Memory(a)
    missed = write(b, b.run())
    sys.exit(1 if b.failed or (a.strict and missed) else 0)


if __name__ == '__main__':
    main()
