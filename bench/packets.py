#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""./dev bench packets: mbufs, ports and DPDK's example programs beside DPDK, in one run.

mbuf and port are programs bench/packets_PART.c, built against both from one text; programs are those of dpdk-doc (packets_run.py).
The two take turns within each repeat; a ratio is made inside a repeat and the median is taken of the ratios. Writes
OUT/packets.{txt,tsv,json}. Method and how to read the tables: doc/performance.md.
"""
import json
import os
import random
import statistics
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import packets_run as run  # noqa: E402
import picture  # noqa: E402
from beside import TIE, Beside, aligned, beside_options, parsed  # noqa: E402
from channel import ROOT  # noqa: E402
from harness import Failed, HugePages, Stat, machine, short, workdir  # noqa: E402

HUGE_PAGES = 120
WHAT = {'mbuf': 'ns for an mbuf (chains: a packet) taken and given back',
        'port': 'cycles for a packet received and sent, in bursts of so many',
        'programs': 'million packets a second of CPU time, all processes together; and cycles of CPU time for a packet',
        'stopped': 'rx_drop_en: rate of the other processes, of what it is while none is stopped'}

# as in packets_mbuf.c, with the millions of mbufs a measurement has
MBUF = {'alloc, free, 1': 10, 'alloc, free, bulk 32': 20, 'alloc bulk 32, free 1': 15, '1024 held by 32': 10,
        'no cache, bulk 32': 10, 'clone, free': 5, 'clone, free, 3 segments': 2, 'chain of 3': 3,
        'adj, prepend, append, trim': 20, 'external buffer': 5}
# as in packets_port.c, with the bursts and the millions of packets
PORT = [('null', (1, 4, 32), 4), ('null, tx buffer', (32,), 4), ('null, rx and tx callbacks', (32,), 4), ('ring', (1, 4, 32), 8),
        ('pcap read in a loop', (1, 32), 1), ('pcap read', (32,), .1), ('pcap to /dev/null', (32,), .5),
        ('pcap to a file', (32,), .4), ('ring, from process to process', (1, 32), 2)]


def mbuf_rows(scale):
    return [(case, f'{i} {max(1024, int(millions * 1e6 * scale))}') for i, (case, millions) in enumerate(MBUF.items())]


def port_rows(two):
    """two: DPDK has huge pages, so that there can be a second process"""
    return lambda scale: [(f'{case}, {n}', f'{i} {n} {max(1024, int(millions * 1e6 * scale))}')
                          for i, (case, bursts, millions) in enumerate(PORT) for n in bursts if two or 'process' not in case]


def capture(path, packets):
    """UDP of the usual mixture of lengths, from many hosts; the same each time"""
    r = random.Random(7)
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for i in range(packets):
            size = r.choice([60] * 7 + [576] * 4 + [1514])
            ip = struct.pack('>BBHHHBBHII', 0x45, 0, size - 14, i & 0xffff, 0, 64, 17, 0, 0x0a000000 | r.getrandbits(16),
                             0x0b000000 | r.getrandbits(16))
            udp = struct.pack('>HHHH', r.randrange(1024, 65535), 53, size - 34, 0)
            f.write(struct.pack('<IIII', 1600000000 + i // 1000, i % 1000 * 1000, size, size))
            f.write((b'\2\0\0\0\0\1\2\0\0\0\0\2\x08\0' + ip + udp).ljust(size, b'x'))


def captures():
    """a directory in memory with files to read, and room for one to write"""
    here = tempfile.TemporaryDirectory(prefix='shoal-bench.', dir='/dev/shm' if os.path.isdir('/dev/shm') else None)
    capture(os.path.join(here.name, 'loop.pcap'), 2048)
    capture(os.path.join(here.name, 'long.pcap'), 100000)
    return here


def huge_pages():
    """where they are mounted, or None and why not"""
    try:
        return HugePages(workdir(), HUGE_PAGES), None
    except Failed as e:
        return None, str(e)


def tsc_hz(floor):
    return float(subprocess.run([floor, 'tsc'], capture_output=True, text=True, check=True).stdout)


def program_line(part, row, hz):
    """Mpps of all processes, and what a packet costs the one that has it; figures are ns for a packet of any of n processes"""
    cycles = part.cells(row, lambda ns: ns * run.ROWS[row][2] * hz / 1e9)
    return [row] + part.cells(row, lambda ns: 1e3 / ns)[:-2] + cycles


def stopped(part):
    out = []
    for row in run.STOPPED:
        r = part.ns.get((row, 'shoal'))
        out.append([row] + (['-', 'not measured'] if not r else
                            [Stat(r, part.noisy > 0).text(), 'met' if statistics.median(r) >= run.KEEP else 'missed']))
    return out


def tables(parts):
    """[(what, head, lines)]"""
    out = []
    for name, part in parts.items():
        what = WHAT[name] + f'; {part.a.repeats} repeats, {part.noisy} noisy; aim: never slower than DPDK'
        end = ['times as fast as DPDK', '']
        if name != 'programs':
            out.append((what, [name] + list(part.peers) + end, [[row] + part.cells(row) for row, _ in part.rows]))
            continue
        hz = tsc_hz(part.floor)
        out.append((what, [name] + [f'{p}, {unit}' for unit in ('Mpps', 'cycles') for p in part.peers] + end,
                    [program_line(part, row, hz) for row in run.ROWS]))
        out.append((WHAT['stopped'] + f'; aim: {run.KEEP:.0%}', ['rx_drop_en', 'of their rate', ''], stopped(part)))
    return out


def drawn(parts):
    """a bar for each row that has a ratio"""
    cases = []
    for name, part in parts.items():
        cases.append((WHAT[name].split(';')[0], None, None, False))
        for row in [r for r, _ in part.rows] if name != 'programs' else run.ROWS:
            r = part.ratio(row)
            ns = [(p, part.ns.get((row, p))) for p in part.peers]
            show = (lambda v: 1e3 / v) if name == 'programs' else (lambda v: v)
            what = ', '.join(f'{"DPDK" if p == "dpdk" else p} {short(show(statistics.median(v)))}' for p, v in ns if v)
            cases.append((row, r, f'{part.beside_dpdk(row) or "not possible on DPDK"} ({what})', r is not None and r < TIE))
    return picture.bars('Packets: how many times as fast as DPDK', ['Line: as fast as DPDK in the same run. How it is measured: '
                        'performance.md; all figures: packets.txt.'], cases)


def verdicts(all_tables):
    """the line that sums up, and how many rows missed their aim"""
    said = [(line[0], line[-1]) for _, _, lines in all_tables for line in lines]
    missed = [row for row, v in said if v == 'missed']
    known = [row for row, v in said if v in ('met', 'missed')]
    return f'Aims: {len(known) - len(missed)} of {len(known)} met' + (': all' if not missed else '; missed: ' + '; '.join(missed)), len(missed)


def write(a, parts, version, why):
    all_tables = tables(parts)
    summary, missed = verdicts(all_tables)
    out = [f'packets: shoal beside DPDK {version or "(absent: " + str(why) + ")"}'
           + (', mbuf and port with real-time priority' if a.realtime else ''), json.dumps(machine()), '',
           f'A figure: median (min..max) of the repeats, ~: of a busy machine. met: {TIE} or more, nearer than the spread of a quiet '
           'machine.', summary, '']
    for what, first, lines in all_tables:
        out += [what, ''] + aligned([first] + lines) + ['']
    text = '\n'.join(out)
    flat = [(name, row, p, vs) for name, part in parts.items() for (row, p), vs in part.ns.items()]
    base = os.path.join(a.out, 'packets')
    with open(base + '.tsv', 'w') as f:
        f.write('part\trow\tpeer\tfigure\n')
        f.writelines(f'{name}\t{row}\t{p}\t{v}\n' for name, row, p, vs in flat for v in vs)
    with open(base + '.json', 'w') as f:
        json.dump({'machine': machine(), 'dpdk': version,
                   'figures': [{'part': n, 'row': r, 'peer': p, 'values': vs} for n, r, p, vs in flat]}, f)
    print(text)
    for to in [base] + ([os.path.join(ROOT, 'doc', 'packets')] if a.write_doc else []):
        for end, content in (('.txt', text), ('.svg', drawn(parts))):
            with open(to + end, 'w') as f:
                f.write(content)
    return missed


def make(a, name, files, huge):
    """(part, version of DPDK, why it is absent)"""
    where = huge.dir if huge else None
    if name == 'programs':
        programs, version, why = run.build(a)
        return run.Programs(a, programs, files, where), version, why
    if name == 'mbuf':
        b = Beside('packets, mbuf', __doc__, mbuf_rows, run.ARCHIVES[:7], program='packets_mbuf', args=a)
    else:
        env = {'BENCH_FILES': files, **({'BENCH_HUGE': where} if where else {})}
        b = Beside('packets, port', __doc__, port_rows(where), run.ARCHIVES, program='packets_port', args=a, env=env,
                   libs=(run.PCAP,))
    return b, b.version, b.why


def arguments():
    p = beside_options('packets', __doc__, gate_wait=4, gate_total=30)
    p.set_defaults(budget=90) # for each of three parts
    p.add_argument('--part', choices=('mbuf', 'port', 'programs'), action='append', help='this one alone; may be given again')
    p.add_argument('--write-doc', action='store_true', help='tables and a picture of them, packets.txt and packets.svg, go to doc/')
    a = parsed(p)
    if a.write_doc and (a.quick or a.part):
        p.error('what goes to doc/ is measured whole, without --quick or --part')
    return a


def main():
    a = arguments()
    huge, no_huge = huge_pages()
    if no_huge:
        print(f'DPDK without a second process: {no_huge}', file=sys.stderr)
    parts, version, why = {}, None, None
    with captures() as files:
        try:
            for name in a.part or ('mbuf', 'port', 'programs'):
                parts[name], version, why = make(a, name, files, huge)
                parts[name].run()
        except Failed as e:
            sys.exit(f'bench packets: {e}')
    sys.exit(1 if write(a, parts, version, why) and a.strict else 0)


if __name__ == '__main__':
    main()
