#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""left_test.py: what a run of these tests that was killed has left is cleared away by the next one, and nobody else's"""
import os
import subprocess
import sys
import tempfile

from world import new_directory

RUN = 'import sys, world; print(world.new_directory()[0], flush=True); sys.stdin.read()'


def run():
    """one that has a directory, and that"""
    p = subprocess.Popen([sys.executable, '-c', RUN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                         cwd=os.path.dirname(os.path.abspath(__file__)))
    return p, p.stdout.readline().strip()


def main():
    with tempfile.TemporaryDirectory() as tmp:
        os.environ['TMPDIR'] = tempfile.tempdir = tmp
        (killed, left), (alive, used) = run(), run()
        if not os.path.isdir(left) or not os.path.isdir(used):
            return 'a directory is not there while its process lives'
        killed.kill()
        killed.wait()
        mine, _ = new_directory()
        there = {os.path.join(tmp, name) for name in os.listdir(tmp)}
        alive.kill()
        alive.wait()
        return None if there == {used, mine} else f'there are {there}: {left} should be gone, {used} and {mine} be there'


if __name__ == '__main__':
    why = main()
    print(f'not ok: {why}' if why else 'ok')
    sys.exit(1 if why else 0)
