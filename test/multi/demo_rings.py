#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""demo_rings.py DEMO BUILD - ./dev demo rings: every mode, at a terminal, ended by Ctrl-C, with wrong arguments"""
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest

DEMO, BUILD = sys.argv[1:3]
MODES = ['SP/SC', 'MP/SC', 'SP/MC', 'MP/MC', 'HTS', 'RTS']
LIMIT_S = 60 * int(os.environ.get('SHOAL_TEST_SLOW', 1))


class Rings(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory(prefix='shoal-t.')
        self.dir = os.path.join(self.tmp.name, 'tmp')
        os.mkdir(self.dir)
        self.env = dict(os.environ, TMPDIR=self.dir)
        self.addCleanup(self.tmp.cleanup)

    def demo(self, *args):
        r = subprocess.run(['bash', DEMO, BUILD, *args], env=self.env, stdin=subprocess.DEVNULL, text=True, timeout=LIMIT_S,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(os.listdir(self.dir), [], 'nothing is left')
        return r.returncode, r.stdout

    def file(self, size):
        name = os.path.join(self.tmp.name, 'a file')
        with open(name, 'wb') as f:
            f.write(os.urandom(size))
        return name

    def at_terminal(self, on_output, *args):
        """status; all that came. on_output(all so far, fd) is called with each piece"""
        pid, fd = pty.fork()
        if pid == 0:
            os.execvpe('bash', ['bash', DEMO, BUILD, *args], self.env)
        out, end = b'', time.monotonic() + LIMIT_S
        while True:
            if not select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
                os.kill(pid, signal.SIGKILL)
                self.fail('no end: ' + out.decode(errors='replace'))
            try:
                piece = os.read(fd, 65536)
            except OSError: # the terminal is gone
                piece = b''
            if not piece:
                break
            out += piece
            on_output(out, fd)
        os.close(fd)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), out

    def test_every_mode(self):
        for mode in MODES:
            st, out = self.demo('--seconds', '0', '--kills', '3', '--mode', mode)
            self.assertEqual(st, 0, out)
            self.assertIn('lost 0, twice 0, out of order 0', out)
            self.assertEqual(out.count('killed with -9'), 3, out)
            self.assertTrue(out.endswith('rings demo: 13 claims checked\n'), out)

    def test_the_smallest_file_and_most_kills(self):
        st, out = self.demo('--seconds', '0', '--kills', '20', self.file(4096))
        self.assertEqual(st, 0, out)
        self.assertTrue(out.endswith('rings demo: 64 claims checked\n'), out)

    def test_wrong_arguments(self):
        small = self.file(4095)
        for args, why in ((['--mode', 'XP'], '--mode is SP/SC'), (['--kills', '21'], 'up to 20'), (['--kills'], 'wants a number'),
                          (['--seconds', '-1'], 'wants a number'), (['--what'], 'unknown option --what'),
                          (['/no/such'], "cannot read the file '/no/such'"), (['/'], 'cannot read'), ([small], 'too small')):
            st, out = self.demo(*args)
            self.assertEqual((st, why in out, out.count('\n')), (2, True, 1), out)

    def test_at_a_terminal_the_table_moves(self):
        st, out = self.at_terminal(lambda *_: None, '--seconds', '1', '--kills', '1')
        self.assertEqual(st, 0, out)
        self.assertGreater(out.count(b'\033['), 3, out)
        self.assertEqual(os.listdir(self.dir), [])

    def test_ctrl_c_ends_and_cleans_up(self):
        typed = []

        def once(out, fd):
            if b'producer 1' in out and not typed:
                typed.append(1)
                os.write(fd, b'\x03')
        st, out = self.at_terminal(once, '--seconds', '600')
        self.assertEqual(st, 130, out)
        self.assertIn(b'rings demo: stopped', out)
        self.assertEqual(os.listdir(self.dir), [])
        # whoever was started ran in that directory's group
        alive = [p for p in os.listdir('/proc') if p.isdigit() and self.dir.encode() in environ_of(p)]
        self.assertEqual(alive, [])


def environ_of(pid):
    try:
        with open(f'/proc/{pid}/environ', 'rb') as f:
            return f.read()
    except OSError:
        return b''


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
