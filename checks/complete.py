#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Are these headers complete? Each name that DPDK's header of the same name declares must be declared by ours.

The yardstick is the installed DPDK (package libdpdk-dev), asked through clang, all its headers at once; ours are asked one by one, as
each must have its names by itself. Without DPDK or clang nothing is said. A name that we leave out on purpose stands in
doc/compat.md as absent.
"""
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HEADERS = ['rte_atomic.h', 'rte_cycles.h', 'rte_launch.h', 'rte_lcore.h', 'rte_mempool.h', 'rte_pause.h', 'rte_per_lcore.h',
           'rte_prefetch.h', 'rte_random.h', 'rte_ring.h', 'rte_ring_core.h', 'rte_ring_elem.h', 'rte_ring_hts.h',
           'rte_ring_peek.h', 'rte_ring_peek_zc.h', 'rte_ring_rts.h', 'rte_rwlock.h', 'rte_spinlock.h', 'rte_malloc.h',
           'rte_memzone.h', 'rte_memory.h', 'rte_errno.h', 'rte_debug.h', 'rte_branch_prediction.h', 'rte_eal.h',
           'cmdline.h', 'cmdline_parse.h', 'cmdline_parse_etheraddr.h', 'cmdline_parse_ipaddr.h', 'cmdline_parse_num.h',
           'cmdline_parse_portlist.h', 'cmdline_parse_string.h', 'cmdline_rdline.h', 'cmdline_socket.h']
DECLS = {'FunctionDecl', 'TypedefDecl', 'RecordDecl', 'EnumDecl', 'EnumConstantDecl', 'VarDecl'}


def run(args, headers):
    before = ['rte_common.h', 'rte_compat.h'] + ['rte_ring.h'] * any('rte_ring' in h for h in headers)  # some of DPDK's need these
    text = ''.join(f'#include <{h}>\n' for h in before + headers)
    r = subprocess.run(args, input=text, capture_output=True, text=True, check=False)
    if r.returncode != 0:
        sys.exit(next((l for l in r.stderr.splitlines() if 'error:' in l), r.stderr[:200]))
    return r.stdout


def macros(flags, headers):
    """name -> file that defines it last"""
    at, found = '', {}
    for line in run(['clang', '-E', '-dD', '-x', 'c', *flags, '-'], headers).splitlines():
        m = re.match(r'# \d+ "([^"]*)"', line)
        if m:
            at = m[1]
        m = re.match(r'#define (\w+)', line)
        if m:
            found[m[1]] = at
    return found


class Files:
    """In clang's tree a file is named where it differs from the one named last, in the order of the text."""

    def __init__(self):
        self.last = ''

    def of(self, loc):
        """the file of a location: of a macro's use, not of its definition"""
        if 'spellingLoc' in loc:
            self.of(loc['spellingLoc'])
            return self.of(loc['expansionLoc'])
        self.last = loc.get('file', self.last)
        return self.last

    def follow(self, node):
        """what is named inside; returns the file of the node itself"""
        own = self.of(node.get('loc', {}))
        for end in node.get('range', {}).values():
            self.of(end)
        for inner in node.get('inner', []):
            self.follow(inner)
        return own


def declared(flags, headers):
    """name -> file, of what the headers declare at file scope, and enumerators"""
    ast = json.loads(run(['clang', '-fsyntax-only', '-w', '-x', 'c', '-Xclang', '-ast-dump=json',
                          *flags, '-'], headers))
    found, files = {}, Files()
    for node in ast['inner']:
        where = files.follow(node)
        if node['kind'] in DECLS and 'name' in node:
            found.setdefault(node['name'], where)
        if node['kind'] == 'EnumDecl':
            for e in node.get('inner', []):
                if 'name' in e:
                    found.setdefault(e['name'], where)
    return found


def absent():
    """patterns of what doc/compat.md says we do not have"""
    with open('doc/compat.md', encoding='utf-8') as f:
        rows = [row.split('|') for row in f if row.startswith('|')]
    return [n for r in rows if len(r) > 2 and r[2].strip().startswith('absent') for n in re.findall(r'`([^`]*)`', r[1])]


def own(path, header):
    """does this file belong to that header? its parts for one machine and for all do; what is private does not"""
    return os.path.basename(path) in (header, header[:-2] + '_64.h')


def main():
    flags = subprocess.run(['pkg-config', '--cflags', 'libdpdk'], capture_output=True, text=True, check=False,
                           env={k: v for k, v in os.environ.items() if not k.startswith('PKG_CONFIG')})
    if flags.returncode != 0 or not shutil.which('clang'):
        print('not looked at: needs clang and libdpdk-dev')
        return 0
    dpdk = flags.stdout.split() + ['-std=gnu11', '-D_GNU_SOURCE', '-DALLOW_EXPERIMENTAL_API']
    ours = ['-Iinclude', '-include', 'rte_config.h', '-std=gnu11', '-D_GNU_SOURCE', '-DALLOW_EXPERIMENTAL_API']
    bad, left_out = 0, absent()
    want = {**macros(dpdk, HEADERS), **declared(dpdk, HEADERS)}
    for h in HEADERS:
        have = {**macros(ours, [h]), **declared(ours, [h])}
        for name in sorted(n for n, f in want.items() if own(f, h) and not n.startswith('_') and n not in have):
            if not any(fnmatch.fnmatchcase(name, p) for p in left_out):
                print(f'{h}: {name}')
                bad += 1
    if bad:
        print(f'{bad} names are missing')
    return bad != 0


if __name__ == '__main__':
    sys.exit(main())
