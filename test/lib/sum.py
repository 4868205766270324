# SPDX-License-Identifier: BSD-3-Clause
"""Sum up meson's testlog.json: what failed with its output, each program's count, and one closing line.

With a second log, of those that ran once more alone, its result counts and the first failure is printed beside it.
--failed LOG: the names of those that failed.

A program that closes with "N passed, N failed, N skipped" is counted by that; any other is one test by its result. A program
that failed without counting a failure (it crashed, hung, or a sanitizer ended it) is one more failure.
"""
import json
import re
import sys

CLOSING = re.compile(r'^(\d+) passed, (\d+) failed, (\d+) skipped$', re.M)


def read(path):
    try:
        with open(path) as f:
            return [json.loads(line) for line in f if line.strip()]
    except FileNotFoundError:
        return []


def short(r):
    return r['name'].split(' / ')[-1]


def bad(r):
    return r['result'] not in ('OK', 'EXPECTEDFAIL', 'SKIP')


def main():
    total = [0, 0, 0]
    if sys.argv[1] == '--failed':
        print('\n'.join(sorted({short(r) for r in read(sys.argv[2]) if bad(r)})))
        return 0
    runs = read(sys.argv[1])
    alone = {short(r): r for r in read(sys.argv[2])} if len(sys.argv) > 2 else {}
    for i, r in enumerate(runs):
        if bad(r) and short(r) in alone and not bad(alone[short(r)]):
            print(f'again - {short(r)}: it failed beside others and passed alone; the first time it said')
            for line in ((r.get('stdout') or '') + (r.get('stderr') or '')).splitlines()[:60]:
                if not line.startswith('ok - '):
                    print('  | ' + line)
            runs[i] = alone[short(r)]
    for r in runs:
        name = short(r)
        out = r.get('stdout', '') or ''
        err = r.get('stderr', '') or ''
        good = r['result'] in ('OK', 'EXPECTEDFAIL')
        skip = r['result'] == 'SKIP'
        found = CLOSING.findall(out)
        n = [int(x) for x in found[-1]] if found else [int(good), 0, int(skip)]
        if not good and not skip and n[1] == 0:
            n[1] = 1
        total = [a + b for a, b in zip(total, n)]
        if n[1]:
            print(f'not ok - {name}: {r["result"]} after {r["duration"]:.0f} s, status {r.get("returncode")}')
            said = [line for line in (out + err).splitlines() if not line.startswith('ok - ')]
            # of very much the beginning, which names the case and its first words, and the end
            for line in said if len(said) < 400 else said[:100] + ['...'] + said[-300:]:
                print('  | ' + line)
        else:
            print(f'ok - {name}: {n[0]} passed, {n[2]} skipped, {r["duration"]:.1f} s')
            for line in out.splitlines():
                if line.startswith('skip - '):
                    print('  | ' + line)
    if not runs:
        print('no test ran')
        return 1
    print(f'{total[0]} passed, {total[1]} failed, {total[2]} skipped')
    return 0


sys.exit(main())
