# SPDX-License-Identifier: BSD-3-Clause
"""beside.py - one bench program, built against shoal, DPDK and others from one text, measured beside each other.

They take turns within each repeat, each with processes of its own; a ratio is made inside a repeat and the median is taken
of the ratios. rings.py and pools.py say what is measured and how the figures are shown.
"""
import json
import os
import statistics
import sys
import time

import picture
from channel import build_dpdk, build_own
from harness import ROOT, Crew, Failed, Gate, Stat, machine, options, short, workdir

TIE = 0.95 # what is nearer to 1 than the spread of a quiet machine is not slower


def parsed(p):
    """the arguments, with what --quick stands for, and a directory for results"""
    a = p.parse_args()
    if a.quick:
        a.repeats, a.gate_wait, a.gate_total, a.retries, a.scale = 1, 0, 0, 0, .05
    a.build = os.path.abspath(a.build)
    a.out = os.path.join(a.build, 'bench')
    os.makedirs(a.out, exist_ok=True)
    return a


def beside_options(name, doc, **usual):
    p = options(name, doc, **usual)
    p.add_argument('--scale', type=float, default=1, help='so many times the elements')
    p.add_argument('--realtime', action='store_true',
                   help='before all others of this machine (root): clean figures in spite of a load, but not with more '
                        'threads than cores')
    p.add_argument('--budget', type=float, default=240, help='seconds after which a noisy repeat is not made again')
    return p


def shown_options(name, doc, **usual):
    """of a bench that goes to doc/ as a file and a picture of its own, parsed"""
    p = beside_options(name, doc, **usual)
    p.add_argument('--only', action='append', metavar='WORD', help='only rows with this in their name; repeated: with all of these')
    p.add_argument('--write-doc', nargs='?', metavar='DIR', const=os.path.join(ROOT, 'doc'),
                   help='the table and a picture of it, NAME.txt and NAME.svg, go to doc/ (or DIR)')
    a = parsed(p)
    if (a.quick or a.only) and a.write_doc:
        p.error('what goes to doc/ is measured whole, without --quick or --only')
    return a


def wanted(row, words):
    """is each of words a part of the row's name?"""
    return all(w in row if isinstance(row, str) else w in map(str, row) for w in words or [])


class Turns:
    """What is measured in turns: times as fast as DPDK out of {(row, peer): [figure of each repeat]}, less is better."""

    def __init__(self, name, a):
        self.name, self.a, self.dir = name, a, workdir()
        self.ns, self.noisy, self.turn, self.peers = {}, 0, False, {}
        self.floor = self.own('channel-floor')

    def own(self, program):
        binary, why = build_own(self.a.build, program)
        if binary is None:
            sys.exit(f'bench {self.name}: {program} {why}')
        return binary

    def in_turns(self):
        """the peers, the other way round each time"""
        self.turn = not self.turn
        return sorted(self.peers, reverse=self.turn)

    def one_repeat(self, gate):
        """({row: {peer: figure}}, noisy)"""
        raise NotImplementedError

    def run(self):
        gate, end = Gate(self.a.gate_wait, self.a.gate_total), time.monotonic() + self.a.budget
        for i in range(self.a.repeats):
            for _ in range(self.a.retries + 1):
                got, noisy = self.one_repeat(gate)
                if not noisy or time.monotonic() > end:
                    break
            self.noisy += noisy
            for row, by in got.items():
                for p, v in by.items():
                    self.ns.setdefault((row, p), []).append(v)
            print(f'{self.name}: repeat {i + 1} of {self.a.repeats}{f" (noisy: {gate.why})" if noisy else ""}', file=sys.stderr)

    def ratio(self, row):
        """how many times as fast as DPDK: the median of the repeats' ratios"""
        ours, theirs = self.ns.get((row, 'shoal')), self.ns.get((row, 'dpdk'))
        if not ours or not theirs:
            return None
        return statistics.median(t / o for o, t in zip(ours, theirs))

    def beside_dpdk(self, row):
        """our ratio as text, and what is slower is called so"""
        r = self.ratio(row)
        return '' if r is None else f'x{short(r)}' + (' slower' if r < TIE else ' even' if r < 1 else '')

    def cells(self, row, show=lambda v: v):
        """of a table's line: each peer's figure, the ratio, the verdict. show: what is shown for a figure"""
        r = self.ratio(row)
        known = [(p, [show(v) for v in self.ns[(row, p)]]) for p in self.peers if (row, p) in self.ns]
        texts = {p: Stat(vs, self.noisy > 0).text() for p, vs in known}
        return [texts.get(p, 'not possible') for p in self.peers] + (
            ['-', 'not measured'] if r is None else [short(r), 'met' if r >= TIE else 'missed'])


class Beside(Turns):
    """
    rows: [(row, command)]: what is told to the program, and under what key its ns are kept; a command that differs from peer to
    peer is a function of the peer's name, None: not for that one. program: its source, if it is not name; args: parsed already; env:
    what it is given beside a directory of its own; libs: what it needs beside DPDK's archives. more: other peers, a function of the
    output directory: {name: (program, or None and why it is not there)}.
    """

    def __init__(self, name, doc, rows, archives, program=None, args=None, env=None, libs=(), more=None, **usual):
        super().__init__(name, args or shown_options(name, doc, **usual))
        self.rows, self.env = [r for r in rows(self.a.scale) if wanted(r[0], getattr(self.a, 'only', None))], env or {}
        if not self.rows:
            sys.exit(f'bench {name}: --only: there is no such row')
        program = program or name
        self.peers['shoal'] = self.own(program.replace('_', '-') + '-shoal')
        found, self.version, self.why = build_dpdk(self.a.out, program, archives, '-O3', libs)
        if 'dpdk' in found:
            self.peers['dpdk'] = found['dpdk']
        self.absent = [] if self.version else [f'dpdk: {self.why}']
        for peer, (binary, why) in (more(self.a.out) if more else {}).items():
            if binary:
                self.peers[peer] = binary
            else:
                self.absent.append(f'{peer}: {why}')

    def one_repeat(self, gate):
        """{row: {peer: ns}}, noisy"""
        crew, got = Crew(self.floor, self.dir), {}
        gate.open()
        try:
            procs = {}
            for p, b in self.peers.items():
                run = os.path.join(self.dir, 'run', p)
                os.makedirs(run, mode=0o700, exist_ok=True)
                first = ['chrt', '--rr', '5'] if self.a.realtime else []
                procs[p] = crew.start(first + [b], env=dict(self.env, RUNTIME_DIRECTORY=run))
            for p in procs.values():
                p.ready()
            for row, command in self.rows[:1] + self.rows: # the first one twice: what a process does for the first time takes longer
                for p in self.in_turns():
                    said = command(p) if callable(command) else command
                    if said is None:
                        continue
                    procs[p].say(said)
                    try:
                        got.setdefault(row, {})[p] = procs[p].result()['ns'] # the second time instead of the first
                    except Failed as e:
                        raise Failed(f'{p}, {row}: {e}')
        finally:
            used = crew.end()
        others, noisy = gate.close(used)
        return got, noisy

    def write(self, columns, lines, picture):
        """columns: the names of a row's parts; picture(): SVG of it"""
        head = [f'{self.name}: shoal beside DPDK {self.version or "(absent: " + str(self.why) + ")"}; '
                f'{self.a.repeats} repeats, {self.noisy} of them noisy{", with real-time priority" if self.a.realtime else ""}',
                json.dumps(machine())]
        text = '\n'.join(head + lines + [f'absent: {x}' for x in self.absent]) + '\n'
        flat = [(row if isinstance(row, tuple) else (row,), p, vs) for (row, p), vs in self.ns.items()]
        base = os.path.join(self.a.out, self.name)
        with open(base + '.txt', 'w') as f:
            f.write(text)
        with open(base + '.tsv', 'w') as f:
            f.write('\t'.join(columns) + '\tpeer\tns\n')
            f.writelines('\t'.join(map(str, row)) + f'\t{p}\t{v}\n' for row, p, vs in flat for v in vs)
        with open(base + '.json', 'w') as f:
            json.dump({'machine': machine(), 'dpdk': self.version,
                       'ns': [dict(zip(columns, row), peer=p, ns=vs) for row, p, vs in flat]}, f)
        print(text)
        for end, what in (('.txt', lambda: text), ('.svg', picture)):
            if self.a.write_doc:
                with open(os.path.join(self.a.write_doc, self.name + end), 'w') as f:
                    f.write(what())

    def main(self, show):
        """show(self) writes, and returns how many aims were missed"""
        try:
            self.run()
        except Failed as e:
            sys.exit(f'bench {self.name}: {e}')
        sys.exit(1 if show(self) and self.a.strict else 0)


def aligned(lines):
    width = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return ['  '.join(c.ljust(w) for c, w in zip(line, width)).rstrip() for line in lines]


# ---- tables of rows (mode, place, n) ----

def by_size(b, places, modes, sizes):
    """lines: for each of places (key: (name, what)) a table of modes and peers by n, ours with the ratio to DPDK"""
    out = []
    for place, (name, what) in places.items():
        lines = [['mode', 'with'] + [f'n={n}' for n in sizes]]
        for mode in modes:
            for p in b.peers:
                of = [b.ns.get(((mode, place, n), p)) for n in sizes]
                if not any(of):
                    continue
                cells = [Stat(v, b.noisy > 0).text() if v else '-' for v in of]
                if p == 'shoal':
                    cells = [f'{c} {b.beside_dpdk((mode, place, n))}'.rstrip() for c, n in zip(cells, sizes)]
                lines.append([mode, p] + cells)
        if len(lines) > 1:
            out += ['', f'{name}: {what}', ''] + aligned(lines)
    return out


def slower(b, rows):
    """(lines: those of rows that are slower than DPDK; how many)"""
    measured = [row for row in rows if b.ratio(row) is not None]
    bad = [row for row in measured if b.ratio(row) < TIE]
    return ['', f'Slower than DPDK: {len(bad)} of {len(measured)} rows'] + [
        f'{mode}, {place}, n={n}: slower: {short(b.ratio((mode, place, n)))}' for mode, place, n in bad], len(bad)


def medians(b, mode, place, sizes, peer):
    of = [b.ns.get(((mode, place, n), peer)) for n in sizes]
    return [Stat(v, False).med if v else None for v in of]


def by_size_picture(b, title, foot, places, modes, sizes, names):
    """a panel for each place and mode; names: {peer: what it is called}"""
    def notes(place, mode):
        told = [b.beside_dpdk((mode, place, n)) for n in sizes]
        return [(t, 'slower' in t) for t in told]
    peers = [p for p in names if p in b.peers]
    return picture.lines(title, foot, [(k, places[k][0]) for k in places], modes, sizes, [names[p] for p in peers],
                         lambda place, mode, name: medians(b, mode, place, sizes, {v: k for k, v in names.items()}[name]), notes)
