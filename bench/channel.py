#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""./dev bench channel: the channel of shoal beside DPDK's and beside floors written by hand, in one run.

Peers take turns within each repeat, so that they share whatever the machine does; a ratio is made inside a repeat and the
median is taken of the ratios. Method and how to read the table: doc/performance.md. Writes OUT/channel.{txt,tsv,json}.
"""
import glob
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import (Crew, Failed, Gate, HugePages, Stat, machine, memory, options_rows, short, workdir,  # noqa: E402
                     write_rows)

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HUGE_PAGES = 64


# ---- peers ----

class Peer:
    def __init__(self, name, binary, extra=()):
        self.name, self.binary, self.extra = name, binary, list(extra)


def find_cc():
    return os.environ.get('CC', 'cc').split()


def build_dpdk(out, program='channel', archives=('eal', 'kvargs', 'telemetry'), optimise='-O2', libs=()):
    """program.c against the distribution's DPDK, never against a libdpdk.pc of ours: {name: binary}, or why not"""
    dirs = sorted(glob.glob('/usr/lib/*/pkgconfig')) + ['/usr/lib/pkgconfig', '/usr/lib64/pkgconfig', '/usr/share/pkgconfig']
    env = dict(os.environ, PKG_CONFIG_LIBDIR=':'.join(dirs))
    env.pop('PKG_CONFIG_PATH', None)

    def pc(*what):
        return subprocess.run(['pkg-config', *what, 'libdpdk'], env=env, capture_output=True, text=True)
    if shutil.which('pkg-config') is None or pc('--exists').returncode != 0:
        return {}, None, 'no libdpdk-dev'
    version = pc('--modversion').stdout.strip()
    cc = find_cc() + [optimise, '-g', '-D_GNU_SOURCE', '-DALLOW_EXPERIMENTAL_API', '-w']
    cc += pc('--cflags').stdout.split() + [os.path.join(ROOT, 'bench', program + '.c'), '-o']
    static = ['-Wl,--whole-archive'] + [f'-l:librte_{x}.a' for x in archives]
    static += ['-Wl,--no-whole-archive', '-lpthread', '-lm', '-ldl', '-lnuma', '-lbsd', *libs]
    found, why = {}, 'does not build'
    for name, libs in (('dpdk', static), ('dpdk-shared', pc('--libs').stdout.split())):
        binary = os.path.join(out, f'{program}-{name}')
        r = subprocess.run(cc + [binary, '-pthread'] + libs, capture_output=True, text=True)
        if r.returncode == 0:
            found[name] = binary
        else:
            why = r.stderr.strip().splitlines()[-1]
    if 'dpdk' not in found and 'dpdk-shared' in found: # no static libraries: the shared build does both jobs
        found['dpdk'] = found['dpdk-shared']
    return found, version, None if found else why


def build_own(build, name):
    if not os.path.exists(os.path.join(build, 'build.ninja')):
        subprocess.run(['meson', 'setup', '--buildtype=release', build, ROOT], check=True, stdout=subprocess.DEVNULL)
    r = subprocess.run(['ninja', '-C', build, '-j2', 'bench/' + name], capture_output=True, text=True)
    binary = os.path.join(build, 'bench', name)
    if r.returncode != 0:
        bad = [x for x in r.stdout.splitlines() if 'error:' in x or 'undefined reference' in x]
        return None, 'does not build: ' + bad[0] if bad else 'does not build'
    return binary, None


# ---- one group of processes ----

class Group:
    """A primary and its secondaries, of one peer, in a runtime directory of their own."""
    serial = 0

    def __init__(self, bench, crew, peer):
        Group.serial += 1
        self.bench, self.crew, self.peer = bench, crew, peer
        self.dir = os.path.join(bench.work, f'g{Group.serial}')
        os.mkdir(self.dir, 0o700)
        self.prefix = f'b{Group.serial}'

    def options(self, cpu, secondary):
        o = ['-l', str(cpu), '--file-prefix', self.prefix] + self.peer.extra
        return o + (['--proc-type=secondary'] if secondary else [])

    def member(self, cpu, secondary=True):
        """started, pinned with all its threads, and past rte_eal_init"""
        argv = [self.peer.binary] + self.options(cpu, secondary)
        p = self.crew.start(argv, str(cpu), {'RUNTIME_DIRECTORY': self.dir})
        p.ready_ms = p.ready()
        return p


# ---- the jobs; each returns {metric: value} ----

def job_rtt(b, crew, peer, same_core=False, asleep=False, spinners=False, spin_us=20):
    server, client = b.cpus[0], b.cpus[0] if same_core else b.cpus[1]
    n = b.n(2000 if asleep else 20000)
    warm = n // 10 + 20
    if spinners:
        crew.spinners(b.cpus)
    if peer.name == 'floor':
        argv = [peer.binary, 'rtt', '--n', str(n), '--warm', str(warm), '--client', str(client), '--server', str(server)]
        argv += ['--spin', str(spin_us)] + (['--asleep'] if asleep else [])
        return pick(crew.start(argv).result())
    g = Group(b, crew, peer)
    prim = g.member(server, secondary=False)
    sec = g.member(client)
    with b.perf(prim.pid, sec.pid):
        sec.say(f'sync {n} {warm} {200 if asleep else 0} {prim.pid}')
        return pick(sec.result())


def job_bcast(b, crew, peer, peers=1):
    n = b.n({1: 4000, 4: 2000, 16: 1000, 64: 300}[peers])
    warm = n // 10 + 5
    if peer.name == 'floor':
        argv = [peer.binary, 'fan', '--peers', str(peers), '--n', str(n), '--warm', str(warm),
                '--client', str(b.cpus[0]), '--server', str(b.cpus[1])]
        return pick(crew.start(argv).result())
    g = Group(b, crew, peer)
    prim = g.member(b.cpus[0], secondary=False)
    secs = [g.member(b.cpus[1]) for _ in range(peers)]
    with b.perf(prim.pid, *[s.pid for s in secs]):
        prim.say(f'bcast {n} {warm} {peers}')
        return pick(prim.result())


def job_messages(b, crew, peer, senders=1):
    each = b.n(200000) // senders
    g = Group(b, crew, peer)
    prim = g.member(b.cpus[0], secondary=False)
    secs = [g.member(b.cpus[1]) for _ in range(senders)]
    prim.say(f'expect {each * senders}')
    prim.expect('armed')
    at = time.clock_gettime_ns(time.CLOCK_MONOTONIC) + 100_000_000
    with b.perf(prim.pid, *[s.pid for s in secs]):
        for s in secs:
            s.say(f'send {each} {at}')
        sent = [s.result() for s in secs]
        got = prim.result()
    ns = got['last_ns'] - min(s['start_ns'] for s in sent)
    return {'rate': each * senders / ns * 1e6, 'retries': sum(s['retries'] for s in sent)}  # rate: thousands a second


def job_start(b, crew, peer):
    """three primaries, each with three secondaries; memory once requests have gone both ways"""
    prim_ms, sec_ms, m = [], [], {}
    for _ in range(b.n(3, least=1)):
        if peer.name == 'floor':
            p = crew.start([peer.binary, 'ready'], str(b.cpus[0]))
            prim_ms.append(p.ready())
            sec_ms.append(prim_ms[-1])
            m = {'prim_' + k: v for k, v in memory(p.pid).items()}
            m.update({'sec_' + k: v for k, v in memory(p.pid).items()})
            p.end()
            continue
        g = Group(b, crew, peer)
        prim = g.member(b.cpus[0], secondary=False)
        prim_ms.append(prim.ready_ms)
        for i in range(3):
            sec = g.member(b.cpus[1])
            sec_ms.append(sec.ready_ms)
            if i == 2:
                sec.say(f'sync 500 100 0 {prim.pid}')
                sec.result()
                m = {'prim_' + k: v for k, v in memory(prim.pid).items()}
                m.update({'sec_' + k: v for k, v in memory(sec.pid).items()})
            sec.end()
        prim.end()
    m['prim_ms'], m['sec_ms'] = sorted(prim_ms)[len(prim_ms) // 2], sorted(sec_ms)[len(sec_ms) // 2]
    return m


def job_deaths(b, crew, peer):
    g = Group(b, crew, peer)
    prim = g.member(b.cpus[0], secondary=False)
    program = [b.floor, 't0', str(b.cpus[1]), peer.binary] + g.options(b.cpus[1], True)
    prim.say(f'deaths {b.n(200)} ' + ' '.join(program))
    r = prim.result(180)
    if r.get('absent'):
        raise Failed('built without shoal_member.h: no death events')
    return pick(r)


def pick(r):
    return {k: r[k] for k in ('p50', 'p99')}


# ---- the table ----

TWO, ALL = ('floor', 'shoal', 'dpdk'), ('floor', 'shoal', 'dpdk', 'dpdk-shared')
P = (('p50', 'us, p50'), ('p99', 'us, p99'))
START = (('prim_ms', 'primary, ms'), ('sec_ms', 'secondary, ms'),
         ('prim_rss_kB', 'primary RSS, kB'), ('prim_peak_rss_kB', 'primary peak RSS, kB'),
         ('prim_pss_kB', 'primary PSS, kB'), ('prim_hugetlb_kB', 'primary huge pages, kB'),
         ('sec_rss_kB', 'secondary RSS, kB'), ('sec_peak_rss_kB', 'secondary peak RSS, kB'),
         ('sec_pss_kB', 'secondary PSS, kB'), ('sec_hugetlb_kB', 'secondary huge pages, kB'))
ROWS = [
    # id, title, peers, job, its arguments, metrics, needs two cores
    ('sync', 'sync 64 B, two cores, back to back', TWO, job_rtt, {}, P, True),
    ('sync-awake', 'sync 64 B, two cores, cores never halt', TWO, job_rtt, {'spinners': True}, P, True),
    ('sync-asleep', 'sync 64 B, two cores, receiver asleep', TWO, job_rtt, {'asleep': True, 'spin_us': 0}, P, True),
    ('sync-onecore', 'sync 64 B, both on one core', TWO, job_rtt, {'same_core': True, 'spin_us': 0}, P, False),
    ('bcast-1', 'broadcast to 1, all answer', TWO, job_bcast, {'peers': 1}, P, True),
    ('bcast-4', 'broadcast to 4, all answer', TWO, job_bcast, {'peers': 4}, P, True),
    ('bcast-16', 'broadcast to 16, all answer', TWO, job_bcast, {'peers': 16}, P, True),
    ('bcast-64', 'broadcast to 64, all answer', TWO, job_bcast, {'peers': 64}, P, True),
    ('msgs-1', 'one way 64 B, 1 sender', TWO[1:], job_messages, {'senders': 1}, (('rate', '1000/s'),), True),
    ('msgs-4', 'one way 64 B, 4 senders', TWO[1:], job_messages, {'senders': 4}, (('rate', '1000/s'),), True),
    ('start', 'start and memory', ALL, job_start, {}, START, True),
    ('death', 'kill -9: waitid to death event', ('shoal',), job_deaths, {}, P, True),
]
# row, metric, what, limit, unit, against: None = absolute, 'floor' = shoal/floor, 'dpdk' = dpdk/shoal (at least)
AIMS = [
    ('sync', 'p50', 'sync 64 B, both awake', 0.7, 'us', None),
    ('sync-awake', 'p50', 'sync 64 B, both awake, cores never halt', 0.7, 'us', None),
    ('sync-asleep', 'p50', 'sync 64 B, receiver asleep', 1.1, 'x floor', 'floor'),
    ('sync-onecore', 'p50', 'sync 64 B, one core', 3.5, 'us', None),
    ('bcast-1', 'p50', 'broadcast to 1', 1.3, 'x floor', 'floor'),
    ('bcast-4', 'p50', 'broadcast to 4', 1.3, 'x floor', 'floor'),
    ('bcast-16', 'p50', 'broadcast to 16', 1.3, 'x floor', 'floor'),
    ('bcast-64', 'p50', 'broadcast to 64', 1.3, 'x floor', 'floor'),
    ('bcast-16', 'p50', 'broadcast to 16, faster than DPDK', 10, 'x', 'dpdk'),
    ('bcast-64', 'p50', 'broadcast to 64, faster than DPDK', 16, 'x', 'dpdk'),
    ('start', 'prim_ms', 'start of a primary', 4.0, 'ms', None),
    ('start', 'sec_ms', 'start of a secondary', 2.5, 'ms', None),
    ('start', 'prim_peak_rss_kB', 'memory of a primary', 5120, 'kB', None),
    ('start', 'sec_peak_rss_kB', 'memory of a secondary', 5120, 'kB', None),
]


class Bench:
    rows = ROWS

    def __init__(self, a):
        self.a, self.cpus = a, sorted(os.sched_getaffinity(0))[:2]
        self.work = workdir()
        self.gate = Gate(a.gate_wait, a.gate_total)
        self.raw, self.absent, self.failed = [], {}, {}

    def n(self, full, least=10):
        return max(least, full // 20 if self.a.quick else int(full * self.a.scale))

    def perf(self, *pids):
        return Perf(self.a.perf, pids, self.a.out)

    def peers(self):
        floor, why = build_own(self.a.build, 'channel-floor')
        if floor is None:
            sys.exit('bench: channel-floor ' + why)
        self.floor = floor
        p = {'floor': Peer('floor', floor)}
        binary, why = build_own(self.a.build, 'channel-shoal')
        if binary is not None:
            p['shoal'] = Peer('shoal', binary)
        else:
            self.absent['shoal'] = why
        found, self.dpdk_version, why = build_dpdk(self.a.out)
        try:
            if not found:
                raise Failed(why)
            huge = HugePages(self.work, HUGE_PAGES)
            for name, exe in found.items():
                p[name] = Peer(name, exe, ['--huge-dir', huge.dir])
        except Failed as e:
            self.absent['dpdk'] = self.absent['dpdk-shared'] = str(e)
        return {k: v for k, v in p.items() if not self.a.peer or k in self.a.peer}

    def once(self, row, peer):
        self.gate.open()
        crew = Crew(self.floor, self.work)
        try:
            values = row[3](self, crew, peer, **row[4])
        finally:
            used = crew.end()
        cores, noisy = self.gate.close(used)
        return values, cores, noisy

    def repeat(self, row, peer, rep):
        for attempt in range(1 + self.a.retries):
            try:
                values, cores, noisy = self.once(row, peer)
            except Failed as e:
                self.failed[(row[0], peer.name)] = str(e)
                print(f'  {row[0]:13} {peer.name:12} FAILED {e}', flush=True)
                return
            mark = f'  (others used {cores:.2f} cores)' if noisy else ''
            print(f'  {row[0]:13} {peer.name:12} ' + '  '.join(f'{k} {short(v)}' for k, v in list(values.items())[-2:])
                  + mark, flush=True)
            if not noisy or self.gate.left_s <= 0:
                break
        self.raw.append({'row': row[0], 'peer': peer.name, 'repeat': rep, 'noisy': noisy, 'others': cores,
                         'values': values})

    def run(self):
        peers = self.peers()
        rows = [r for r in self.rows if not self.a.row or r[0] in self.a.row]
        if len(self.cpus) < 2:
            print('bench: one CPU only: the rows that need two are left out')
            rows = [r for r in rows if not r[6]]
        for rep in range(self.a.repeats):
            print(f'repeat {rep + 1} of {self.a.repeats}', flush=True)
            for row in rows:
                order = [p for p in row[2] if p in peers and (row[0], p) not in self.failed]
                order = order[rep % len(order):] + order[:rep % len(order)] if order else []
                for name in order:
                    self.repeat(row, peers[name], rep)
        return rows

    # -- figures --

    def pairs(self, row, peer, metric):
        return {r['repeat']: (r['values'][metric], r['noisy']) for r in self.raw
                if r['row'] == row and r['peer'] == peer and metric in r['values']}

    @staticmethod
    def stat(got):
        """of [(value, noisy)]: the clean ones if there are three, or if there are no others"""
        clean = [v for v, noisy in got if not noisy]
        if clean and len(clean) >= min(3, len(got)):
            return Stat(clean, False)
        return Stat([v for v, _ in got], True) if got else None

    def value(self, row, peer, metric):
        return self.stat(list(self.pairs(row, peer, metric).values()))

    def ratio(self, row, metric, over, under):
        a, b = self.pairs(row, over, metric), self.pairs(row, under, metric)
        return self.stat([(a[i][0] / b[i][0], a[i][1] or b[i][1]) for i in a if i in b and b[i][0] > 0])


class Perf:
    """--perf: record the given processes during the measured part of a job"""

    def __init__(self, on, pids, out):
        self.cmd = None
        if on:
            f = os.path.join(out, f'perf-{Group.serial}.data')
            self.cmd = ['perf', 'record', '-q', '-g', '-F', '5000', '-o', f, '-p', ','.join(map(str, pids))]

    def __enter__(self):
        self.p = subprocess.Popen(self.cmd, stderr=subprocess.DEVNULL) if self.cmd else None
        if self.p:
            time.sleep(0.3)

    def __exit__(self, *_):
        if self.p:
            self.p.terminate()
            self.p.wait()
            print('    profile: perf report -i ' + self.cmd[7])


# ---- output ----

def table(b, rows):
    out = []
    head = f'{"":40} {"":24}' + ''.join(f'{p:>26}' for p in ALL) + f'{"shoal/floor":>13}{"dpdk/shoal":>12}'
    out += [head, '-' * len(head)]
    for row in rows:
        for k, (metric, unit) in enumerate(row[5]):
            line = f'{row[1] if k == 0 else "":40} {unit:24}'
            for p in ALL:
                s = b.value(row[0], p, metric) if p in row[2] else None
                text = s.text() if s else '-' if p not in row[2] else 'failed' if (row[0], p) in b.failed else 'absent'
                line += f'{text:>26}'
            pair = ('shoal', 'dpdk') if metric == 'rate' else ('dpdk', 'shoal')
            for over, under, width in (('shoal', 'floor', 13), (*pair, 12)):
                s = b.ratio(row[0], metric, over, under)
                line += f'{("~" if s.noisy else "x") + short(s.med) if s else "":>{width}}'
            out.append(line.rstrip())
    return out


def verdicts(b, rows):
    out, done = [], []
    wanted = {r[0] for r in rows}
    for row, metric, what, limit, unit, against in AIMS:
        if row not in wanted:
            continue
        if against is None:
            s = b.value(row, 'shoal', metric)
        else:
            s = b.ratio(row, metric, *(('shoal', 'floor') if against == 'floor' else ('dpdk', 'shoal')))
        least = against == 'dpdk'
        verdict = 'not measured' if s is None else 'met' if (s.med >= limit if least else s.med <= limit) else 'missed'
        measured = s.text() if s else '-'
        out.append(f'{what:42} {">=" if least else "<="} {short(limit):>6} {unit:8} {measured:>26}  {verdict}')
        done.append({'aim': what, 'limit': limit, 'unit': unit, 'least': least, 'measured': s.med if s else None,
                     'noisy': s.noisy if s else None, 'verdict': verdict})
    return out, done


def write(b, rows):
    m = machine()
    out = [f'shoal bench channel, {m["when"]}: {m["cpu"]}, CPUs {m["cpus"]}, Linux {m["kernel"]}, '
           f'DPDK {b.dpdk_version or "-"}, {b.a.repeats} repeats' + (', quick' if b.a.quick else ''),
           'median (min..max) of the clean repeats; ~ = too few clean ones, the noisy ones are in it. Ratios: the same repeat.',
           '']
    out += table(b, rows) + ['']
    lines, aims = verdicts(b, rows)
    return write_rows(b, 'channel', out, m, lines, aims)


def main():
    a = options_rows('channel', __doc__, [r[0] for r in ROWS], ALL)
    b = Bench(a)
    missed = write(b, b.run())
    sys.exit(1 if b.failed or (a.strict and missed) else 0)


if __name__ == '__main__':
    main()
