# SPDX-License-Identifier: BSD-3-Clause
"""What an install puts where, for ./dev install.

dirs PLAN PREFIX   "d DIR" for each directory that does not exist yet and will be made
files PLAN LOG     "f FILE" for each file and link that meson's log says it has installed
"""
import json
import os
import sys


def ancestors(path):
    while path not in ('', '/'):
        yield path
        path = os.path.dirname(path)


def main():
    what, plan, third = sys.argv[1:4]
    if what == 'dirs':
        with open(plan) as f:
            targets = [os.path.dirname(p) for p in json.load(f).values()]
        targets += [third + '/share/shoal', third + '/include/shoal', *json_dirs(plan)]
        print('\n'.join(sorted({'d ' + a for t in targets for a in ancestors(t) if not os.path.exists(a)})))
    else:
        with open(third) as f:
            lines = [s.rstrip('\n') for s in f if not s.startswith('#')]
        print('\n'.join('f ' + s for s in lines if os.path.islink(s) or not os.path.isdir(s)))


def json_dirs(plan):
    """A directory installed as a whole is in the plan under its own name."""
    with open(plan) as f:
        for src, dst in json.load(f).items():
            if os.path.isdir(src):
                for root, _, _ in os.walk(src):
                    yield os.path.normpath(os.path.join(dst, os.path.relpath(root, src)))


main()
